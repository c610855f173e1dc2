// The inner loops of converting between float16, bfloat16, float32 and float64, over buffers that are all in one WebAssembly
// memory. AssemblyScript, compiled by `npm run build:kernels`. `tensor/cast.ts` is the definition: to nearest, ties to even, rounded
// once. NaN stays NaN: in 16 bits the one quiet pattern, in more with the bits that it had. Eight elements a step, all of them as
// float32 on the way, which holds every float16 and bfloat16.
//
// `count` is rounded up to 8: there is room behind both buffers.

/** bfloat16 to float16. */
export function bfloat16ToFloat16(source: usize, target: usize, count: u32): void {
  const end = target + ((<usize>count) << 1);
  for (; target < end; source += 16, target += 16) {
    const eight = v128.load(source);
    storeFloat16(target, lowBfloat16(eight), highBfloat16(eight));
  }
}

/** bfloat16 to float32. */
export function bfloat16ToFloat32(source: usize, target: usize, count: u32): void {
  const end = source + ((<usize>count) << 1);
  for (; source < end; source += 16, target += 32) {
    const eight = v128.load(source);
    v128.store(target, lowBfloat16(eight));
    v128.store(target, highBfloat16(eight), 16);
  }
}

/** bfloat16 to float64. */
export function bfloat16ToFloat64(source: usize, target: usize, count: u32): void {
  const end = source + ((<usize>count) << 1);
  for (; source < end; source += 16, target += 64) {
    const eight = v128.load(source);
    storeFloat64(target, lowBfloat16(eight), highBfloat16(eight));
  }
}

/** float16 to bfloat16. */
export function float16ToBfloat16(source: usize, target: usize, count: u32): void {
  const end = target + ((<usize>count) << 1);
  for (; target < end; source += 16, target += 16) {
    const eight = v128.load(source);
    storeBfloat16(target, lowFloat16(eight), highFloat16(eight));
  }
}

/** float16 to float32. */
export function float16ToFloat32(source: usize, target: usize, count: u32): void {
  const end = source + ((<usize>count) << 1);
  for (; source < end; source += 16, target += 32) {
    const eight = v128.load(source);
    v128.store(target, lowFloat16(eight));
    v128.store(target, highFloat16(eight), 16);
  }
}

/** float16 to float64. */
export function float16ToFloat64(source: usize, target: usize, count: u32): void {
  const end = source + ((<usize>count) << 1);
  for (; source < end; source += 16, target += 64) {
    const eight = v128.load(source);
    storeFloat64(target, lowFloat16(eight), highFloat16(eight));
  }
}

/** float32 to bfloat16. */
export function float32ToBfloat16(source: usize, target: usize, count: u32): void {
  const end = source + ((<usize>count) << 2);
  for (; source < end; source += 32, target += 16) {
    storeBfloat16(target, v128.load(source), v128.load(source, 16));
  }
}

/** float32 to float16. */
export function float32ToFloat16(source: usize, target: usize, count: u32): void {
  const end = source + ((<usize>count) << 2);
  for (; source < end; source += 32, target += 16) {
    storeFloat16(target, v128.load(source), v128.load(source, 16));
  }
}

/** float32 to float64. */
export function float32ToFloat64(source: usize, target: usize, count: u32): void {
  const end = source + ((<usize>count) << 2);
  for (; source < end; source += 32, target += 64) {
    storeFloat64(target, v128.load(source), v128.load(source, 16));
  }
}

/** float64 to bfloat16. */
export function float64ToBfloat16(source: usize, target: usize, count: u32): void {
  const end = source + ((<usize>count) << 3);
  for (; source < end; source += 64, target += 16) {
    storeBfloat16(target, roundedToOdd(source), roundedToOdd(source + 32));
  }
}

/** float64 to float16. */
export function float64ToFloat16(source: usize, target: usize, count: u32): void {
  const end = source + ((<usize>count) << 3);
  for (; source < end; source += 64, target += 16) {
    storeFloat16(target, roundedToOdd(source), roundedToOdd(source + 32));
  }
}

/** float64 to float32. */
export function float64ToFloat32(source: usize, target: usize, count: u32): void {
  const end = source + ((<usize>count) << 3);
  for (; source < end; source += 64, target += 32) {
    v128.store(target, nearestFloat32(source));
    v128.store(target, nearestFloat32(source + 32), 16);
  }
}

/** The first and the last four of eight bfloat16, as float32: the upper half of its bits. */
function lowBfloat16(eight: v128): v128 {
  return i32x4.shl(i32x4.extend_low_i16x8_u(eight), 16);
}

function highBfloat16(eight: v128): v128 {
  return i32x4.shl(i32x4.extend_high_i16x8_u(eight), 16);
}

/** The first and the last four of eight float16, as float32. */
function lowFloat16(eight: v128): v128 {
  return ofFloat16(i32x4.extend_low_i16x8_u(eight));
}

function highFloat16(eight: v128): v128 {
  return ofFloat16(i32x4.extend_high_i16x8_u(eight));
}

/** Four float16 bit patterns in 32 bits each, as float32. */
function ofFloat16(four: v128): v128 {
  const magnitude = v128.and(four, i32x4.splat(0x7fff));
  const sign = i32x4.shl(v128.xor(four, magnitude), 16);
  // The exponent's bias is 15 there and 127 here; NaN and Inf have all exponent bits set, which takes the difference once more.
  const isNonFinite = i32x4.gt_s(magnitude, i32x4.splat(0x7bff));
  const bias = i32x4.add(i32x4.splat(112 << 23), v128.and(isNonFinite, i32x4.splat(112 << 23)));
  const normal = i32x4.add(i32x4.shl(magnitude, 13), bias);
  // Subnormals are counts of 2^-24.
  const subnormal = f32x4.mul(f32x4.convert_i32x4_s(magnitude), f32x4.splat(5.9604644775390625e-8));
  return v128.or(sign, v128.bitselect(subnormal, normal, i32x4.lt_s(magnitude, i32x4.splat(0x400))));
}

/** Eight float32 as bfloat16. */
function storeBfloat16(target: usize, low: v128, high: v128): void {
  v128.store(target, i16x8.narrow_i32x4_u(toBfloat16(low), toBfloat16(high)));
}

function toBfloat16(four: v128): v128 {
  const last = v128.and(i32x4.shr_u(four, 16), i32x4.splat(1));
  const rounded = i32x4.shr_u(i32x4.add(i32x4.add(four, i32x4.splat(0x7fff)), last), 16);
  return v128.bitselect(i32x4.splat(0x7fc0), rounded, f32x4.ne(four, four));
}

/** Eight float32 as float16. */
function storeFloat16(target: usize, low: v128, high: v128): void {
  v128.store(target, i16x8.narrow_i32x4_u(toFloat16(low), toFloat16(high)));
}

function toFloat16(four: v128): v128 {
  const magnitude = v128.and(four, i32x4.splat(0x7fffffff));
  const sign = i32x4.shr_u(v128.xor(four, magnitude), 16);
  // A carry into the next exponent comes out right because the encoding is monotonic; from 65,520 on it gives infinity.
  const last = v128.and(i32x4.shr_u(magnitude, 13), i32x4.splat(1));
  const normal = i32x4.shr_u(i32x4.add(i32x4.add(magnitude, i32x4.splat(0xfff - (112 << 23))), last), 13);
  // Subnormals are counts of 2^-24, which is the last place of a float32 between 0.5 and 1: adding 0.5 rounds to it. Up to 2^-25 the
  // result is zero; such values are left out because adding subnormals of float32 is slow.
  const isTiny = i32x4.le_s(magnitude, i32x4.splat(0x33000000));
  const counted = f32x4.add(v128.andnot(magnitude, isTiny), f32x4.splat(0.5));
  const subnormal = i32x4.sub(counted, i32x4.splat(0x3f000000));
  const finite = v128.bitselect(subnormal, normal, i32x4.lt_s(magnitude, i32x4.splat(0x38800000)));
  const isNaN = i32x4.gt_s(magnitude, i32x4.splat(0x7f800000));
  const special = v128.bitselect(i32x4.splat(0x7e00), i32x4.splat(0x7c00), isNaN);
  const result = v128.bitselect(special, finite, i32x4.ge_s(magnitude, i32x4.splat(0x47800000)));
  return v128.or(result, v128.andnot(sign, isNaN));
}

/** Eight float32 as float64. */
function storeFloat64(target: usize, low: v128, high: v128): void {
  v128.store(target, f64x2.promote_low_f32x4(low));
  v128.store(target, f64x2.promote_low_f32x4(v128.shuffle<u64>(low, low, 1, 1)), 16);
  v128.store(target, f64x2.promote_low_f32x4(high), 32);
  v128.store(target, f64x2.promote_low_f32x4(v128.shuffle<u64>(high, high, 1, 1)), 48);
}

/** Four float64 as the nearest float32. */
function nearestFloat32(source: usize): v128 {
  const low = f32x4.demote_f64x2_zero(v128.load(source));
  const high = f32x4.demote_f64x2_zero(v128.load(source, 16));
  return v128.shuffle<u64>(low, high, 0, 2);
}

/**
 * Four float64 as float32, rounded to odd: one that is no float32 becomes the neighbour nearer to zero with its last bit set. Rounding
 * that to fewer bits gives what rounding once would have given.
 */
function roundedToOdd(source: usize): v128 {
  const low = v128.load(source);
  const high = v128.load(source, 16);
  const nearest = nearestFloat32(source);
  const lowAgain = f64x2.promote_low_f32x4(nearest);
  const highAgain = f64x2.promote_low_f32x4(v128.shuffle<u64>(nearest, nearest, 1, 1));
  const isAway = v128.shuffle<u32>(
    f64x2.gt(f64x2.abs(lowAgain), f64x2.abs(low)),
    f64x2.gt(f64x2.abs(highAgain), f64x2.abs(high)),
    0,
    2,
    4,
    6,
  );
  const isInexact = v128.shuffle<u32>(f64x2.ne(lowAgain, low), f64x2.ne(highAgain, high), 0, 2, 4, 6);
  return v128.or(i32x4.add(nearest, isAway), v128.and(isInexact, i32x4.splat(1)));
}
