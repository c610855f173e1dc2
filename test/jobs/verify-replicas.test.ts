import fs from 'node:fs';
import path from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { openCheckpoint } from '../../src-core/models/open-checkpoint.ts';
import { isShardloomError } from '../../src-core/errors.ts';
import { verifyReplicas, type Replica } from '../../src-core/jobs/verify-replicas.ts';
import { makeSample } from '../../src-core/sample/sample.ts';
import type { StoredTensor } from '../../src-core/tensor/stored.ts';
import { fixtureNames, fixturePath, snapshot, temporaryFolder } from '../support/folders.ts';
import { patchFile } from '../support/shards.ts';

const CONFIG = {
  hiddenSize: 64,
  intermediateSize: 96,
  numAttentionHeads: 8,
  numKeyValueHeads: 4,
  numHiddenLayers: 2,
  vocabSize: 64,
};

describe('copies of replicated tensors', () => {
  let folder: string;
  beforeEach(async () => {
    const options = { config: CONFIG, tensorParallelSize: 8, workers: 0 };
    folder = (await makeSample(path.join(temporaryFolder(), 's'), options)).checkpoint;
  });
  const stored = (name: string, tp: number): StoredTensor =>
    openCheckpoint(folder).model!.stages[0]!.tensors.get(name)![tp]!;

  test('of a sound checkpoint are equal; nothing is written', async () => {
    const before = snapshot(folder);
    const check = await verifyReplicas(openCheckpoint(folder), { workers: 0 });
    expect(check.different).toBe(0);
    // Two norms a layer and the last one on 7 further ranks; k and v of each layer once more.
    expect(check.compared).toBe(5 * 7 + 2 * 2);
    expect(new Set(check.replicas.map(({ kind }) => kind))).toEqual(new Set(['not parallel', 'KV replicas']));
    expect(check.kvPlacements.map(({ placement }) => placement)).toEqual(['tiled']);
    expect(snapshot(folder)).toEqual(before);
  });

  test('of a shared lora_A are compared once, whatever the names it is consolidated to', async () => {
    const options = { config: CONFIG, tensorParallelSize: 8, loraRank: 4, workers: 0 };
    folder = (await makeSample(path.join(temporaryFolder(), 'lora'), options)).checkpoint;
    const { replicas, compared } = await verifyReplicas(openCheckpoint(folder), { workers: 0 });
    const shared = replicas.filter(({ kind }) => kind === 'shared lora_A');
    const layer = 'base_model.model.model.layers';
    expect(shared.map(({ name, from, copies }) => [name, from, copies])).toEqual(
      [0, 1].flatMap((i) => [
        [`${layer}.${i}.self_attn.q_proj.lora_A.weight`, [`${layer}.${i}.self_attn.qkv_proj.lora_A.weight`], 7],
        [`${layer}.${i}.mlp.gate_proj.lora_A.weight`, [`${layer}.${i}.mlp.gate_up_proj.lora_A.weight`], 7],
      ]),
    );
    // The model's own, then per layer on 7 further ranks: two shared lora_A, lora_B of the two row-parallel linears; lora_B of k and v once.
    expect(compared).toBe(5 * 7 + 2 * 2 + 2 * (4 * 7 + 2));
  });

  test('that differ are told with rank, file, tensor, number and size of the differences', async () => {
    const norm = stored('model.norm.weight', 5);
    // 1.0 and 3.0 in bfloat16, over what is there.
    patchFile(norm.file, norm.byteOffset, Uint8Array.from([0x80, 0x3f, 0x40, 0x40]));
    const zero = stored('model.norm.weight', 0);
    patchFile(zero.file, zero.byteOffset, Uint8Array.from([0x80, 0x3f, 0x80, 0x3f]));
    for (const tp of [1, 2, 3, 4, 6, 7]) {
      const same = stored('model.norm.weight', tp);
      patchFile(same.file, same.byteOffset, Uint8Array.from([0x80, 0x3f, 0x80, 0x3f]));
    }
    const { replicas, different } = await verifyReplicas(openCheckpoint(folder), { workers: 0 });
    expect(different).toBe(1);
    const differing = replicas.filter(({ differences }) => differences.length > 0);
    expect(differing).toEqual([
      expect.objectContaining<Partial<Replica>>({
        name: 'model.norm.weight',
        differences: [
          {
            label: 'rank 5',
            places: [{ rank: { tp: 5, pp: 0 }, file: norm.file, tensor: 'model.norm.weight', elements: 1, maxAbs: 2 }],
          },
        ],
      }),
    ]);
  });

  test('that differ in a large model, whose work is cut into several tasks, keep their place', async () => {
    // More than one task's worth of bytes in copies alone.
    const config = { ...CONFIG, hiddenSize: 1024, numAttentionHeads: 8, numKeyValueHeads: 4, numHiddenLayers: 14 };
    const options = { config, tensorParallelSize: 8, workers: 0 };
    folder = (await makeSample(path.join(temporaryFolder(), 'large'), options)).checkpoint;
    for (const [layer, tp] of [
      [0, 6],
      [8, 5],
      [13, 7],
    ] as const) {
      const { file, byteOffset } = stored(`model.layers.${layer}.self_attn.qkv_proj.weight_v`, tp);
      patchFile(file, byteOffset + 10, Uint8Array.from([0x80, 0x3f]));
    }
    const { replicas } = await verifyReplicas(openCheckpoint(folder), { workers: 0 });
    const found = replicas.flatMap(({ name, differences }) =>
      differences.flatMap(({ places }) => places.map(({ rank, tensor }) => [name, rank?.tp, tensor])),
    );
    expect(found.sort()).toEqual([
      ['model.layers.0.self_attn.v_proj.weight', 6, 'model.layers.0.self_attn.qkv_proj.weight_v'],
      ['model.layers.13.self_attn.v_proj.weight', 7, 'model.layers.13.self_attn.qkv_proj.weight_v'],
      ['model.layers.8.self_attn.v_proj.weight', 5, 'model.layers.8.self_attn.qkv_proj.weight_v'],
    ]);
  });

  test('a NaN against a number has no largest difference', async () => {
    const k = stored('model.layers.1.self_attn.qkv_proj.weight_k', 6);
    patchFile(k.file, k.byteOffset, Uint8Array.from([0xc0, 0x7f]));
    const { replicas } = await verifyReplicas(openCheckpoint(folder), { workers: 0 });
    const [replica] = replicas.filter(({ differences }) => differences.length > 0);
    expect(replica!.kind).toBe('KV replicas');
    expect(replica!.differences[0]!.places).toEqual([
      expect.objectContaining({ rank: { tp: 6, pp: 0 }, elements: 1, maxAbs: null }),
    ]);
  });

  test('a checkpoint that cannot be joined is refused with its first error', async () => {
    fs.rmSync(path.join(folder, 'shards/model/dp_rank_00_tp_rank_03_pp_rank_00.pt'));
    await expect(verifyReplicas(openCheckpoint(folder))).rejects.toSatisfy((error) =>
      isShardloomError(error, 'missing-rank'),
    );
  });
});

test.each(fixtureNames())('%s: all copies are equal', async (name) => {
  const check = await verifyReplicas(openCheckpoint(fixturePath(name, 'checkpoint')), { workers: 0 });
  expect(check.different).toBe(0);
  expect(check.compared).toBeGreaterThan(0);
});
