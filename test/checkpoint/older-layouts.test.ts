import fs from 'node:fs';
import path from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { openCheckpoint } from '../../src-core/models/open-checkpoint.ts';
import { consolidate } from '../../src-core/jobs/consolidate.ts';
import { makeSample } from '../../src-core/sample/sample.ts';
import type { StoredTensor } from '../../src-core/tensor/stored.ts';
import { archive, integer, opcodes, pickle, tensor, text, type Part } from '../formats/torch/support.ts';
import { temporaryFolder } from '../support/folders.ts';
import { saveXser } from '../support/shards.ts';
import { differences, readFolder, readWeights } from '../support/weights.ts';

const CONFIG = {
  hiddenSize: 32,
  intermediateSize: 48,
  numAttentionHeads: 8,
  numKeyValueHeads: 2,
  numHiddenLayers: 1,
  vocabSize: 32,
};

let root: string;
let shards: string;
let original: string;

beforeEach(async () => {
  root = path.join(temporaryFolder(), 'sample');
  const sample = await makeSample(root, { config: CONFIG, tensorParallelSize: 2, workers: 0 });
  root = sample.checkpoint;
  original = sample.original;
  shards = path.join(root, 'shards');
});

const rankFile = (tp: number): string => path.join(shards, `model/dp_rank_00_tp_rank_0${tp}_pp_rank_00.pt`);

/** Consolidates the checkpoint, which must give the weights that it was made from; returns the findings. */
async function givesOriginal(): Promise<readonly string[]> {
  const out = path.join(path.dirname(root), 'out');
  const { findings } = await consolidate(openCheckpoint(root), out, { workers: 0 });
  expect(differences(readFolder(out), readWeights(original))).toEqual([]);
  return findings.map(({ severity, tag }) => `${severity} ${tag}`);
}

/** A JSON document as the pickle of the dict. */
function pickled(value: unknown): Buffer {
  if (typeof value === 'boolean') return Buffer.from([value ? 0x88 : 0x89]);
  if (typeof value === 'number') return integer(value);
  if (typeof value === 'string') return text(value);
  if (value === null) return Buffer.from('N');
  if (Array.isArray(value)) return opcodes('](', ...value.map(pickled), 'e');
  return dict(Object.entries(value as object).map(([key, entry]) => [key, pickled(entry)]));
}

function dict(entries: readonly (readonly [string, Part])[]): Buffer {
  return opcodes('}(', ...entries.flatMap(([key, value]) => [text(key), value]), 'u');
}

/** The tensors of one rank, as they lie in its file. */
function tensorsOf(tp: number): [string, StoredTensor][] {
  return [...openCheckpoint(root).model!.stages[0]!.tensors].map(([name, locals]) => [name, locals[tp]!]);
}

function bytesOf({ file, byteOffset, shape }: StoredTensor): Buffer {
  const length = 2 * shape.reduce((product, size) => product * size, 1);
  return Buffer.from(fs.readFileSync(file).subarray(byteOffset, byteOffset + length));
}

test('metadata that older versions pickled', async () => {
  const json = path.join(shards, 'mp_metadata_pp_rank_0.json');
  const document: unknown = JSON.parse(fs.readFileSync(json, 'utf8'));
  fs.writeFileSync(path.join(shards, 'mp_metadata_pp_rank_0.pt'), archive(pickle(pickled(document))));
  fs.rmSync(json);
  expect(await givesOriginal()).toEqual([]);
});

test('weights under ["model"] of a file that holds more, as NxD saved them', async () => {
  for (const tp of [0, 1]) {
    const tensors = tensorsOf(tp);
    const storages = Object.fromEntries(tensors.map(([, stored], key) => [String(key), bytesOf(stored)]));
    const model = tensors.map(([name, { shape, strides }], key): [string, Buffer] => {
      const count = shape.reduce((product, size) => product * size, 1);
      return [name, tensor({ kind: 'BFloat16Storage', key: String(key), count, size: shape, stride: strides })];
    });
    const file = path.join(root, `tensor_parallel_shards/tp_rank_0${tp}_pp_rank_00/checkpoint.pt`);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    const whole = dict([
      ['model', dict(model)],
      ['epoch', integer(3)],
      ['optimizer_state_dict', pickled({ state: {}, param_groups: [] })],
    ]);
    fs.writeFileSync(file, archive(pickle(whole), storages));
  }
  const metadata = 'mp_metadata_pp_rank_0.json';
  fs.renameSync(path.join(shards, metadata), path.join(root, 'tensor_parallel_shards', metadata));
  fs.rmSync(shards, { recursive: true });
  expect(await givesOriginal()).toEqual([]);
});

test('of several data parallel ranks one is read', async () => {
  for (const tp of [0, 1]) fs.copyFileSync(rankFile(tp), rankFile(tp).replace('dp_rank_00', 'dp_rank_01'));
  expect(await givesOriginal()).toEqual(['note inferred']);
});

describe('expert parallel ranks', () => {
  const expert = (tp: number, ep: number): string => {
    return path.join(shards, `model/dp_rank_00_ep_rank_0${ep}_tp_rank_0${tp}_pp_rank_00.pt`);
  };

  test('that hold no experts change nothing', async () => {
    for (const tp of [0, 1]) fs.renameSync(rankFile(tp), expert(tp, 0));
    expect(await givesOriginal()).toEqual([]);
  });

  test('that hold experts are refused by name', async () => {
    for (const tp of [0, 1]) {
      fs.renameSync(rankFile(tp), expert(tp, 0));
      const experts = new Map([
        [`model.layers.0.mlp.expert_mlps.${tp}.weight`, { dtype: 'BF16' as const, shape: [2], bytes: Buffer.alloc(4) }],
      ]);
      saveXser(expert(tp, 1), experts, true, { expertModelParallel: true });
    }
    const { findings } = openCheckpoint(root);
    expect(findings.map(({ tag }) => tag)).toContain('unsupported');
    await expect(consolidate(openCheckpoint(root), path.join(path.dirname(root), 'out'))).rejects.toThrow(/expert/);
  });
});
