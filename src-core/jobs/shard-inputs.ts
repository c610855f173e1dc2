import { findModelConfig, type ModelConfig } from '../checkpoint/configs.ts';
import { openCheckpoint } from '../models/open-checkpoint.ts';
import { openHuggingFace, originalsOf, type WeightsInput } from './weights-input.ts';

/** Hugging Face weights or adapters, or a checkpoint that is sharded already. */
export type ShardSourceKind = 'hugging-face' | 'checkpoint';

/** What is going to be sharded: original weights as views, and what the model consists of. */
export interface ShardInput extends WeightsInput {
  readonly config: ModelConfig;
}

/**
 * What is to be sharded, from a folder of either kind. `config` names the config.json of the base model, or its folder, where it
 * does not stand beside the weights. Throws `missing-file` where there is none.
 */
export function openShardInput(from: ShardSourceKind, folder: string, config?: string): ShardInput {
  const input = from === 'checkpoint' ? originalsOf(openCheckpoint(folder)) : openHuggingFace(folder);
  const bases = input.adapters.flatMap((adapter) => adapter.config?.baseModel ?? []);
  return { ...input, config: findModelConfig(input.root, config, bases) };
}
