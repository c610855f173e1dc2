import fs from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { merge, type ChosenAdapter, type MergeOptions } from '../../src-core/jobs/merge.ts';
import { shard } from '../../src-core/jobs/shard.ts';
import { castBetween } from '../../src-core/tensor/cast.ts';
import { dtypeBytes, type DType } from '../../src-core/tensor/dtype.ts';
import { elementCount } from '../../src-core/tensor/shape.ts';
import { temporaryFolder } from '../support/folders.ts';
import { writeHuggingFace, writeTensors, type MadeTensor } from '../support/hugging-face.ts';
import { rejection } from '../support/rejection.ts';
import { readFolder } from '../support/weights.ts';

const PREFIX = 'base_model.model.';
/** Bits of the fraction, the implied one included. */
const PRECISION: Partial<Record<DType, number>> = { BF16: 8, F16: 11, F32: 24, F64: 53 };
const LOWEST: Partial<Record<DType, number>> = { BF16: -126, F16: -14, F32: -126, F64: -1022 };

function encoded(values: readonly number[], dtype: DType): Uint8Array {
  const bytes = new Uint8Array(values.length * dtypeBytes(dtype));
  castBetween('F64', dtype)(new DataView(Float64Array.from(values).buffer), new DataView(bytes.buffer), values.length);
  return bytes;
}

function decoded(bytes: Uint8Array, dtype: DType): number[] {
  const values = new Float64Array(bytes.length / dtypeBytes(dtype));
  const source = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  castBetween(dtype, 'F64')(source, new DataView(values.buffer), values.length);
  return [...values];
}

/** The distance of neighbours of a dtype around a value. */
function step(value: number, dtype: DType): number {
  const exponent = Math.max(LOWEST[dtype]!, Math.floor(Math.log2(Math.abs(value) || 2 ** -1074)));
  return 2 ** (exponent - PRECISION[dtype]! + 1);
}

function tensor(shape: readonly number[], dtype: DType, next: () => number): MadeTensor {
  const values = Array.from({ length: elementCount(shape) }, next);
  return { dtype, shape, bytes: encoded(values, dtype) };
}

/** Numbers between -1 and 1, from a seed. */
function numbers(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return state / 2 ** 31;
  };
}

interface Case {
  readonly rows: number;
  readonly columns: number;
  readonly rank: number;
  readonly base: DType;
  readonly adapter: DType;
  readonly out: DType | null;
  readonly transposed: boolean;
  readonly rslora: boolean;
  readonly weights: readonly number[];
  readonly seed: number;
}

const dtypes = fc.constantFrom<DType>('BF16', 'F16', 'F32', 'F64');
const cases: fc.Arbitrary<Case> = fc.record({
  rows: fc.integer({ min: 1, max: 37 }),
  columns: fc.integer({ min: 1, max: 45 }),
  rank: fc.integer({ min: 1, max: 9 }),
  base: dtypes,
  adapter: dtypes,
  out: fc.option(dtypes),
  transposed: fc.boolean(),
  rslora: fc.boolean(),
  weights: fc.array(fc.constantFrom(1, 0.5, -2), { minLength: 1, maxLength: 3 }),
  seed: fc.integer(),
});

/** W + sum of weight * alpha / r * B·A, element by element in float64; and the sizes of what was added up. */
function oracle(one: Case, base: MadeTensor, adapters: readonly { a: MadeTensor; b: MadeTensor }[], alpha: number) {
  const w = decoded(base.bytes, base.dtype);
  const sizes = w.map(Math.abs);
  const { rows, columns, rank, transposed } = one;
  adapters.forEach(({ a, b }, index) => {
    const [av, bv] = [decoded(a.bytes, a.dtype), decoded(b.bytes, b.dtype)];
    const scale = (alpha / (one.rslora ? Math.sqrt(rank) : rank)) * one.weights[index]!;
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        for (let k = 0; k < rank; k++) {
          const [left, right] = transposed
            ? [bv[j * rank + k]!, av[k * rows + i]!]
            : [bv[i * rank + k]!, av[k * columns + j]!];
          w[i * columns + j]! += scale * left * right;
          sizes[i * columns + j]! += Math.abs(scale * left * right);
        }
      }
    }
  });
  return { values: w, sizes };
}

test('agrees with float64 within one rounding step of the output, for any shape and dtype', async () => {
  await fc.assert(
    fc.asyncProperty(cases, fc.constantFrom(64, 300, 4096), async (one, bandBytes) => {
      const folder = temporaryFolder();
      const next = numbers(one.seed);
      const { rows, columns, rank, transposed } = one;
      const base = tensor([rows, columns], one.base, next);
      const [out, inner] = transposed ? [columns, rows] : [rows, columns];
      const adapters = one.weights.map(() => ({
        a: tensor([rank, inner], one.adapter, next),
        b: tensor([out, rank], one.adapter, next),
      }));
      writeTensors(path.join(folder, 'base/model.safetensors'), new Map([['layer.x.weight', base]]));
      const config = { peft_type: 'LORA', r: rank, lora_alpha: 3, use_rslora: one.rslora, fan_in_fan_out: transposed };
      adapters.forEach(({ a, b }, index) => {
        const to = path.join(folder, `adapters/a${index}`);
        const tensors = new Map([
          [`${PREFIX}layer.x.lora_A.weight`, a],
          [`${PREFIX}layer.x.lora_B.weight`, b],
        ]);
        writeTensors(path.join(to, 'adapter_model.safetensors'), tensors);
        fs.writeFileSync(path.join(to, 'adapter_config.json'), JSON.stringify(config));
      });
      const chosen: ChosenAdapter[] = one.weights.map((weight, index) => ({ name: `a${index}`, weight }));
      const options: MergeOptions = { workers: 0, bandBytes, adapters: chosen, ...(one.out && { dtype: one.out }) };
      await merge(path.join(folder, 'base'), path.join(folder, 'adapters'), path.join(folder, 'out'), options);
      const merged = readFolder(path.join(folder, 'out')).get('layer.x.weight')!;
      const dtype = one.out ?? one.base;
      expect([merged.dtype, merged.shape]).toEqual([dtype, [rows, columns]]);
      const { values, sizes } = oracle(one, base, adapters, 3);
      decoded(merged.bytes, dtype).forEach((value, index) => {
        const exact = values[index]!;
        // A 16-bit result is summed in float32: where terms cancel, their own rounding shows.
        const summed = sizes[index]! * (rank * one.weights.length + 2) * 2 ** (dtypeBytes(dtype) <= 2 ? -24 : -53);
        if (Number.isFinite(value)) expect(Math.abs(value - exact)).toBeLessThanOrEqual(step(exact, dtype) + summed);
        else expect(Math.abs(exact)).toBeGreaterThan(65_000);
      });
    }),
    { numRuns: 150 },
  );
});

const SIZES = {
  hiddenSize: 16,
  intermediateSize: 24,
  numAttentionHeads: 4,
  numKeyValueHeads: 2,
  numHiddenLayers: 2,
  vocabSize: 8,
};

interface Folders {
  readonly root: string;
  readonly base: string;
  readonly adapter: string;
  readonly out: string;
}

function folders(): Folders {
  const root = temporaryFolder();
  const at = (name: string): string => path.join(root, name);
  writeHuggingFace(at('base'), 'llama', SIZES);
  return { root, base: at('base'), adapter: at('adapter'), out: at('out') };
}

const Q = 'model.layers.0.self_attn.q_proj';

function writeAdapter(folder: string, tensors: ReadonlyMap<string, MadeTensor>, config: object = {}): void {
  writeTensors(path.join(folder, 'adapter_model.safetensors'), tensors);
  const document = { peft_type: 'LORA', r: 2, lora_alpha: 4, ...config };
  fs.writeFileSync(path.join(folder, 'adapter_config.json'), JSON.stringify(document));
}

function qProj(): Map<string, MadeTensor> {
  const next = numbers(7);
  return new Map([
    [`${PREFIX}${Q}.lora_A.weight`, tensor([2, 16], 'F32', next)],
    [`${PREFIX}${Q}.lora_B.weight`, tensor([16, 2], 'F32', next)],
  ]);
}

describe('merging', () => {
  test('changes what the adapter targets and nothing else; configs and a record go with it', async () => {
    const { base, adapter, out } = folders();
    writeAdapter(adapter, qProj(), { alpha_pattern: { 'layers\\.0\\..*q_proj': 8 } });
    const { modules } = await merge(base, adapter, out, { workers: 0, version: 'test' });
    expect(modules).toEqual([{ module: Q, adapter: 'default', rank: 2, alpha: 8, scale: 4 }]);
    const [before, after] = [readFolder(base), readFolder(out)];
    const changed = [...after].filter(([name, { bytes }]) => Buffer.compare(bytes, before.get(name)!.bytes) !== 0);
    expect(changed.map(([name]) => name)).toEqual([`${Q}.weight`]);
    expect(fs.existsSync(path.join(out, 'config.json'))).toBe(true);
    const manifest = JSON.parse(fs.readFileSync(path.join(out, 'shardloom.json'), 'utf8')) as Record<string, unknown>;
    expect(manifest).toMatchObject({ operation: 'merge', merged: modules });
  });

  test('takes sharded folders as well', async () => {
    const { root, base, adapter, out } = folders();
    const next = numbers(3);
    const down = 'model.layers.1.mlp.down_proj';
    writeAdapter(
      adapter,
      new Map([
        [`${PREFIX}${down}.lora_A.weight`, tensor([2, 24], 'F32', next)],
        [`${PREFIX}${down}.lora_B.weight`, tensor([16, 2], 'F32', next)],
      ]),
    );
    await merge(base, adapter, out, { workers: 0 });
    const sizes = { tensorParallelSize: 2, pipelineParallelSize: 1, fuseQkv: false, xser: true };
    await shard(base, path.join(root, 'b'), sizes, { workers: 0 });
    await shard(adapter, path.join(root, 'a'), sizes, { workers: 0, config: base });
    await merge(path.join(root, 'b'), path.join(root, 'a'), path.join(root, 'other'), { workers: 0 });
    expect(readFolder(path.join(root, 'other'))).toEqual(readFolder(out));
  });

  test('trained biases and whole modules take the place of the base model’s, in its dtype', async () => {
    const { base, adapter, out } = folders();
    const head = tensor([8, 16], 'BF16', numbers(5));
    writeAdapter(adapter, new Map([...qProj(), [`${PREFIX}lm_head.weight`, head]]), { modules_to_save: ['lm_head'] });
    await merge(base, adapter, out, { workers: 0 });
    const merged = readFolder(out).get('lm_head.weight')!;
    expect(merged.dtype).toBe('F32');
    expect(decoded(merged.bytes, 'F32')).toEqual(decoded(head.bytes, 'BF16'));
  });

  test('LoRA on the embedding is the transposed product', async () => {
    const { base, adapter, out } = folders();
    const next = numbers(11);
    const [a, b] = [tensor([2, 8], 'F32', next), tensor([16, 2], 'F32', next)];
    const name = `${PREFIX}model.embed_tokens.lora_embedding_`;
    writeAdapter(
      adapter,
      new Map([
        [`${name}A`, a],
        [`${name}B`, b],
      ]),
    );
    await merge(base, adapter, out, { workers: 0 });
    const before = decoded(readFolder(base).get('model.embed_tokens.weight')!.bytes, 'F32');
    const after = decoded(readFolder(out).get('model.embed_tokens.weight')!.bytes, 'F32');
    const [av, bv] = [decoded(a.bytes, 'F32'), decoded(b.bytes, 'F32')];
    const exact = before[3 * 16 + 5]! + 2 * (bv[5 * 2]! * av[3]! + bv[5 * 2 + 1]! * av[8 + 3]!);
    expect(after[3 * 16 + 5]).toBe(Math.fround(exact));
  });

  test.each<[string, () => Map<string, MadeTensor>, object, string, RegExp]>([
    ['DoRA', qProj, { use_dora: true }, 'unsupported', /use_dora[^]*merge_and_unload/],
    ['PiSSA', qProj, { init_lora_weights: 'pissa_niter_16' }, 'unsupported', /has changed the base weights/],
    ['LoRA-GA', qProj, { init_lora_weights: 'lora_ga' }, 'unsupported', /has changed the base weights/],
    [
      'replicated layers',
      qProj,
      { layer_replication: [[0, 2]] },
      'unsupported',
      /layers were repeated[^]*layer_replication/,
    ],
    ['parameters', qProj, { target_parameters: ['mlp.experts.up'] }, 'unsupported', /target_parameters/],
    ['a bias of lora_B', qProj, { lora_bias: true }, 'unsupported', /lora_bias/],
    ['another PEFT type', qProj, { peft_type: 'IA3' }, 'unsupported', /IA3/],
    [
      'a magnitude vector',
      () => new Map([...qProj(), [`${PREFIX}${Q}.lora_magnitude_vector`, tensor([16], 'F32', numbers(1))]]),
      {},
      'unsupported',
      /lora_magnitude_vector/,
    ],
    [
      'a weight that the base lacks',
      () => new Map([...qProj()].map(([name, one]) => [name.replace('layers.0', 'layers.9'), one])),
      {},
      'missing-tensor',
      /layers\.9\.self_attn\.q_proj\.weight/,
    ],
    [
      'another shape',
      () => new Map([...qProj(), [`${PREFIX}${Q}.lora_B.weight`, tensor([12, 2], 'F32', numbers(1))]]),
      {},
      'shape-mismatch',
      /lora_B 12 × 2/,
    ],
    [
      'lora_A alone',
      () => new Map([...qProj()].filter(([name]) => name.includes('lora_A'))),
      {},
      'missing-tensor',
      /without its lora_B/,
    ],
  ])('%s is refused, and nothing is written', async (_what, tensors, config, tag, message) => {
    const { base, adapter, out } = folders();
    writeAdapter(adapter, tensors(), config);
    const error = await rejection(merge(base, adapter, out, { workers: 0 }));
    expect(error.tag).toBe(tag);
    expect(error.message).toMatch(message);
    expect(fs.existsSync(out)).toBe(false);
  });

  test('fields of variants that say nothing change nothing', async () => {
    const { root, base, adapter, out } = folders();
    writeAdapter(adapter, qProj());
    await merge(base, adapter, out, { workers: 0 });
    const unset = { use_dora: false, layer_replication: null, target_parameters: [], init_lora_weights: 'eva' };
    const same = path.join(root, 'same');
    writeAdapter(same, qProj(), { ...unset, bias: 'none', kasa_config: null, lora_bias: false });
    await merge(base, same, path.join(root, 'other'), { workers: 0 });
    expect(readFolder(path.join(root, 'other'))).toEqual(readFolder(out));
  });

  test('of several adapters one has to be chosen', async () => {
    const { base, adapter, out } = folders();
    for (const name of ['one', 'two']) writeAdapter(path.join(adapter, name), qProj());
    expect((await rejection(merge(base, adapter, out))).message).toMatch(/one, two[^]*--adapter/);
    const chosen = [{ name: 'three', weight: 1 }];
    expect((await rejection(merge(base, adapter, out, { adapters: chosen }))).message).toMatch(/three/);
    expect((await rejection(merge(adapter, base, out))).message).toMatch(/no model to merge them into/);
  });
});
