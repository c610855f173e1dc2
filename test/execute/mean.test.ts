import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RunningMean } from '../../src-core/execute/mean.ts';
import { castBetween } from '../../src-core/tensor/cast.ts';
import { dtypeBytes, type DType } from '../../src-core/tensor/dtype.ts';

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
