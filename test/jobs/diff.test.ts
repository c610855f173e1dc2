import fs from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { answerOf } from '../../src-core/jobs/diff-report.ts';
import { diff, isSame, type DiffResult, type DiffRow } from '../../src-core/jobs/diff.ts';
import { openCheckpoint } from '../../src-core/models/open-checkpoint.ts';
import { castBetween } from '../../src-core/tensor/cast.ts';
import { dtypeBytes, type DType } from '../../src-core/tensor/dtype.ts';
import { elementCount } from '../../src-core/tensor/shape.ts';
import { shardloom } from '../support/cli.ts';
import { fixtureNames, fixturePath, temporaryFolder } from '../support/folders.ts';
import { writeTensors, type MadeTensor } from '../support/hugging-face.ts';
import { rejection } from '../support/rejection.ts';

const QUIET = { workers: 0 };

function made(values: readonly number[], dtype: DType, shape: readonly number[] = [values.length]): MadeTensor {
  const bytes = new Uint8Array(values.length * dtypeBytes(dtype));
  castBetween('F64', dtype)(new DataView(Float64Array.from(values).buffer), new DataView(bytes.buffer), values.length);
  return { dtype, shape, bytes };
}

function decoded({ bytes, dtype }: MadeTensor): number[] {
  const values = new Float64Array(bytes.length / dtypeBytes(dtype));
  const source = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  castBetween(dtype, 'F64')(source, new DataView(values.buffer), values.length);
  return [...values];
}

/** The comparison of two sets of tensors. */
function compared(
  left: Record<string, MadeTensor>,
  right: Record<string, MadeTensor>,
  options: Parameters<typeof diff>[2] = {},
): Promise<DiffResult> {
  const folder = temporaryFolder();
  const write = (side: string, tensors: Record<string, MadeTensor>): string => {
    writeTensors(path.join(folder, side, 'model.safetensors'), new Map(Object.entries(tensors)));
    return path.join(folder, side);
  };
  return diff(write('left', left), write('right', right), { ...QUIET, ...options });
}

async function row(left: MadeTensor, right: MadeTensor): Promise<DiffRow> {
  return (await compared({ x: left }, { x: right })).rows[0]!;
}

const dtypes = fc.constantFrom<DType>('BF16', 'F16', 'F32', 'F64');
/** Squares of what is smaller are no longer ordinary float64, whose sums depend on their order. */
const number = (most: number): fc.Arbitrary<number> =>
  fc.double({ min: -most, max: most, noNaN: true }).map((value) => (Math.abs(value) < 1e-30 ? 0 : value));
const values = fc.array(fc.tuple(number(50), number(1), fc.boolean()), { minLength: 1, maxLength: 400 });

test('agrees with float64, for any dtypes on both sides and any size of the bands', async () => {
  await fc.assert(
    fc.asyncProperty(values, dtypes, dtypes, fc.constantFrom(64, 1000, 2 ** 20), async (all, a, b, bandBytes) => {
      const left = made(
        all.map(([value]) => value),
        a,
      );
      const right = made(
        all.map(([value, moved, isMoved]) => (isMoved ? value + moved : value)),
        b,
      );
      const [l, r] = [decoded(left), decoded(right)];
      const d = l.map((value, i) => Math.abs(r[i]! - value));
      const changed = d.filter((difference) => difference > 0).length;
      const { rows } = await compared({ x: left }, { x: right }, { bandBytes });
      const [found] = rows;
      const isIdentical = a === b && changed === 0 && Buffer.compare(left.bytes, right.bytes) === 0;
      expect(found!.status).toBe(changed > 0 ? 'different' : isIdentical ? 'identical' : 'equal');
      const figures = found!.values!;
      expect([figures.elements, figures.changed, figures.nonFinite]).toEqual([l.length, changed, 0]);
      if (changed === 0) return;
      const sum = (terms: number[]): number => terms.reduce((total, term) => total + term, 0);
      const close = (value: number | null, exact: number): void => {
        expect(Math.abs(value! - exact)).toBeLessThanOrEqual(1e-6 * Math.max(Math.abs(exact), 1e-30));
      };
      close(figures.maxAbs, Math.max(...d));
      close(figures.meanAbs, sum(d) / l.length);
      const squares = sum(l.map((value) => value * value));
      if (squares > 0)
        close(figures.relativeNorm, Math.sqrt(sum(d.map((value) => value * value))) / Math.sqrt(squares));
      const at = figures.largest!.at[0]!;
      close(d[at]!, Math.max(...d));
      expect([figures.largest!.left, figures.largest!.right]).toEqual([l[at], r[at]]);
      expect(sum(figures.histogram.map(({ count }) => count))).toBe(changed);
      for (const { from, to, count } of figures.histogram) {
        if (from > 1e-30) {
          expect(d.filter((one) => one > 0 && Math.fround(one) >= from && Math.fround(one) < to).length).toBe(count);
        }
      }
    }),
    { numRuns: 120 },
  );
});

describe('values that are no ordinary numbers', () => {
  test('zeros of either sign are equal values, but not identical', async () => {
    expect((await row(made([0, 1], 'F32'), made([-0, 1], 'F32'))).status).toBe('equal');
  });

  test.each<DType>(['BF16', 'F32', 'F64'])(
    'NaN equals NaN, Inf equals itself, and what differs is counted apart: %s',
    async (dtype) => {
      const left = made([NaN, Infinity, Infinity, 1, NaN, 2], dtype);
      const right = made([NaN, Infinity, -Infinity, Infinity, 3, 2.5], dtype);
      const { status, values: figures } = await row(left, right);
      expect(status).toBe('different');
      expect(figures).toMatchObject({
        changed: 4,
        nonFinite: 3,
        maxAbs: 0.5,
        largest: { at: [5], left: 2, right: 2.5 },
      });
      const same = await row(made([NaN, Infinity], dtype), made([NaN, Infinity], dtype));
      expect(same.status).toBe('identical');
    },
  );

  test('whole numbers and 8-bit floats are compared too', async () => {
    const bytes = (dtype: DType, ...all: number[]): MadeTensor => ({
      dtype,
      shape: [all.length],
      bytes: Uint8Array.from(all),
    });
    const { values: figures } = await row(bytes('U8', 1, 2, 250), bytes('U8', 1, 2, 5));
    expect(figures).toMatchObject({ changed: 1, maxAbs: 245 });
    // 0x38 is 1 in float8_e4m3fn, 0x40 is 2.
    expect((await row(bytes('F8_E4M3', 0x38), made([1], 'F32'))).status).toBe('equal');
    expect((await row(bytes('F8_E4M3', 0x38), bytes('F8_E4M3', 0x40))).values).toMatchObject({
      maxAbs: 1,
      relativeNorm: 1,
    });
  });
});

describe('matching', () => {
  test('by name: what only one side has, and what has another shape', async () => {
    const one = made([1, 2, 3, 4], 'F32');
    const result = await compared({ a: one, b: one, c: one }, { b: { ...one, shape: [2, 2] }, c: one, d: one });
    expect(result.rows.map(({ name, status }) => `${name} ${status}`)).toEqual([
      'b shape-differs',
      'a only-left',
      'd only-right',
      'c identical',
    ]);
    expect(isSame(result)).toBe(false);
  });

  test('with a rename rule; one that makes two names the same is refused', async () => {
    const one = made([1], 'F32');
    const rename = { pattern: /^model\./, replacement: '' };
    const { rows } = await compared({ 'model.x': one }, { x: one }, { rename });
    expect(rows).toMatchObject([{ name: 'x', status: 'identical', left: { name: 'model.x' } }]);
    const both = compared({ 'model.x': one, x: one }, { x: one }, { rename });
    expect((await rejection(both)).message).toMatch(/model\.x and x/);
  });

  test('a tolerance forgives what is small, and never NaN', async () => {
    const near = await compared({ x: made([1], 'F32') }, { x: made([1.001], 'F32') });
    expect([isSame(near), isSame(near, 0.01)]).toEqual([false, true]);
    const odd = await compared({ x: made([1], 'F32') }, { x: made([NaN], 'F32') });
    expect(isSame(odd, 1)).toBe(false);
  });

  test('a model and adapters have nothing in common', async () => {
    const folder = temporaryFolder();
    writeTensors(path.join(folder, 'm/model.safetensors'), new Map([['x', made([1], 'F32')]]));
    writeTensors(path.join(folder, 'a/adapter_model.safetensors'), new Map([['x', made([1], 'F32')]]));
    fs.writeFileSync(path.join(folder, 'a/adapter_config.json'), '{}');
    expect((await rejection(diff(path.join(folder, 'm'), path.join(folder, 'a')))).message).toMatch(
      /nothing in common/,
    );
  });
});

describe.each(fixtureNames().filter((name) => !name.startsWith('lora')))('%s', (name) => {
  test('on the fly its shards are identical to what was sharded', async () => {
    const result = await diff(fixturePath(name, 'checkpoint'), fixturePath(name, 'original'), QUIET);
    expect(result.counts).toMatchObject({ identical: result.rows.length });
  });
});

describe('one element changed in one rank’s shard', () => {
  test('is pointed at by tensor, element, rank and head', async () => {
    const folder = path.join(temporaryFolder(), 'checkpoint');
    fs.cpSync(fixturePath('llama-tp8-kv4', 'checkpoint'), folder, { recursive: true });
    const { model } = openCheckpoint(folder);
    const stored = model!.stages[0]!.tensors.get('model.layers.1.self_attn.qkv_proj.weight_k')![1]!;
    fs.chmodSync(stored.file, 0o644);
    const fd = fs.openSync(stored.file, 'r+');
    // Row 5, column 3 of what rank 1 holds.
    const step = dtypeBytes(stored.dtype);
    const at = stored.byteOffset + (5 * stored.shape[1]! + 3) * step;
    const element = Buffer.alloc(step);
    fs.readSync(fd, element, 0, step, at);
    element[step - 1]! ^= 0x80;
    fs.writeSync(fd, element, 0, step, at);
    fs.closeSync(fd);
    const { rows, counts } = await diff(folder, fixturePath('llama-tp8-kv4', 'original'), QUIET);
    expect(counts.different).toBe(1);
    const rowsOfRank = stored.shape[0]!;
    expect(rows[0]).toMatchObject({
      name: 'model.layers.1.self_attn.k_proj.weight',
      values: { changed: 1, largest: { at: [rowsOfRank + 5, 3], rank: { tp: 1, pp: 0 }, file: stored.file } },
    });
    const headDim = elementCount([8]) / 2;
    expect(rows[0]!.values!.largest!.head).toBe(`KV head ${Math.floor((rowsOfRank + 5) / headDim)}`);
  });
});

describe('shardloom diff', () => {
  const folders = (): readonly [string, string] => {
    const folder = temporaryFolder();
    for (const [side, last] of [
      ['a', 3],
      ['b', 4],
    ] as const) {
      const tensors = new Map([['model.layers.0.<x>.weight', made([1, 2, last], 'F32')]]);
      writeTensors(path.join(folder, side, 'model.safetensors'), tensors);
    }
    return [path.join(folder, 'a'), path.join(folder, 'b')];
  };

  test('ends as diff(1) does: 0, 1 and 2', () => {
    const [a, b] = folders();
    expect(shardloom('diff', a, a)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('1 identical') as string,
    });
    const { code, stdout } = shardloom('diff', a, b);
    expect(code).toBe(1);
    expect(stdout).toMatch(/1 of 3 elements, relative norm 0\.2673, cosine [\d.]+, largest 1, mean 0\.3333/);
    expect(stdout).toMatch(/largest at \[2\]: 3 and 4/);
    expect(shardloom('diff', a, b, '--tolerance', '1', '--quiet')).toEqual({ code: 0, stdout: '', stderr: '' });
    expect(shardloom('diff', a, `${b}x`).code).toBe(2);
    expect(shardloom('diff', a, b, '--tolerance', '-1').code).toBe(2);
    expect(JSON.parse(shardloom('diff', a, b, '--json').stdout)).toMatchObject({ counts: { different: 1 } });
  });

  test('writes a report that loads nothing and escapes what comes from files', async () => {
    const [a, b] = folders();
    const file = path.join(temporaryFolder(), 'report.html');
    expect(shardloom('diff', a, b, '--html', file, '--quiet').code).toBe(1);
    const html = fs.readFileSync(file, 'utf8');
    expect(html).toContain(answerOf(await diff(a, b, QUIET)));
    expect(html).toContain("default-src 'none'");
    expect(html).toContain('&#60;x&#62;');
    expect(html).not.toMatch(/<script|src=|href=|<x>/);
  });
});
