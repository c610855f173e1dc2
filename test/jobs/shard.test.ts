import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { ShardedState } from '../../src-core/checkpoint/checkpoint.ts';
import { openCheckpoint } from '../../src-core/models/open-checkpoint.ts';
import type { ErrorTag } from '../../src-core/errors.ts';
import { consolidate } from '../../src-core/jobs/consolidate.ts';
import { reshard, shard } from '../../src-core/jobs/shard.ts';
import { verifyRoundTrip } from '../../src-core/jobs/verify-round-trip.ts';
import type { ShardingOptions } from '../../src-core/plan/sharding.ts';
import { fixtureNames, fixturePath, snapshot, temporaryFolder } from '../support/folders.ts';
import { expectSameMetadata, fixtureSizes, held } from '../support/held.ts';
import { writeHuggingFace } from '../support/hugging-face.ts';
import { rejection } from '../support/rejection.ts';
import { editJson } from '../support/shards.ts';
import { differences, readFolder } from '../support/weights.ts';

const SIZES = {
  hiddenSize: 32,
  intermediateSize: 48,
  numAttentionHeads: 8,
  numKeyValueHeads: 2,
  numHiddenLayers: 3,
  vocabSize: 24,
};
const TP2: ShardingOptions = { tensorParallelSize: 2, pipelineParallelSize: 1, fuseQkv: false, xser: false };
const QUIET = { workers: 0 };

const models = fixtureNames().filter((name) => !name.startsWith('lora'));

describe.each(models)('%s: its original weights', (name) => {
  const options = fixtureSizes(name);

  test('give the shards and the metadata that training saved', async () => {
    const folder = temporaryFolder();
    fs.cpSync(fixturePath(name, 'original'), folder, { recursive: true });
    fs.chmodSync(folder, 0o755);
    fs.copyFileSync(fixturePath(name, 'checkpoint/config.json'), path.join(folder, 'config.json'));
    const out = path.join(temporaryFolder(), 'checkpoint');
    await shard(folder, out, options, QUIET);
    const [made, saved] = [openCheckpoint(out), openCheckpoint(fixturePath(name, 'checkpoint'))];
    expect(made.findings).toEqual([]);
    expect(held(made.model!)).toEqual(held(saved.model!));
    expectSameMetadata(made.model!, saved.model!);
  });

  test('are proved by the round trip', async () => {
    const out = path.join(temporaryFolder(), 'out');
    const checkpoint = openCheckpoint(fixturePath(name, 'checkpoint'));
    await consolidate(checkpoint, out, QUIET);
    const result = await verifyRoundTrip(checkpoint, out, QUIET);
    const ranks = options.tensorParallelSize * options.pipelineParallelSize;
    expect(result).toMatchObject({ different: [], ranks, notCovered: [] });
    expect(result.bytes).toBe(checkpoint.model!.bytes);
  });
});

describe('resharding', () => {
  test('there and back gives the same shards', async () => {
    const folder = temporaryFolder();
    writeHuggingFace(path.join(folder, 'hf'), 'qwen3', SIZES);
    const first: ShardingOptions = { tensorParallelSize: 8, pipelineParallelSize: 1, fuseQkv: true, xser: false };
    await shard(path.join(folder, 'hf'), path.join(folder, 'a'), first, QUIET);
    const other: ShardingOptions = { tensorParallelSize: 4, pipelineParallelSize: 3, fuseQkv: false, xser: true };
    await reshard(path.join(folder, 'a'), path.join(folder, 'b'), other, QUIET);
    await reshard(path.join(folder, 'b'), path.join(folder, 'c'), first, QUIET);
    const state = (name: string): ShardedState => openCheckpoint(path.join(folder, name)).model!;
    expect(state('b')).toMatchObject({ tensorParallelSize: 4, pipelineParallelSize: 3, xser: true });
    expect(held(state('c'))).toEqual(held(state('a')));
    await consolidate(openCheckpoint(path.join(folder, 'b')), path.join(folder, 'out'), QUIET);
    expect(differences(readFolder(path.join(folder, 'out')), readFolder(path.join(folder, 'hf')))).toEqual([]);
  });

  test('a damaged checkpoint and a folder of adapters are refused', async () => {
    const folder = temporaryFolder();
    writeHuggingFace(path.join(folder, 'hf'), 'llama', SIZES);
    await shard(path.join(folder, 'hf'), path.join(folder, 'a'), TP2, QUIET);
    fs.rmSync(path.join(folder, 'a/shards/model/dp_rank_00_tp_rank_01_pp_rank_00.pt'));
    const out = path.join(folder, 'b');
    expect((await rejection(Promise.resolve().then(() => reshard(path.join(folder, 'a'), out, TP2)))).tag).toBe(
      'missing-rank',
    );
    expect(fs.existsSync(out)).toBe(false);
  });
});

describe('sharding', () => {
  test('reads several files, of torch as well, and copies what stands beside them', async () => {
    const folder = temporaryFolder();
    writeHuggingFace(path.join(folder, 'hf'), 'granite', { ...SIZES, attentionBias: true, mlpBias: true }, 'BF16');
    await shard(path.join(folder, 'hf'), path.join(folder, 'a'), TP2, QUIET);
    const options = { ...QUIET, format: 'pytorch', maxShardBytes: 10_000 } as const;
    const split = path.join(folder, 'split');
    await consolidate(openCheckpoint(path.join(folder, 'a')), split, options);
    expect(fs.readdirSync(split).filter((name) => name.endsWith('.bin')).length).toBeGreaterThan(1);
    fs.writeFileSync(path.join(split, 'tokenizer.json'), '{}');
    const before = snapshot(split);
    await shard(split, path.join(folder, 'b'), TP2, QUIET);
    const state = (name: string): ShardedState => openCheckpoint(path.join(folder, name)).model!;
    expect(held(state('b'))).toEqual(held(state('a')));
    expect(fs.existsSync(path.join(folder, 'b/tokenizer.json'))).toBe(true);
    expect(snapshot(split)).toEqual(before);
  });

  test('tied embeddings: one parameter on one stage, a second name on the last of several', async () => {
    const folder = temporaryFolder();
    writeHuggingFace(path.join(folder, 'hf'), 'llama', { ...SIZES, tieWordEmbeddings: true });
    expect(readFolder(path.join(folder, 'hf')).has('lm_head.weight')).toBe(false);
    await shard(path.join(folder, 'hf'), path.join(folder, 'one'), TP2, QUIET);
    await consolidate(openCheckpoint(path.join(folder, 'one')), path.join(folder, 'out'), QUIET);
    expect(differences(readFolder(path.join(folder, 'out')), readFolder(path.join(folder, 'hf')))).toEqual([]);
    await shard(path.join(folder, 'hf'), path.join(folder, 'two'), { ...TP2, pipelineParallelSize: 2 }, QUIET);
    const { stages } = openCheckpoint(path.join(folder, 'two')).model!;
    expect(stages.map(({ tensors }) => tensors.has('lm_head.weight'))).toEqual([false, true]);
    const two = openCheckpoint(path.join(folder, 'two'));
    const again = path.join(folder, 'again');
    await consolidate(two, again, QUIET);
    expect(differences(readFolder(again), readFolder(path.join(folder, 'hf')))).toEqual([]);
    expect(await verifyRoundTrip(two, again, QUIET)).toMatchObject({
      different: [],
      compared: held(two.model!).length,
    });
  });

  test('tied embeddings that are not equal stop the consolidation', async () => {
    const folder = temporaryFolder();
    writeHuggingFace(path.join(folder, 'hf'), 'llama', SIZES);
    await shard(path.join(folder, 'hf'), path.join(folder, 'a'), TP2, QUIET);
    setConfig(path.join(folder, 'a'), { tie_word_embeddings: true });
    const error = await rejection(consolidate(openCheckpoint(path.join(folder, 'a')), path.join(folder, 'out'), QUIET));
    expect(error).toMatchObject({ tag: 'stage-conflict', tensor: 'model.embed_tokens.weight' });
    expect(error.message).toMatch(/tie_word_embeddings to false/);
  });

  test.each<[string, ErrorTag, RegExp, (folder: string) => void, Partial<ShardingOptions>]>([
    [
      'an unknown family',
      'unsupported',
      /llama, qwen3, granite/,
      (folder) => setConfig(folder, { model_type: 'mamba' }),
      {},
    ],
    ['no config.json', 'missing-file', /config\.json/, (folder) => fs.rmSync(path.join(folder, 'config.json')), {}],
    [
      'a config.json without sizes',
      'bad-metadata',
      /hidden_size/,
      (folder) => setConfig(folder, { hidden_size: null }),
      {},
    ],
    ['another vocabulary', 'shape-mismatch', /embed_tokens/, (folder) => setConfig(folder, { vocab_size: 48 }), {}],
    [
      'more layers than there are',
      'missing-tensor',
      /layers\.3/,
      (folder) => setConfig(folder, { num_hidden_layers: 4 }),
      {},
    ],
    [
      'layers too many',
      'unsupported',
      /layers\.2.*\n.*9 of them/s,
      (folder) => setConfig(folder, { num_hidden_layers: 2 }),
      {},
    ],
    [
      'heads that do not divide',
      'parallel-size-mismatch',
      /TP 2 or 4 \(of 1, 2, 4, 8\)/,
      () => undefined,
      { tensorParallelSize: 3 },
    ],
    [
      'a multiplier that does not fit',
      'parallel-size-mismatch',
      /kv_size_multiplier 2 or 4 /,
      () => undefined,
      { tensorParallelSize: 4, kvSizeMultiplier: 3 },
    ],
    ['more stages than layers', 'parallel-size-mismatch', /PP 1 to 3/, () => undefined, { pipelineParallelSize: 4 }],
    [
      'no weights',
      'not-a-checkpoint',
      /model\.safetensors/,
      (folder) => fs.rmSync(path.join(folder, 'model.safetensors')),
      {},
    ],
  ])('%s is refused, and nothing is written', async (_what, tag, text, change, sizes) => {
    const folder = temporaryFolder();
    const hf = path.join(folder, 'hf');
    writeHuggingFace(hf, 'llama', SIZES);
    change(hf);
    const out = path.join(folder, 'out');
    const error = await rejection(Promise.resolve().then(() => shard(hf, out, { ...TP2, ...sizes }, QUIET)));
    expect(error.tag).toBe(tag);
    expect(error.message).toMatch(text);
    expect(fs.existsSync(out)).toBe(false);
  });

  test('an index that leads out of its folder, and an output inside the input', async () => {
    const folder = temporaryFolder();
    writeHuggingFace(folder, 'llama', SIZES);
    const inside = await rejection(Promise.resolve().then(() => shard(folder, path.join(folder, 'out'), TP2, QUIET)));
    expect(inside.tag).toBe('usage');
    fs.rmSync(path.join(folder, 'model.safetensors'));
    fs.writeFileSync(
      path.join(folder, 'model.safetensors.index.json'),
      JSON.stringify({ weight_map: { 'lm_head.weight': '../other.safetensors' } }),
    );
    const out = path.join(temporaryFolder(), 'out');
    const leading = await rejection(Promise.resolve().then(() => shard(folder, out, TP2, QUIET)));
    expect(leading).toMatchObject({ tag: 'bad-metadata', found: '../other.safetensors' });
  });
});

describe('the proof of a round trip', () => {
  test('finds a changed byte of the result, and a result of another dtype or model', async () => {
    const folder = temporaryFolder();
    writeHuggingFace(path.join(folder, 'hf'), 'llama', SIZES);
    await shard(path.join(folder, 'hf'), path.join(folder, 'a'), { ...TP2, tensorParallelSize: 8 }, QUIET);
    const checkpoint = openCheckpoint(path.join(folder, 'a'));
    const out = path.join(folder, 'out');
    await consolidate(checkpoint, out, QUIET);
    const file = path.join(out, 'model.safetensors');
    const content = fs.readFileSync(file);
    // The final norm, which every rank holds.
    content[content.length - 1]! ^= 0x01;
    fs.writeFileSync(file, content);
    const { different } = await verifyRoundTrip(checkpoint, out, QUIET);
    expect(different.length).toBeGreaterThan(0);
    expect(different.every(({ elements, maxAbs }) => elements === 1 && maxAbs! > 0)).toBe(true);
    await consolidate(checkpoint, path.join(folder, 'half'), { ...QUIET, dtype: 'BF16' });
    expect((await rejection(verifyRoundTrip(checkpoint, path.join(folder, 'half'), QUIET))).tag).toBe('dtype-mismatch');
    writeHuggingFace(path.join(folder, 'other'), 'llama', { ...SIZES, numHiddenLayers: 2 });
    expect((await rejection(verifyRoundTrip(checkpoint, path.join(folder, 'other'), QUIET))).tag).toBe(
      'missing-tensor',
    );
  });
});

function setConfig(folder: string, changes: Record<string, unknown>): void {
  editJson(path.join(folder, 'config.json'), (document: Record<string, unknown>) => {
    Object.assign(document, changes);
  });
}
