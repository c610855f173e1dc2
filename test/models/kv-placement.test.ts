import fs from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { consolidate } from '../../src-core/jobs/consolidate.ts';
import { diff } from '../../src-core/jobs/diff.ts';
import { merge } from '../../src-core/jobs/merge.ts';
import { reshard } from '../../src-core/jobs/shard.ts';
import { verifyReplicas } from '../../src-core/jobs/verify-replicas.ts';
import { verifyRoundTrip } from '../../src-core/jobs/verify-round-trip.ts';
import { openCheckpoint, type OpenOptions } from '../../src-core/models/open-checkpoint.ts';
import { makeSample } from '../../src-core/sample/sample.ts';
import type { KvPlacement } from '../../src-core/tensor/parallel.ts';
import type { StoredTensor } from '../../src-core/tensor/stored.ts';
import { temporaryFolder } from '../support/folders.ts';
import { rejection } from '../support/rejection.ts';
import { patchFile } from '../support/shards.ts';
import { differences, readFolder } from '../support/weights.ts';

const CONFIG = {
  hiddenSize: 64,
  intermediateSize: 96,
  numAttentionHeads: 16,
  numKeyValueHeads: 2,
  numHiddenLayers: 3,
  vocabSize: 64,
};
const QUIET = { workers: 0 };
const made = fs.mkdtempSync('/tmp/shardloom-kv-');
const original = (placement: KvPlacement): string => path.join(made, placement, 'original');

/** Whole checkpoints with an adapter, made once for each placement and copied for each test: TP 8, 2 KV heads in 4 copies. */
beforeAll(async () => {
  for (const kvPlacement of ['tiled', 'adjacent'] as const) {
    const options = { config: CONFIG, tensorParallelSize: 8, kvPlacement, loraRank: 4, ...QUIET };
    await makeSample(path.join(made, kvPlacement), options);
  }
});
afterAll(() => {
  fs.rmSync(made, { recursive: true, force: true });
});

function copyOf(placement: KvPlacement): string {
  const folder = path.join(temporaryFolder(), 'checkpoint');
  fs.cpSync(path.join(made, placement, 'checkpoint'), folder, { recursive: true });
  return folder;
}

function beside(folder: string, name: string): string {
  return path.join(path.dirname(folder), name);
}

/** Every rank's tensor of this saved name, in the model or its adapter. */
function ranks(folder: string, name: string): readonly StoredTensor[] {
  const { model, adapters } = openCheckpoint(folder, { kvPlacement: 'tiled' });
  return [model!, ...adapters].flatMap(({ stages }) => stages[0]!.tensors.get(name) ?? []);
}

function bytesOf({ file, byteOffset, shape }: StoredTensor): Buffer {
  const length = 2 * shape.reduce((product, size) => product * size, 1);
  return fs.readFileSync(file).subarray(byteOffset, byteOffset + length);
}

/** Overwrites a tensor on every rank, by what was there. */
function rewrite(folder: string, name: string, change: (before: readonly Buffer[], rank: number) => Uint8Array): void {
  const all = ranks(folder, name);
  const before = all.map((tensor) => Buffer.from(bytesOf(tensor)));
  all.forEach(({ file, byteOffset }, rank) => {
    patchFile(file, byteOffset, change(before, rank));
  });
}

const key = (layer: number): string => `model.layers.${layer}.self_attn.qkv_proj.weight_k`;
const value = (layer: number): string => `model.layers.${layer}.self_attn.qkv_proj.weight_v`;
const keysAndValues = [0, 1, 2].flatMap((layer) => [key(layer), value(layer)]);
const loraB = [0, 1, 2].flatMap((layer) =>
  ['k', 'v'].map((kind) => `base_model.model.model.layers.${layer}.self_attn.qkv_proj.lora_B.weight_${kind}`),
);

/** What the other placement would have stored: tiled ranks hold K0 K1 K0 K1 …, adjacent ones K0 K0 K0 K0 K1 K1 K1 K1. */
const asAdjacent = (before: readonly Buffer[], rank: number): Buffer => before[rank < 4 ? 0 : 1]!;
const asTiled = (before: readonly Buffer[], rank: number): Buffer => before[rank % 2 === 0 ? 0 : 4]!;
const drifted = (before: readonly Buffer[], rank: number): Buffer => {
  const bytes = Buffer.from(before[rank]!);
  for (let at = 0; at < bytes.length; at += 2) bytes.writeUInt16LE(bytes.readUInt16LE(at) ^ rank, at);
  return bytes;
};
const zero = (before: readonly Buffer[], rank: number): Uint8Array => new Uint8Array(before[rank]!.length);

const placements = (folder: string, options: OpenOptions = {}): unknown => {
  const { model, adapters } = openCheckpoint(folder, options);
  return [...(model ? [model] : []), ...adapters].map(({ kvPlacement }) => kvPlacement);
};

const ADJACENT = { placement: 'adjacent', by: 'copies' };
const TILED = { placement: 'tiled', by: 'copies' };

describe.each(['tiled', 'adjacent'] as const)('copies of KV heads that are %s', (placement) => {
  test('are seen, and everything that joins follows: weights, adapter, record, proof', async () => {
    const folder = copyOf(placement);
    expect(placements(folder)).toEqual([
      { placement, by: 'copies' },
      { placement, by: 'copies' },
    ]);
    const checkpoint = openCheckpoint(folder);
    const out = beside(folder, 'out');
    const result = await consolidate(checkpoint, out, QUIET);
    expect(result.findings).toEqual([]);
    expect(result.replicas.different).toBe(0);
    expect(differences(readFolder(out), readFolder(original(placement)))).toEqual([]);
    expect((await verifyRoundTrip(checkpoint, out, QUIET)).different).toEqual([]);
    const check = await verifyReplicas(checkpoint, QUIET);
    expect(check).toMatchObject({ different: 0, findings: [] });
    expect(check.kvPlacements).toEqual(result.kvPlacements);
    const record = JSON.parse(fs.readFileSync(path.join(out, 'shardloom.json'), 'utf8')) as { checks: unknown };
    expect(record.checks).toMatchObject({
      kv_placements: [
        { part: 'model', placement, by: 'copies' },
        { part: 'adapter:default', placement, by: 'copies' },
      ],
    });
  });

  test('are compared and merged as they are placed', async () => {
    const folder = copyOf(placement);
    const { counts } = await diff(folder, original(placement), QUIET);
    expect(counts).toMatchObject({ different: 0, 'shape-differs': 0 });
    const [sharded, plain] = [beside(folder, 'sharded'), beside(folder, 'plain')];
    await merge(folder, folder, sharded, QUIET);
    await consolidate(openCheckpoint(folder), beside(folder, 'hf'), QUIET);
    await merge(original(placement), path.join(folder, '..', 'hf', 'default'), plain, QUIET);
    expect(differences(readFolder(sharded), readFolder(plain))).toEqual([]);
  });

  test('are resharded as they are placed, or as is asked for', async () => {
    const folder = copyOf(placement);
    const sizes = { tensorParallelSize: 4, pipelineParallelSize: 1, fuseQkv: true, xser: false };
    const other = placement === 'tiled' ? 'adjacent' : 'tiled';
    await reshard(folder, beside(folder, 'same'), sizes, QUIET);
    await reshard(folder, beside(folder, 'other'), { ...sizes, kvPlacement: other }, QUIET);
    expect(placements(beside(folder, 'same'))).toEqual([
      { placement, by: 'copies' },
      { placement, by: 'copies' },
    ]);
    expect(placements(beside(folder, 'other'))).toEqual([
      { placement: other, by: 'copies' },
      { placement: other, by: 'copies' },
    ]);
    await consolidate(openCheckpoint(beside(folder, 'other')), beside(folder, 'out'), QUIET);
    expect(differences(readFolder(beside(folder, 'out')), readFolder(original(placement)))).toEqual([]);
  });

  test('are decided by most of the parameters: a copy that has drifted changes nothing, and is told while copying', async () => {
    const folder = copyOf(placement);
    rewrite(folder, key(1), (before, rank) => (rank === 0 ? drifted(before, 5) : before[rank]!));
    const copy = placement === 'tiled' ? 6 : 1;
    rewrite(folder, value(2), (before, rank) => {
      const bytes = Buffer.from(before[rank]!);
      if (rank === copy) bytes.writeUInt16LE(bytes.readUInt16LE(0) ^ 1, 0);
      return bytes;
    });
    const { findings, kvPlacements } = await consolidate(openCheckpoint(folder), beside(folder, 'out'), QUIET);
    expect(kvPlacements[0]).toEqual({ part: 'model', placement, by: 'copies' });
    expect(findings.map(({ tag, tensor }) => [tag, tensor])).toEqual([
      ['replicas-differ', 'model.layers.1.self_attn.k_proj.weight'],
      ['replicas-differ', 'model.layers.2.self_attn.v_proj.weight'],
    ]);
  });
});

describe('copies that do not tell', () => {
  test('one layer of the other placement stops the run and is named; the option decides for all', async () => {
    const folder = copyOf('tiled');
    rewrite(folder, key(1), asAdjacent);
    rewrite(folder, value(1), asAdjacent);
    const error = await rejection(consolidate(openCheckpoint(folder), beside(folder, 'out'), QUIET));
    expect(error).toMatchObject({ tag: 'kv-placement', tensor: 'model.layers.1.self_attn.k_proj.weight' });
    expect(error.found).toBe('adjacent in layer 1, tiled in 4 parameters');
    expect(fs.existsSync(beside(folder, 'out'))).toBe(false);
    const chosen = openCheckpoint(folder, { kvPlacement: 'tiled' });
    const { findings } = await consolidate(chosen, beside(folder, 'out'), { parts: ['model'], ...QUIET });
    expect(findings.map(({ tag }) => tag)).toEqual(['replicas-differ', 'replicas-differ']);
  });

  test('equal in neither: stopped with the largest difference and its ranks; the option decides, and that is said', async () => {
    const folder = copyOf('tiled');
    for (const name of keysAndValues) rewrite(folder, name, drifted);
    const checkpoint = openCheckpoint(folder);
    expect(checkpoint.model!.kvPlacement).toBeUndefined();
    const error = await rejection(consolidate(checkpoint, beside(folder, 'out'), QUIET));
    expect(error).toMatchObject({ tag: 'kv-placement', tensor: 'model.layers.0.self_attn.k_proj.weight' });
    expect(error.found).toMatch(
      /^copies that differ: tiled by up to [\d.e-]+ \(TP ranks \d and \d\), adjacent by up to [\d.e-]+ \(TP ranks \d and \d\), in 6 of 6 parameters$/,
    );
    expect(error.advice).toContain('--kv-placement');
    for (const action of [
      verifyReplicas(checkpoint, QUIET),
      diff(folder, folder, QUIET),
      merge(folder, folder, beside(folder, 'merged'), QUIET),
    ]) {
      expect((await rejection(action)).tag).toBe('kv-placement');
    }
    const chosen = openCheckpoint(folder, { kvPlacement: 'adjacent' });
    expect(chosen.findings).toMatchObject([
      { severity: 'warning', tag: 'kv-placement', tensor: error.tensor },
      // The adapter's copies are tiled.
      { severity: 'warning', tag: 'kv-placement', found: expect.stringContaining('(tiled) in 6 of 6') as string },
    ]);
    const result = await consolidate(chosen, beside(folder, 'out'), { parts: ['model'], ...QUIET });
    expect(result.kvPlacements).toEqual([{ part: 'model', placement: 'adjacent', by: 'chosen' }]);
    // What is taken is the first copy of each head, and queries stay as they are on the ranks.
    const out = readFolder(beside(folder, 'out'));
    const taken = [0, 4].map((rank) => bytesOf(ranks(folder, key(0))[rank]!));
    expect(out.get('model.layers.0.self_attn.k_proj.weight')!.bytes).toEqual(Buffer.concat(taken));
    const queries = ranks(folder, 'model.layers.0.self_attn.qkv_proj.weight_q').map(bytesOf);
    expect(out.get('model.layers.0.self_attn.q_proj.weight')!.bytes).toEqual(Buffer.concat(queries));
  });

  test('rows interleaved over the ranks, as NxD begins on Trn2 (repeat_interleave of rows): neither', () => {
    const folder = copyOf('tiled');
    for (const name of keysAndValues) {
      rewrite(folder, name, (before, rank) => {
        const rows = Buffer.concat([before[0]!, before[1]!]);
        const rowBytes = 2 * CONFIG.hiddenSize;
        const repeated = Array.from({ length: rows.length / rowBytes }, (_, row) => {
          return new Array<Buffer>(4).fill(rows.subarray(row * rowBytes, (row + 1) * rowBytes));
        }).flat();
        return Buffer.concat(repeated).subarray(rank * before[0]!.length, (rank + 1) * before[0]!.length);
      });
    }
    const { findings } = openCheckpoint(folder);
    expect(findings.filter(({ severity }) => severity === 'error')).toMatchObject([{ tag: 'kv-placement' }]);
    expect(findings[0]!.advice).toContain('no key is right');
  });

  test('all heads equal: that is said, and the metadata’s rule is taken', () => {
    const folder = copyOf('adjacent');
    for (const name of [...keysAndValues, ...loraB]) rewrite(folder, name, (before) => before[0]!);
    const both = { placement: 'tiled', by: 'equal-both-ways' };
    expect(placements(folder)).toEqual([both, both]);
    expect(openCheckpoint(folder).findings).toMatchObject([
      { severity: 'note', tag: 'kv-placement' },
      { severity: 'note', tag: 'kv-placement' },
    ]);
    expect(placements(folder, { kvPlacement: 'adjacent' })).toMatchObject([
      { placement: 'adjacent', by: 'chosen' },
      { placement: 'adjacent', by: 'chosen' },
    ]);
    expect(openCheckpoint(folder, { kvPlacement: 'adjacent' }).findings).toEqual([]);
  });
});

describe('an adapter', () => {
  const alone = (folder: string): string => path.join(folder, 'adapter_default');

  test('whose lora_B is still zero follows the model of its checkpoint, also when it is opened by itself', async () => {
    const folder = copyOf('adjacent');
    for (const name of loraB) rewrite(folder, name, zero);
    const ofBase = { placement: 'adjacent', by: 'base-model' };
    expect(placements(folder)).toEqual([ADJACENT, ofBase]);
    expect(placements(alone(folder))).toEqual([ofBase]);
    const { findings } = await consolidate(openCheckpoint(alone(folder)), beside(folder, 'out'), QUIET);
    expect(findings).toEqual([]);
    const output = 'base_model.model.model.layers.0.self_attn.o_proj.lora_A.weight';
    const expected = readFolder(path.join(made, 'adjacent', 'adapter')).get(output)!;
    expect(readFolder(beside(folder, 'out')).get(output)!.bytes).toEqual(expected.bytes);
  });

  test('whose lora_B is zero and that has no model beside it: the metadata’s rule, and a note', () => {
    const folder = copyOf('adjacent');
    for (const name of loraB) rewrite(folder, name, zero);
    fs.rmSync(path.join(folder, 'shards'), { recursive: true });
    const [finding] = openCheckpoint(folder).findings;
    expect(placements(folder)).toEqual([{ placement: 'tiled', by: 'equal-both-ways' }]);
    expect(finding).toMatchObject({ severity: 'note', tag: 'kv-placement' });
    expect(placements(folder, { kvPlacement: 'adjacent' })).toEqual([{ placement: 'adjacent', by: 'chosen' }]);
  });

  test('whose own copies differ takes the model’s placement, and the copies are told of while copying', async () => {
    const folder = copyOf('adjacent');
    for (const name of loraB) rewrite(folder, name, drifted);
    expect(placements(folder)).toEqual([ADJACENT, { placement: 'adjacent', by: 'base-model' }]);
    const { findings } = await consolidate(openCheckpoint(alone(folder)), beside(folder, 'out'), QUIET);
    expect(findings.map(({ tag }) => tag)).toEqual(loraB.map(() => 'replicas-differ'));
  });

  test('whose own copies are equal is joined as they show', () => {
    const folder = copyOf('adjacent');
    for (const name of keysAndValues) rewrite(folder, name, asTiled);
    expect(placements(folder)).toEqual([TILED, ADJACENT]);
  });
});

test.each([
  ['as many KV heads as ranks', { numKeyValueHeads: 8 }],
  ['a single KV head', { numKeyValueHeads: 1 }],
])('%s: both placements are the same, and nothing is said', async (_, config) => {
  const folder = temporaryFolder();
  const sample = await makeSample(folder, {
    config: { ...CONFIG, ...config },
    tensorParallelSize: 8,
    kvPlacement: 'adjacent',
    ...QUIET,
  });
  expect(placements(sample.checkpoint, { kvPlacement: 'adjacent' })).toEqual([undefined]);
  const { findings, kvPlacements } = await consolidate(
    openCheckpoint(sample.checkpoint),
    path.join(folder, 'out'),
    QUIET,
  );
  expect([findings, kvPlacements]).toEqual([[], []]);
  expect(differences(readFolder(path.join(folder, 'out')), readFolder(path.join(folder, 'original')))).toEqual([]);
});
