import { findModelConfig, type ModelConfig } from '../checkpoint/configs.ts';
import { openCheckpoint, type OpenOptions } from '../models/open-checkpoint.ts';
import { openHuggingFace, originalsOf, type WeightsInput } from './weights-input.ts';

/** Hugging Face weights or adapters, or a checkpoint that is sharded already. */
export type ShardSourceKind = 'hugging-face' | 'checkpoint';

/** What is going to be sharded: original weights as views, and what the model consists of. */
export interface ShardInput extends WeightsInput {
  readonly config: ModelConfig;
}

/**
 * What is to be sharded, from a folder of either kind. `options.config` names the config.json of the base model, or its folder, where it
 * does not stand beside the weights; `options.kvPlacement` concerns a checkpoint only. Throws `missing-file` where there is no config.
 */
export function openShardInput(from: ShardSourceKind, folder: string, options: OpenOptions = {}): ShardInput {
  const input = from === 'checkpoint' ? originalsOf(openCheckpoint(folder, options)) : openHuggingFace(folder);
  const bases = input.adapters.flatMap((adapter) => adapter.config?.baseModel ?? []);
  const config =
    from === 'checkpoint' && input.config ? input.config : findModelConfig(input.root, options.config, bases);
  return { ...input, config };
}
