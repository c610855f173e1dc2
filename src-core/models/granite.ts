import { describeDecoder } from './decoder.ts';
import type { ModelFamily } from './family.ts';

/**
 * Granite: a Llama whose embeddings, residuals and logits are multiplied by numbers, which are no parameters. Its training model has a plain
 * `nn.Embedding` and `nn.Linear` at both ends, and no pipeline parallelism (`SUPPORTS_PIPELINE_PARALLELISM = False`).
 */
export const granite: ModelFamily = {
  modelType: 'granite',
  supportsPipelineParallelism: false,
  splitsVocabulary: false,
  describe: (config, parallel) => describeDecoder(config, parallel, { wholeEmbeddings: true }),
};
