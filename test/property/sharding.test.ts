import path from 'node:path';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { openCheckpoint } from '../../src-core/models/open-checkpoint.ts';
import { isShardloomError } from '../../src-core/errors.ts';
import { consolidate } from '../../src-core/jobs/consolidate.ts';
import { shard } from '../../src-core/jobs/shard.ts';
import { verifyRoundTrip } from '../../src-core/jobs/verify-round-trip.ts';
import type { DecoderConfig } from '../../src-core/models/decoder.ts';
import type { ShardingOptions } from '../../src-core/plan/sharding.ts';
import { temporaryFolder } from '../support/folders.ts';
import { writeHuggingFace } from '../support/hugging-face.ts';
import { differences, readFolder } from '../support/weights.ts';

const cases = fc
  .record({
    modelType: fc.constantFrom('llama', 'qwen3', 'granite'),
    tp: fc.constantFrom(1, 2, 3, 4, 6, 8),
    pp: fc.integer({ min: 1, max: 3 }),
    kvHeads: fc.constantFrom(1, 2, 3, 4, 6, 8),
    group: fc.constantFrom(1, 2, 3, 4, 8),
    kvSizeMultiplier: fc.option(fc.integer({ min: 1, max: 8 }), { nil: undefined }),
    kvPlacement: fc.constantFrom('tiled' as const, 'adjacent' as const),
    headDim: fc.constantFrom(1, 2, 5),
    width: fc.integer({ min: 1, max: 3 }),
    layers: fc.integer({ min: 1, max: 4 }),
    biases: fc.boolean(),
    fuseQkv: fc.boolean(),
    xser: fc.boolean(),
    dtype: fc.constantFrom('F32' as const, 'BF16' as const),
  })
  .map((one) => {
    const heads = one.kvHeads * one.group;
    const config: DecoderConfig = {
      hiddenSize: heads * one.width,
      intermediateSize: one.tp * 2,
      numAttentionHeads: heads,
      numKeyValueHeads: one.kvHeads,
      numHiddenLayers: one.layers,
      vocabSize: one.tp * 3,
      headDim: one.headDim,
      attentionBias: one.biases,
      mlpBias: one.biases,
    };
    const sharding: ShardingOptions = {
      tensorParallelSize: one.tp,
      pipelineParallelSize: one.pp,
      fuseQkv: one.fuseQkv,
      kvPlacement: one.kvPlacement,
      xser: one.xser,
      ...(one.kvSizeMultiplier !== undefined && { kvSizeMultiplier: one.kvSizeMultiplier }),
    };
    return { modelType: one.modelType, dtype: one.dtype, config, sharding };
  });

test('sharded and consolidated again, any model is what it was; sizes that do not fit are refused by their numbers', async () => {
  let made = 0;
  await fc.assert(
    fc.asyncProperty(cases, async ({ modelType, dtype, config, sharding }) => {
      const folder = temporaryFolder();
      const [hf, checkpoint, out] = ['hf', 'checkpoint', 'out'].map((name) => path.join(folder, name)) as [
        string,
        string,
        string,
      ];
      writeHuggingFace(hf, modelType, config, dtype);
      try {
        await shard(hf, checkpoint, sharding, { workers: 0 });
      } catch (error) {
        expect(isShardloomError(error, 'parallel-size-mismatch'), String(error)).toBe(true);
        return;
      }
      made++;
      const opened = openCheckpoint(checkpoint);
      expect(opened.findings).toEqual([]);
      const { replicas, kvPlacements } = await consolidate(opened, out, { workers: 0 });
      for (const { placement } of kvPlacements) expect(placement).toBe(sharding.kvPlacement);
      expect(replicas.different).toBe(0);
      expect(differences(readFolder(out), readFolder(hf))).toEqual([]);
      expect((await verifyRoundTrip(opened, out, { workers: 0 })).different).toEqual([]);
    }),
    { numRuns: 120 },
  );
  expect(made).toBeGreaterThan(10);
}, 120_000);
