import { ShardloomError } from '../errors.ts';
import type { DecoderConfig } from './decoder.ts';
import type { ModelDescription, ParallelConfig } from './description.ts';
import { granite } from './granite.ts';
import { llama } from './llama.ts';
import { checkParallelSizes } from './parallel-sizes.ts';
import { qwen3 } from './qwen3.ts';

/** How models of one model_type are built: what a contributor adds, in a file of its own. */
export interface ModelFamily {
  /** As config.json names it. */
  readonly modelType: string;
  /** False where training has no pipeline stages for it; absent: it has. */
  readonly supportsPipelineParallelism?: false;
  /** False where the vocabulary is whole on every rank, so that the tensor parallel size need not divide it; absent: it is split. */
  readonly splitsVocabulary?: false;
  readonly describe: (config: DecoderConfig, parallel: ParallelConfig) => ModelDescription;
}

/** The families that can be sharded. Consolidating needs none: a checkpoint's metadata says everything. */
export const MODEL_FAMILIES: readonly ModelFamily[] = [llama, qwen3, granite];

/**
 * A model by its model_type and sizes. Throws `unsupported` for a model_type that has no family, and
 * `parallel-size-mismatch` for sizes that it cannot be split by.
 */
export function describeModel(modelType: string, config: DecoderConfig, parallel: ParallelConfig): ModelDescription {
  const family = MODEL_FAMILIES.find((candidate) => candidate.modelType === modelType);
  if (!family) {
    throw new ShardloomError({
      tag: 'unsupported',
      what: 'It is not known how training spreads models of this type.',
      tensor: 'model_type',
      found: modelType,
      expected: MODEL_FAMILIES.map((known) => known.modelType).join(', '),
      advice: 'A new family is one file in src-core/models and a line in its family.ts: see docs/architecture.md.',
    });
  }
  checkParallelSizes(config, parallel, family);
  return family.describe(config, parallel);
}
