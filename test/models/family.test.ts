import { expect, test } from 'vitest';
import { MANY_PARAMETERS } from '../../bench/models.ts';
import { describeModel } from '../../src-core/models/family.ts';

test('the hundred thousand parameters of the benchmark are a model that can be described: only a config.json is limited', () => {
  const parallel = { tensorParallelSize: 2, pipelineParallelSize: 4, fuseQkv: false };
  const { stages } = describeModel('llama', MANY_PARAMETERS, parallel);
  expect(stages.reduce((sum, stage) => sum + stage.originalParameters.size, 0)).toBeGreaterThan(100_000);
});
