// The inner loops of copying and counting, over buffers that all lie in one WebAssembly memory. AssemblyScript, compiled by
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

/**
 * Counts how often each of the 65,536 patterns of 16-bit elements occurs. `tables` holds four tables of u32, because a
 * count that was just written is slow to read again and neighbouring weights are often equal. `count` is a multiple of 4.
 */
export function countPatterns16(source: usize, count: u32, tables: usize): void {
  const end = source + ((<usize>count) << 1);
  for (; source < end; source += 8) {
    const four = load<u64>(source);
    const a = tables + ((<usize>(four & 0xffff)) << 2);
    const b = tables + 0x40000 + ((<usize>((four >> 16) & 0xffff)) << 2);
    const c = tables + 0x80000 + ((<usize>((four >> 32) & 0xffff)) << 2);
    const d = tables + 0xc0000 + ((<usize>(four >> 48)) << 2);
    store<u32>(a, load<u32>(a) + 1);
    store<u32>(b, load<u32>(b) + 1);
    store<u32>(c, load<u32>(c) + 1);
    store<u32>(d, load<u32>(d) + 1);
  }
}
