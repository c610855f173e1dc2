import { expect, test } from 'vitest';
import * as engine from '../src-core/index.ts';

test('what the engine exports is chosen, not accidental', () => {
  expect(Object.keys(engine).sort()).toMatchInlineSnapshot(`
    [
      "DIGESTS",
      "DTYPES",
      "FileSource",
      "FusedLinearsSpec",
      "GQAQKVColumnParallelLinearSpec",
      "ModelWeightTransformationSpec",
      "ModelWeightTransformationSpecs",
      "ShardloomError",
      "adaptStateDict",
      "cat",
      "chunk",
      "computeQueryIndicesForRank",
      "consolidate",
      "createLocalFusedWeight",
      "createLocalWeightWithPadding",
      "gatherBlocks",
      "getAdapterName",
      "isBaseLayer",
      "isShardloomError",
      "makeSample",
      "makeView",
      "narrow",
      "openCheckpoint",
      "originalWeightsOf",
      "prepareConsolidation",
      "readSafetensors",
      "readViews",
      "removeAdapterName",
      "repeat",
      "split",
      "summarize",
      "toOriginalWeights",
      "toProblem",
      "validatePlan",
      "viewOf",
      "withFile",
    ]
  `);
});
