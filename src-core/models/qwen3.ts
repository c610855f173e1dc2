import { describeDecoder } from './decoder.ts';
import type { ModelFamily } from './family.ts';

/** Qwen3: head_dim need not be hidden size / heads, and query and key heads have norms. */
export const qwen3: ModelFamily = {
  modelType: 'qwen3',
  describe: (config, parallel) => describeDecoder(config, parallel, { headNorms: true }),
};
