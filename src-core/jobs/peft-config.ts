import path from 'node:path';
import { findModelConfig, readAdapterConfig } from '../checkpoint/configs.ts';
import { ShardloomError } from '../errors.ts';
import type { ParallelConfig } from '../models/description.ts';
import { describeModel } from '../models/family.ts';
import { decoderConfigOf } from '../models/from-config.ts';
import { openCheckpoint } from '../models/open-checkpoint.ts';
import { adaptPeftConfigForModel, toOriginalPeftConfigForModel, type SpecsOfModel } from '../peft/config-for-model.ts';
import { specsOfStage } from '../plan/original-weights.ts';
import type { PeftConfig } from '../specs/peft-config/peft-config.ts';

export type PeftDirection = 'adapt' | 'original';

export interface TranslatedConfig {
  readonly file: string;
  readonly before: PeftConfig;
  readonly after: PeftConfig;
  /** Fields whose values are others now. */
  readonly changed: readonly string[];
}

/**
 * An adapter's config in terms of the Neuron model ("adapt") or of the original one. `model` is a sharded checkpoint, whose metadata
 * says what is fused; or, with `sizes`, the folder or config.json of a model.
 *
 * @param config the adapter's folder or its adapter_config.json
 */
export function translatePeftConfig(
  direction: PeftDirection,
  config: string,
  model: string,
  sizes: ParallelConfig | null,
): TranslatedConfig {
  const { file, document } = readAdapterConfig(path.resolve(config));
  const specs = sizes ? describedSpecs(model, sizes) : savedSpecs(model);
  const translate = direction === 'adapt' ? adaptPeftConfigForModel : toOriginalPeftConfigForModel;
  return translated(file, document, translate(specs, document));
}

/** A config before and after, with the fields that differ. */
export function translated(file: string, before: PeftConfig, after: PeftConfig): TranslatedConfig {
  const changed = Object.keys(after).filter((field) => JSON.stringify(before[field]) !== JSON.stringify(after[field]));
  return { file, before, after, changed };
}

function describedSpecs(model: string, sizes: ParallelConfig): SpecsOfModel {
  const { modelType, sizes: decoder } = decoderConfigOf(findModelConfig(path.resolve(model), model, []));
  return describeModel(modelType, decoder, sizes);
}

/** What a checkpoint's metadata lists, of the model or of its adapters: both are of the same model. */
function savedSpecs(folder: string): SpecsOfModel {
  const { model, adapters, found } = openCheckpoint(folder);
  const state = model ?? adapters[0];
  const specs = state?.stages.flatMap(specsOfStage) ?? [];
  if (specs.length > 0) return specs;
  throw new ShardloomError({
    tag: 'unsupported',
    what: 'The checkpoint has no metadata that says what is fused.',
    file: found.opened,
    isFolder: true,
    advice:
      'Name the model and its parallel sizes instead: --tp, and --kv-size-multiplier or --fuse-qkv where training set them.',
  });
}
