import { describeDecoder } from './decoder.ts';
import type { ModelFamily } from './family.ts';

/** Granite: a Llama whose embeddings, residuals and logits are multiplied by numbers, which are no parameters. */
export const granite: ModelFamily = {
  modelType: 'granite',
  describe: (config, parallel) => describeDecoder(config, parallel),
};
