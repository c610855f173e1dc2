import { openCheckpoint } from '../models/open-checkpoint.ts';
import { printableJson, ShardloomError } from '../errors.ts';
import { translatePeftConfig, type PeftDirection } from '../jobs/peft-config.ts';
import { partNameOf } from '../plan/part-name.ts';
import { EXIT } from './exit-codes.ts';
import { openOptionsOf, type OpeningFlags } from './opening.ts';
import { parallelConfigOf, type SizeFlags } from './sizes.ts';

export interface ExportFlags extends OpeningFlags {
  readonly adapter?: readonly string[];
}

export interface TranslateFlags extends Omit<SizeFlags, 'tp' | 'kvPlacement'> {
  readonly tp?: string;
  readonly json?: boolean;
}

/** The parts of a checkpoint that `peft export` writes. */
export function adapterParts(folder: string, { adapter, ...opening }: ExportFlags): string[] {
  if (adapter) return adapter.map((name) => `adapter:${name}`);
  const { adapters, found } = openCheckpoint(folder, openOptionsOf(opening));
  if (adapters.length > 0) return adapters.map(partNameOf);
  throw new ShardloomError({
    tag: 'not-a-checkpoint',
    what: 'The checkpoint holds no adapters.',
    file: found.opened,
    isFolder: true,
    advice: 'Consolidate the model with shardloom consolidate.',
  });
}

/** `shardloom peft adapt|original CONFIG MODEL`. Returns the exit code. */
export function translateCommand(
  direction: PeftDirection,
  config: string,
  model: string,
  { tp, json, ...sizes }: TranslateFlags,
): number {
  const result = translatePeftConfig(
    direction,
    config,
    model,
    tp === undefined ? null : parallelConfigOf({ ...sizes, tp }),
  );
  process.stdout.write(`${printableJson(json ? result : result.after)}\n`);
  return EXIT.done;
}
