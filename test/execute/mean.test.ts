import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RunningMean } from '../../src-core/execute/mean.ts';
import { PairReader } from '../../src-core/execute/pair-reader.ts';
import { readViews } from '../../src-core/execute/view-reader.ts';
import { PlanBuilder } from '../../src-core/plan/plan-builder.ts';
import { castBetween } from '../../src-core/tensor/cast.ts';
import { dtypeBytes, type DType } from '../../src-core/tensor/dtype.ts';
import { mean, narrow } from '../../src-core/tensor/operations.ts';
import { regionsOf } from '../../src-core/tensor/view.ts';
import { storedView } from '../support/stored.ts';

function encoded(values: readonly number[], dtype: DType): Uint8Array {
  const bytes = new Uint8Array(values.length * dtypeBytes(dtype));
  const source = new DataView(Float64Array.from(values).buffer);
  castBetween('F64', dtype)(source, new DataView(bytes.buffer), values.length);
  return bytes;
}

function meanOf(terms: readonly Uint8Array[], dtype: DType): { readonly bytes: Uint8Array; readonly averaged: number } {
  const mean = new RunningMean(dtype, terms[0]!.length / dtypeBytes(dtype));
  for (const term of terms) mean.add(term);
  const bytes = new Uint8Array(terms[0]!.length);
  return { averaged: mean.finish(new DataView(bytes.buffer)), bytes };
}

const DTYPES = ['F16', 'BF16', 'F32', 'F64'] as const;

test('the mean of equal bands is the band, whatever its values and however many', () => {
  const values = fc.array(fc.oneof(fc.double(), fc.constantFrom(NaN, -0, Infinity)), { minLength: 1, maxLength: 20 });
  fc.assert(
    fc.property(values, fc.constantFrom(...DTYPES), fc.integer({ min: 1, max: 5 }), (numbers, dtype, count) => {
      const band = encoded(numbers, dtype);
      expect(meanOf(new Array<Uint8Array>(count).fill(band), dtype)).toEqual({ bytes: band, averaged: 0 });
    }),
  );
});

test('sums in float32, divides once and rounds once, as torch does; only elements that differ count', () => {
  const terms = [
    [1, 0.1, 65504, 2 ** -24],
    [2, 0.1, 65504, 0],
    [4, 0.1, 0, 0],
  ];
  const f32 = terms.map((term) => encoded(term, 'F32'));
  const { bytes, averaged } = meanOf(f32, 'F32');
  const third = Math.fround(Math.fround(2 ** -24) / 3);
  expect([...new Float32Array(bytes.buffer)]).toEqual([
    Math.fround(7 / 3),
    Math.fround(0.1),
    Math.fround(131008 / 3),
    third,
  ]);
  expect(averaged).toBe(3);
  // The sum of two float16 is above what float16 holds; their mean is not.
  const f16 = meanOf([encoded([65504], 'F16'), encoded([65472], 'F16')], 'F16');
  expect(f16.bytes).toEqual(encoded([65488], 'F16'));
});

test.each(DTYPES)('a mean of %s views is read as the mean, rounded as it is in a copy', (dtype) => {
  const values = [
    [1, 0.1, -3, 7, 0.3, 5],
    [2, 0.1, 4, -7, 0.1, 6],
    [4, 0.1, 8, 0.7, 0.2, 9],
  ];
  const views = values.map((row) => storedView(dtype, [3, 2], encoded(row, dtype)));
  const expected = meanOf(
    values.map((row) => encoded(row, dtype)),
    dtype,
  ).bytes;
  const all = mean(views);
  expect(readViews([all, views[1]!])).toEqual([expected, encoded(values[1]!, dtype)]);
  const rows = readViews([mean(views.map((view) => narrow(view, 0, 1, 2)))]);
  expect(rows).toEqual([expected.slice(2 * dtypeBytes(dtype))]);

  const builder = new PlanBuilder();
  const pair = { name: 'mean', left: builder.operand(all), right: builder.operand(views[0]!) };
  const reader = new PairReader(4096);
  reader.use(builder);
  const [left] = reader.read(pair, { at: [0, 0], size: all.shape });
  expect(reader.memory.bytes.slice(left, left + expected.length)).toEqual(expected);
  reader.close();
});

test('a mean of whole numbers is refused when it is read', () => {
  const views = [1, 2].map((value) => storedView('U8', [2], new Uint8Array([value, value])));
  expect(() => readViews([mean(views)])).toThrow(expect.objectContaining({ tag: 'unsupported' }));
});

test('what a mean is made from are the boxes of all its terms', () => {
  const views = [1, 2].map((value) => storedView('F32', [1], encoded([value], 'F32')));
  expect(regionsOf(mean(views)).map(({ source }) => source.file)).toEqual(
    views.map((view) => view.regions[0]!.source.file),
  );
});
