import { expect, test } from 'vitest';
import { DIFFERENCE_SUMS_BYTES, DifferenceSums } from '../../src-core/execute/difference-sums.ts';
import { createComparingMemory } from '../../src-core/execute/kernels.ts';

/** Where `kernels/difference.as.ts` keeps its counts, in bytes: elements that differ, those not finite, and the bin of differences of 1. */
const COUNTS = [40, 48, 64 + 8 * 127];
const BELOW_LIMIT = 2 ** 32 - 1;

test.each([
  ['F32', Float32Array],
  ['F64', Float64Array],
] as const)('counts of %s elements go on behind 2^32', (dtype, Values) => {
  const memory = createComparingMemory([64, 64, DIFFERENCE_SUMS_BYTES]);
  const [left, right, address] = memory.addresses as [number, number, number];
  const sums = new DifferenceSums(memory, address);
  sums.clear();
  new Values(memory.view.buffer as ArrayBuffer, left, 4).set([1, 2, NaN, 5]);
  new Values(memory.view.buffer as ArrayBuffer, right, 4).set([2, 3, 4, 5]);
  sums.add(dtype, left, right, 4);
  expect([sums.changed, sums.nonFinite, sums.histogram[127]]).toEqual([3, 1, 2]);
  // As after bands with so many elements that differ.
  for (const at of COUNTS) memory.view.setBigUint64(address + at, BigInt(BELOW_LIMIT), true);
  sums.add(dtype, left, right, 4);
  expect([sums.changed, sums.nonFinite, sums.histogram[127]]).toEqual([
    BELOW_LIMIT + 3,
    BELOW_LIMIT + 1,
    BELOW_LIMIT + 2,
  ]);
  expect(sums.histogram.reduce((all, count) => all + count, 0)).toBe(BELOW_LIMIT + 2);
  expect(sums.sums).toEqual({ absolute: 4, squares: 4, left: 60, right: 76, dot: 66 });
  expect(sums.largestOfBand).toBe(1);
  sums.clear();
  expect([sums.changed, sums.nonFinite, sums.histogram[127], sums.sums.dot]).toEqual([0, 0, 0, 0]);
});
