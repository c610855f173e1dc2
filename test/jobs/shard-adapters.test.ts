import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { consolidate } from '../../src-core/jobs/consolidate.ts';
import { reshard, shard } from '../../src-core/jobs/shard.ts';
import { verifyRoundTrip } from '../../src-core/jobs/verify-round-trip.ts';
import { openCheckpoint } from '../../src-core/models/open-checkpoint.ts';
import type { ShardingOptions } from '../../src-core/plan/sharding.ts';
import { fixtureNames, fixturePath, temporaryFolder } from '../support/folders.ts';
import { expectSameMetadata, fixtureSizes, held } from '../support/held.ts';
import { writeAdapter, writeHuggingFace } from '../support/hugging-face.ts';
import { rejection } from '../support/rejection.ts';
import { differences, readFolder } from '../support/weights.ts';

const QUIET = { workers: 0 };
const SIZES = {
  hiddenSize: 32,
  intermediateSize: 48,
  numAttentionHeads: 8,
  numKeyValueHeads: 2,
  numHiddenLayers: 2,
  vocabSize: 24,
};
const TP4: ShardingOptions = { tensorParallelSize: 4, pipelineParallelSize: 2, fuseQkv: true, xser: false };
const WIDTHS: Record<string, readonly [number, number]> = {
  q_proj: [32, 32],
  k_proj: [8, 32],
  v_proj: [8, 32],
  o_proj: [32, 32],
  gate_proj: [48, 32],
  up_proj: [48, 32],
  down_proj: [32, 48],
};

/** The LoRA matrices of these linears in both layers, of rank 3. */
function lora(...linears: string[]): Map<string, readonly number[]> {
  const parameters = new Map<string, readonly number[]>();
  for (const layer of [0, 1]) {
    for (const linear of linears) {
      const [rows, columns] = WIDTHS[linear]!;
      const block = rows === 48 || columns === 48 ? 'mlp' : 'self_attn';
      const name = `base_model.model.model.layers.${layer}.${block}.${linear}`;
      parameters.set(`${name}.lora_A.weight`, [3, columns]);
      parameters.set(`${name}.lora_B.weight`, [rows, 3]);
    }
  }
  return parameters;
}

/** Linears that are fused share their lora_A, as after a consolidation. */
const shared = (name: string): string => name.replace(/(q|k|v|gate|up)_proj\.lora_A/, 'lora_A');

function inputs(): { readonly folder: string; readonly base: string; readonly adapter: string } {
  const folder = temporaryFolder();
  const base = path.join(folder, 'base');
  writeHuggingFace(base, 'llama', SIZES);
  return { folder, base, adapter: path.join(folder, 'adapter') };
}

const fixtures = fixtureNames().filter((name) => name.startsWith('lora'));

describe.each(fixtures)('%s: its original adapters', (name) => {
  test('give the shards, with lora_A averaged, and the metadata that training saved', async () => {
    const folder = temporaryFolder();
    const hf = path.join(folder, 'hf');
    const saved = openCheckpoint(fixturePath(name, 'checkpoint'));
    fs.cpSync(fixturePath(name, 'original'), hf, { recursive: true });
    for (const { adapterName, adapterConfig } of saved.adapters) {
      const to = adapterName === 'default' ? hf : path.join(hf, adapterName!);
      fs.chmodSync(to, 0o755);
      fs.copyFileSync(adapterConfig!.file, path.join(to, 'adapter_config.json'));
    }
    const { model } = JSON.parse(fs.readFileSync(fixturePath(name, 'case.json'), 'utf8')) as { model: object };
    const config = path.join(folder, 'config.json');
    fs.writeFileSync(config, JSON.stringify(model));
    const out = path.join(folder, 'checkpoint');
    const { findings } = await shard(hf, out, fixtureSizes(name), { ...QUIET, config });
    expect(findings).toMatchObject([{ severity: 'warning', tag: 'averaged' }]);
    const made = openCheckpoint(out);
    expect(made.findings).toEqual([]);
    expect(made.adapters.map(({ adapterName }) => adapterName)).toEqual(saved.adapters.map((one) => one.adapterName));
    made.adapters.forEach((adapter, index) => {
      expect(held(adapter)).toEqual(held(saved.adapters[index]!));
      expectSameMetadata(adapter, saved.adapters[index]!);
    });
  });

  test('are proved by the round trip, and a changed byte is found', async () => {
    const out = path.join(temporaryFolder(), 'out');
    const checkpoint = openCheckpoint(fixturePath(name, 'checkpoint'));
    await consolidate(checkpoint, out, QUIET);
    const result = await verifyRoundTrip(checkpoint, out, QUIET);
    expect(result).toMatchObject({ different: [], notCovered: [] });
    expect(result.bytes).toBe(checkpoint.adapters.reduce((sum, { bytes }) => sum + bytes, 0));
    const file = path.join(out, 'adapter_model.safetensors');
    const content = fs.readFileSync(file);
    content[content.length - 1]! ^= 0x01;
    fs.writeFileSync(file, content);
    const { different } = await verifyRoundTrip(checkpoint, out, QUIET);
    expect(different.length).toBeGreaterThan(0);
  });
});

describe('adapters', () => {
  test.each([
    ['attention only', ['q_proj', 'k_proj', 'v_proj', 'o_proj']],
    ['MLP only', ['gate_proj', 'up_proj', 'down_proj']],
    ['output projections only', ['o_proj', 'down_proj']],
    ['all linears', Object.keys(WIDTHS)],
  ])('%s: sharded and consolidated again, they are what they were', async (_what, linears) => {
    const { folder, base, adapter } = inputs();
    writeAdapter(adapter, lora(...linears), {}, 'BF16', shared);
    const { findings } = await shard(adapter, path.join(folder, 'a'), TP4, { ...QUIET, config: base });
    expect(findings).toEqual([]);
    const a = openCheckpoint(path.join(folder, 'a'));
    expect(a.adapters[0]!.stages[0]!.tensors.size).toBeGreaterThan(0);
    await consolidate(a, path.join(folder, 'out'), QUIET);
    expect(differences(readFolder(path.join(folder, 'out')), readFolder(adapter))).toEqual([]);
    expect(await verifyRoundTrip(a, path.join(folder, 'out'), QUIET)).toMatchObject({ different: [] });
  });

  test('model and adapters go into one checkpoint, and there and back through other sizes', async () => {
    const { folder, base } = inputs();
    writeAdapter(path.join(base, 'default'), lora(...Object.keys(WIDTHS)), {}, 'F32', shared);
    writeAdapter(path.join(base, 'my-adapter.1'), lora('o_proj', 'down_proj'), {});
    fs.writeFileSync(path.join(base, 'README.md'), 'A card.');
    const at = (name: string): string => path.join(folder, name);
    await shard(base, at('a'), TP4, QUIET);
    await reshard(
      at('a'),
      at('b'),
      { tensorParallelSize: 2, pipelineParallelSize: 1, fuseQkv: false, xser: true },
      QUIET,
    );
    await reshard(at('b'), at('c'), TP4, QUIET);
    const [a, b, c] = ['a', 'b', 'c'].map((name) => openCheckpoint(at(name)));
    expect(b!.adapters.map(({ adapterName, xser }) => [adapterName, xser])).toEqual([
      ['default', true],
      ['my-adapter.1', true],
    ]);
    expect(held(c!.model!)).toEqual(held(a!.model!));
    c!.adapters.forEach((adapter, index) => expect(held(adapter)).toEqual(held(a!.adapters[index]!)));
    await consolidate(b!, at('out'), QUIET);
    for (const part of ['', 'default', 'my-adapter.1']) {
      expect(differences(readFolder(path.join(at('out'), part)), readFolder(path.join(base, part)))).toEqual([]);
    }
    expect(fs.readFileSync(path.join(at('b'), 'README.md'), 'utf8')).toBe('A card.');
    expect(await verifyRoundTrip(b!, at('out'), QUIET)).toMatchObject({ different: [], notCovered: [] });
  });

  test('an adapter whose name is part of another’s, or of a parameter’s, is cut as it is alone', async () => {
    const { folder, base } = inputs();
    const alone = path.join(folder, 'alone');
    const names = ['default', 'default2', 'lora_A', 'lora_B', 'modules_to_save', 'weight', 'weight_q'];
    const parameters = new Map([
      ...lora(...Object.keys(WIDTHS)),
      ['base_model.model.lm_head.weight', [24, 32]] as const,
    ]);
    for (const to of [alone, ...names.map((name) => path.join(base, name))]) {
      writeAdapter(to, parameters, { modules_to_save: ['lm_head'] }, 'F32', shared);
    }
    for (const fuseQkv of [true, false]) {
      const at = (name: string): string => path.join(folder, `${name}-${fuseQkv}`);
      await shard(alone, at('one'), { ...TP4, fuseQkv }, { ...QUIET, config: base });
      await shard(base, at('all'), { ...TP4, fuseQkv }, QUIET);
      const [one, all] = [at('one'), at('all')].map((to) => openCheckpoint(to));
      expect(all!.findings).toEqual([]);
      expect(all!.adapters.map(({ adapterName }) => adapterName)).toEqual(names);
      for (const adapter of all!.adapters) expect(held(adapter)).toEqual(held(one!.adapters[0]!));
      await consolidate(all!, at('out'), QUIET);
      for (const name of names) {
        const out = path.join(at('out'), name);
        expect(differences(readFolder(out), readFolder(path.join(base, name)))).toEqual([]);
      }
      expect(await verifyRoundTrip(all!, at('out'), QUIET)).toMatchObject({ different: [], notCovered: [] });
    }
  });

  test('whole modules that were trained (modules_to_save) are spread as the model’s own', async () => {
    const { folder, base, adapter } = inputs();
    const parameters = new Map([...lora('o_proj'), ['base_model.model.lm_head.weight', [24, 32]] as const]);
    writeAdapter(adapter, parameters, { modules_to_save: ['lm_head'] });
    await shard(adapter, path.join(folder, 'a'), TP4, { ...QUIET, config: base });
    const a = openCheckpoint(path.join(folder, 'a'));
    const [first, last] = a.adapters[0]!.stages;
    expect(first!.tensors.has('base_model.model.lm_head.weight')).toBe(false);
    expect(last!.tensors.get('base_model.model.lm_head.weight')!.map(({ shape }) => shape[0])).toEqual([6, 6, 6, 6]);
    await consolidate(a, path.join(folder, 'out'), QUIET);
    expect(differences(readFolder(path.join(folder, 'out')), readFolder(adapter))).toEqual([]);
  });

  test('LoRA on the embedding and the output head goes with the weights that PEFT saves of them', async () => {
    const { folder, base, adapter } = inputs();
    const module = 'base_model.model.model.embed_tokens';
    const parameters = new Map<string, readonly number[]>([
      ...lora('o_proj'),
      [`${module}.lora_embedding_A`, [3, 24]],
      [`${module}.lora_embedding_B`, [32, 3]],
      [`${module}.base_layer.weight`, [24, 32]],
      ['base_model.model.lm_head.lora_A.weight', [3, 32]],
      ['base_model.model.lm_head.lora_B.weight', [24, 3]],
      ['base_model.model.lm_head.base_layer.weight', [24, 32]],
    ]);
    writeAdapter(adapter, parameters, {});
    await shard(adapter, path.join(folder, 'a'), TP4, { ...QUIET, config: base });
    const a = openCheckpoint(path.join(folder, 'a'));
    // Its output projection is trained, and no key or value that would show how KV heads are placed.
    expect(a.findings.map(({ severity, tag }) => [severity, tag])).toEqual([['note', 'kv-placement']]);
    const [first, last] = a.adapters[0]!.stages;
    const shapes = (stage: typeof first, name: string): readonly number[] => stage!.tensors.get(name)![1]!.shape;
    expect(shapes(first, `${module}.lora_embedding_A`)).toEqual([3, 24]);
    expect(shapes(first, `${module}.base_layer.weight`)).toEqual([6, 32]);
    expect(shapes(last, 'base_model.model.lm_head.lora_B.weight')).toEqual([6, 3]);
    expect(last!.metadata!.parameters.get('base_model.model.lm_head.lora_A.default.weight')).toEqual({
      tensorModelParallel: false,
    });
    await consolidate(a, path.join(folder, 'out'), QUIET);
    expect(differences(readFolder(path.join(folder, 'out')), readFolder(adapter))).toEqual([]);
  });

  test.each<[string, () => Map<string, readonly number[]>, string, RegExp]>([
    ['only some of the linears that are fused', () => lora('q_proj', 'v_proj'), 'missing-tensor', /k_proj\.lora_B/],
    [
      'fused linears of different ranks',
      () => {
        const parameters = lora('gate_proj', 'up_proj');
        const module = 'base_model.model.model.layers.1.mlp.up_proj';
        const [rows = 0] = parameters.get(`${module}.lora_B.weight`)!;
        parameters.set(`${module}.lora_A.weight`, [2, 32]).set(`${module}.lora_B.weight`, [rows, 2]);
        return parameters;
      },
      'shape-mismatch',
      /3 × 32, F32 2 × 32/,
    ],
    [
      'half of a pair for the embedding',
      () => new Map([['base_model.model.model.embed_tokens.lora_embedding_A', [3, 24]]]),
      'missing-tensor',
      /lora_embedding_B/,
    ],
    [
      'an embedding pair the wrong way round',
      () =>
        new Map([
          ['base_model.model.model.embed_tokens.lora_embedding_A', [3, 32]],
          ['base_model.model.model.embed_tokens.lora_embedding_B', [24, 3]],
        ]),
      'shape-mismatch',
      /3 × 24/,
    ],
  ])('%s are refused, and nothing is written', async (_what, parameters, tag, text) => {
    const { folder, base, adapter } = inputs();
    writeAdapter(adapter, parameters(), {});
    const error = await rejection(shard(adapter, path.join(folder, 'a'), TP4, { ...QUIET, config: base }));
    expect(error.tag).toBe(tag);
    expect(error.message).toMatch(text);
    expect(fs.existsSync(path.join(folder, 'a'))).toBe(false);
  });

  test('without a config.json of the base model the error says how to name it', async () => {
    const { folder, adapter } = inputs();
    writeAdapter(adapter, lora('o_proj'), {});
    const error = await rejection(shard(adapter, path.join(folder, 'a'), TP4, QUIET));
    expect(error).toMatchObject({ tag: 'missing-file', found: 'adapters of the base model "base"' });
    expect(error.message).toMatch(/--config/);
    const base = path.join(folder, 'base');
    const local = path.join(folder, 'local');
    writeAdapter(local, lora('o_proj'), { base_model_name_or_path: base });
    await shard(local, path.join(folder, 'a'), TP4, QUIET);
    // Without LoRA on keys and values nothing shows how KV heads are placed: a note says so.
    expect(openCheckpoint(path.join(folder, 'a')).findings).toMatchObject([{ severity: 'note', tag: 'kv-placement' }]);
  });
});
