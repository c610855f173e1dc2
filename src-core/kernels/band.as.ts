// The three inner loops of copying, over buffers that all lie in one WebAssembly memory. AssemblyScript, compiled by
// `npm run build:kernels`. Everything else is TypeScript; a loop belongs here only if its speed was measured to matter.

/**
 * Copies `rows` rows of `rowBytes` bytes, `sourceStride` and `targetStride` bytes apart.
 */
export function copyRows(
  source: usize,
  sourceStride: usize,
  target: usize,
  targetStride: usize,
  rowBytes: usize,
  rows: u32,
): void {
  for (let row: u32 = 0; row < rows; row++) {
    memory.copy(target, source, rowBytes);
    source += sourceStride;
    target += targetStride;
  }
}

/** Copies `count` elements of 1, 2, 4 or 8 bytes that lie `sourceStride` bytes apart, to neighbours. */
export function gatherElements(source: usize, sourceStride: usize, target: usize, elementBytes: u32, count: u32): void {
  if (elementBytes == 2) {
    for (let i: u32 = 0; i < count; i++, source += sourceStride, target += 2) store<u16>(target, load<u16>(source));
  } else if (elementBytes == 4) {
    for (let i: u32 = 0; i < count; i++, source += sourceStride, target += 4) store<u32>(target, load<u32>(source));
  } else if (elementBytes == 8) {
    for (let i: u32 = 0; i < count; i++, source += sourceStride, target += 8) store<u64>(target, load<u64>(source));
  } else {
    for (let i: u32 = 0; i < count; i++, source += sourceStride, target += 1) store<u8>(target, load<u8>(source));
  }
}

/**
 * Whether any element has an exponent of all ones, tested for all elements of a vector at once: masked to the exponent
 * bits, adding the exponent's lowest bit carries into the bit above it just then, and never further. Returns the OR of
 * these sums: the caller tests the bits above the exponents. `bytes` is rounded up to 64: the caller clears what is
 * behind the data.
 */
export function exponentCarries(source: usize, bytes: usize, exponentMask: u64, lowestExponentBit: u64): u64 {
  const mask = i64x2.splat(exponentMask);
  const lowest = i64x2.splat(lowestExponentBit);
  let even = i64x2.splat(0);
  let odd = i64x2.splat(0);
  const end = source + bytes;
  for (; source < end; source += 64) {
    even = v128.or(even, i64x2.add(v128.and(v128.load(source), mask), lowest));
    odd = v128.or(odd, i64x2.add(v128.and(v128.load(source, 16), mask), lowest));
    even = v128.or(even, i64x2.add(v128.and(v128.load(source, 32), mask), lowest));
    odd = v128.or(odd, i64x2.add(v128.and(v128.load(source, 48), mask), lowest));
  }
  even = v128.or(even, odd);
  return i64x2.extract_lane(even, 0) | i64x2.extract_lane(even, 1);
}
