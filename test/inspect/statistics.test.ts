import { describe, expect, test } from 'vitest';
import { isShardloomError } from '../../src-core/errors.ts';
import { ExactMoments } from '../../src-core/inspect/exact-moments.ts';
import { histogramOf, statisticsOf } from '../../src-core/inspect/statistics.ts';
import { bfloat16ToNumber, float16ToNumber } from '../../src-core/tensor/decode.ts';
import { bytesOfArray, patterns16, storedView } from '../support/stored.ts';

/** What the definition says, number by number; `null` where there is nothing. */
function plain(values: readonly number[]): Record<string, number | null> {
  const finite = values.filter(Number.isFinite);
  const mean = finite.length > 0 ? finite.reduce((sum, value) => sum + value / finite.length, 0) : null;
  const squares = finite.reduce((sum, value) => sum + (value - mean!) ** 2, 0);
  return {
    elements: values.length,
    min: finite.length > 0 ? Math.min(...finite) : null,
    max: finite.length > 0 ? Math.max(...finite) : null,
    mean,
    std: finite.length > 1 ? Math.sqrt(squares / (finite.length - 1)) : null,
    zeros: values.filter((value) => value === 0).length,
    nan: values.filter(Number.isNaN).length,
    posInf: values.filter((value) => value === Infinity).length,
    negInf: values.filter((value) => value === -Infinity).length,
  };
}

/** Values of moderate size, with what needs care among them. */
function moderate(count: number): number[] {
  const values = Array.from({ length: count }, (_, i) => Math.sin(i * 12.9898) * 3);
  [0, -0, NaN, Infinity, -Infinity, NaN].forEach((value, i) => (values[i * 7 + 1] = value));
  return values;
}

function expectClose(found: number | null, expected: number | null, name: string): void {
  if (expected === null || found === null) expect(found, name).toBe(expected);
  else expect(Math.abs(found - expected), name).toBeLessThanOrEqual(1e-12 * Math.max(1, Math.abs(expected)));
}

describe('statistics of a tensor are those of its values', () => {
  const toBf16 = (value: number): number => {
    const word = new DataView(new ArrayBuffer(4));
    word.setFloat32(0, value);
    return Number.isNaN(value) ? 0x7fc1 : word.getUint16(0);
  };
  const cases = [
    [
      'BF16',
      (v: readonly number[]) => Uint16Array.from(v, toBf16),
      (a: ArrayLike<number>) => Array.from(a, bfloat16ToNumber),
    ],
    ['F32', (v: readonly number[]) => Float32Array.from(v), (a: ArrayLike<number>) => Array.from(a)],
    ['F64', (v: readonly number[]) => Float64Array.from(v), (a: ArrayLike<number>) => Array.from(a)],
    ['I8', (v: readonly number[]) => Int8Array.from(v), (a: ArrayLike<number>) => Array.from(a)],
    ['I32', (v: readonly number[]) => Int32Array.from(v), (a: ArrayLike<number>) => Array.from(a)],
  ] as const;

  test.each(cases)('%s', async (dtype, encode, decode) => {
    for (const count of [1, 2, 3, 50, 4099]) {
      const encoded = encode(moderate(Math.max(count, 50)).slice(0, count));
      const statistics = await statisticsOf(storedView(dtype, [count], bytesOfArray(encoded)));
      const expected = plain(decode(encoded));
      for (const [name, value] of Object.entries(expected)) {
        expectClose(statistics[name as 'mean'], value, `${dtype} ${count} ${name}`);
      }
    }
  });

  test.each([
    ['BF16', bfloat16ToNumber],
    ['F16', float16ToNumber],
  ] as const)('%s: counts of every pattern, in several bands', async (dtype, decode) => {
    const bits = patterns16(3_000_001);
    const statistics = await statisticsOf(storedView(dtype, [3_000_001], bytesOfArray(bits)));
    const values = Array.from(bits, decode);
    const finite = values.filter(Number.isFinite);
    expect(statistics.exact).toBe(true);
    expect(statistics.nan).toBe(values.filter(Number.isNaN).length);
    expect(statistics.posInf + statistics.negInf).toBe(values.length - statistics.nan - finite.length);
    expect(statistics.counts.counts.reduce((sum, count) => sum + count, 0)).toBe(finite.length);
    expect(statistics.min).toBe(finite.reduce((a, b) => Math.min(a, b)));
  });
});

test('the mean of 16-bit values is exact where sums in double precision are not', async () => {
  // 2^100, many small values, and -2^100: a sum in double precision loses every small value.
  const bits = Uint16Array.from([0x7180, ...new Array<number>(1000).fill(0x3f80), 0xf180]);
  const { mean } = await statisticsOf(storedView('BF16', [1002], bytesOfArray(bits)));
  expect(mean).toBe(1000 / 1002);
});

test('exact moments of the smallest and the largest bfloat16', () => {
  const moments = new ExactMoments();
  moments.add(2 ** -133, 2);
  moments.add(-(2 ** -133), 1);
  expect(moments.finish().mean).toBe(2 ** -133 / 3);
  const large = new ExactMoments();
  const max = bfloat16ToNumber(0x7f7f);
  large.add(max, 3);
  large.add(-max, 3);
  expect(large.finish().mean).toBe(0);
  expect(large.finish().std).toBeCloseTo(max * Math.sqrt(6 / 5), -25);
});

test('a histogram counts every finite value once', async () => {
  const bits = Uint16Array.from([0x3f80, 0x3f80, 0x4000, 0xbf80, 0, 0x8000, 0x7f80]);
  const { counts, min, max } = await statisticsOf(storedView('BF16', [7], bytesOfArray(bits)));
  expect(histogramOf(counts, min!, max!, 3)).toEqual([
    { from: -1, to: 0, count: 1 },
    { from: 0, to: 1, count: 2 },
    { from: 1, to: 2, count: 3 },
  ]);
  expect(histogramOf(counts, 1, 1, 2).map(({ count }) => count)).toEqual([2, 0]);
});

test('can be stopped', async () => {
  const view = storedView('F32', [8_000_000], new Uint8Array(32_000_000));
  const controller = new AbortController();
  const run = statisticsOf(view, { signal: controller.signal, onProgress: () => controller.abort() });
  await expect(run).rejects.toSatisfy((error) => isShardloomError(error, 'cancelled'));
});
