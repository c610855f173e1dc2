import { createProductMemory } from './kernels.ts';

/** Lanes of the loop in float64, and rows that it works on at once. */
const LANES = 4;

/**
 * The products of all pairs of rows of a matrix, `M·Mᵀ`, in float64 with the compiled loop.
 *
 * @param count rows; the result is [count, count]
 * @param length elements of a row
 * @param at the element k of row i
 */
export function gramOfRows(count: number, length: number, at: (i: number, k: number) => number): Float64Array {
  const groups = Math.ceil(count / LANES);
  const stride = groups * LANES;
  const memory = createProductMemory([stride * stride * 8, groups * length * LANES * 8]);
  const [sums, packed] = memory.addresses as [number, number];
  // The loop's two sides have the same form: groups of four rows, one element of each behind the other.
  const rows = new Float64Array(memory.bytes.buffer, packed, groups * length * LANES);
  for (let i = 0; i < count; i++) {
    const first = Math.floor(i / LANES) * length * LANES + (i % LANES);
    for (let k = 0; k < length; k++) rows[first + k * LANES] = at(i, k);
  }
  memory.kernels.addProduct64(sums, stride * 8, stride, groups, packed, packed, length);
  const wide = new Float64Array(memory.bytes.buffer, sums, stride * stride);
  const gram = new Float64Array(count * count);
  for (let i = 0; i < count; i++) gram.set(wide.subarray(i * stride, i * stride + count), i * count);
  return gram;
}
