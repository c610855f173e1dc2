import { describeDecoder } from './decoder.ts';
import type { ModelFamily } from './family.ts';

/** Llama, and what has its architecture under this model_type. */
export const llama: ModelFamily = {
  modelType: 'llama',
  describe: (config, parallel) => describeDecoder(config, parallel),
};
