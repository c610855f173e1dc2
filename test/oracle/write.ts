import fs from 'node:fs';
import path from 'node:path';
import { saveStateDict, saveXser } from '../support/shards.ts';
import type { OracleCheckpoint, OracleConfig } from './model.ts';

/** How a generated checkpoint lies on disk. */
export type DiskLayout = 'plain' | 'xser' | 'xser without info' | 'legacy' | 'legacy xser';

/** Writes a checkpoint in one of the layouts that training runs have left over the years. Returns the folder to open. */
export function writeCheckpoint(
  folder: string,
  config: OracleConfig,
  made: OracleCheckpoint,
  layout: DiskLayout,
): string {
  const adapter = config.lora && path.join(folder, `adapter_${config.lora.adapter}`);
  const legacy = layout.startsWith('legacy');
  const shards = adapter
    ? path.join(adapter, 'adapter_shards')
    : path.join(folder, legacy ? 'tensor_parallel_shards' : 'shards');
  made.stages.forEach((stage, pp) => {
    stage.ranks.forEach((state, tp) => {
      const two = (rank: number): string => String(rank).padStart(2, '0');
      const ranks = `tp_rank_${two(tp)}_pp_rank_${two(pp)}`;
      const tensors = state as never;
      if (layout === 'legacy') saveStateDict(path.join(shards, ranks, 'checkpoint.pt'), tensors);
      else if (layout === 'legacy xser') saveXser(path.join(shards, ranks), tensors, false);
      else if (layout === 'plain') saveStateDict(path.join(shards, 'model', `dp_rank_00_${ranks}.pt`), tensors);
      else saveXser(path.join(shards, 'model', `dp_rank_00_${ranks}.pt`), tensors, layout === 'xser');
    });
    fs.writeFileSync(path.join(shards, `mp_metadata_pp_rank_${pp}.json`), JSON.stringify(stage.metadata));
  });
  if (!legacy) fs.writeFileSync(path.join(shards, 'done'), '1');
  if (adapter)
    fs.writeFileSync(
      path.join(adapter, 'adapter_config.json'),
      JSON.stringify({ peft_type: 'LORA', r: config.lora.rank }),
    );
  return folder;
}
