// The inner loops of comparing the values of two tensors, over buffers that all lie in one WebAssembly memory. AssemblyScript,
// compiled by `npm run build:kernels`.

// Where sums and counts are behind `out`, in bytes: five float64 sums (|d|, d·d, l·l, r·r, l·r), then u64 counts (elements that
// differ; of these, those that are not finite on both sides), then the largest |d| of finite elements as float32. Counts have 64 bits
// because they go on over all bands of a tensor, which may have more than 2^32 elements; those of one call fit 32.
const CHANGED: usize = 40;
const ODD: usize = 48;
const MOST: usize = 56;

/**
 * Adds what `count` float32 elements of both sides say to `out`, and to `histogram` (256 u64) each finite difference by the exponent
 * of its float32. Elements that are not finite on both sides are in no sum; they differ unless both are NaN or both have the same
 * bits. Zeros of either sign are equal. `count` is a multiple of 4; what is behind the data is zero on both sides.
 */
export function compare32(left: usize, right: usize, count: u32, out: usize, histogram: usize): void {
  let sumAbs = f64x2.splat(0);
  let sumSquares = f64x2.splat(0);
  let sumLeft = f64x2.splat(0);
  let sumRight = f64x2.splat(0);
  let sumDot = f64x2.splat(0);
  let most = f32x4.splat(0);
  let changed: u32 = 0;
  let odd: u32 = 0;
  const magnitude = i32x4.splat(0x7fffffff);
  const infinity = i32x4.splat(0x7f800000);
  const end = left + ((<usize>count) << 2);
  for (; left < end; left += 16, right += 16) {
    const l = v128.load(left);
    const r = v128.load(right);
    const finite = v128.and(i32x4.lt_s(v128.and(l, magnitude), infinity), i32x4.lt_s(v128.and(r, magnitude), infinity));
    const lf = v128.and(l, finite);
    const rf = v128.and(r, finite);
    const l0 = f64x2.promote_low_f32x4(lf);
    const r0 = f64x2.promote_low_f32x4(rf);
    const l1 = f64x2.promote_low_f32x4(v128.shuffle<u64>(lf, lf, 1, 1));
    const r1 = f64x2.promote_low_f32x4(v128.shuffle<u64>(rf, rf, 1, 1));
    const d0 = f64x2.sub(r0, l0);
    const d1 = f64x2.sub(r1, l1);
    sumAbs = f64x2.add(sumAbs, f64x2.add(f64x2.abs(d0), f64x2.abs(d1)));
    sumSquares = f64x2.add(sumSquares, f64x2.add(f64x2.mul(d0, d0), f64x2.mul(d1, d1)));
    sumLeft = f64x2.add(sumLeft, f64x2.add(f64x2.mul(l0, l0), f64x2.mul(l1, l1)));
    sumRight = f64x2.add(sumRight, f64x2.add(f64x2.mul(r0, r0), f64x2.mul(r1, r1)));
    sumDot = f64x2.add(sumDot, f64x2.add(f64x2.mul(l0, r0), f64x2.mul(l1, r1)));
    const same = v128.or(i32x4.eq(l, r), v128.and(f32x4.ne(l, l), f32x4.ne(r, r)));
    const oddOnes = v128.andnot(v128.not(finite), same);
    const differing = v128.or(f32x4.ne(lf, rf), oddOnes);
    const mask = i32x4.bitmask(differing);
    if (mask == 0) continue;
    changed += popcnt<i32>(mask);
    const oddMask = i32x4.bitmask(oddOnes);
    odd += popcnt<i32>(oddMask);
    const d = f32x4.abs(f32x4.sub(rf, lf));
    most = f32x4.max(most, d);
    const bins = i32x4.shr_u(d, 23);
    const counted = mask & ~oddMask;
    if (counted & 1) addToBin(histogram, i32x4.extract_lane(bins, 0));
    if (counted & 2) addToBin(histogram, i32x4.extract_lane(bins, 1));
    if (counted & 4) addToBin(histogram, i32x4.extract_lane(bins, 2));
    if (counted & 8) addToBin(histogram, i32x4.extract_lane(bins, 3));
  }
  add64(out, sumOf(sumAbs));
  add64(out + 8, sumOf(sumSquares));
  add64(out + 16, sumOf(sumLeft));
  add64(out + 24, sumOf(sumRight));
  add64(out + 32, sumOf(sumDot));
  addCount(out + CHANGED, changed);
  addCount(out + ODD, odd);
  const largest = max(
    max(f32x4.extract_lane(most, 0), f32x4.extract_lane(most, 1)),
    max(f32x4.extract_lane(most, 2), f32x4.extract_lane(most, 3)),
  );
  store<f32>(out + MOST, max(load<f32>(out + MOST), largest));
}

/** The same for float64 elements; `count` may be any. */
export function compare64(left: usize, right: usize, count: u32, out: usize, histogram: usize): void {
  let sumAbs: f64 = 0;
  let sumSquares: f64 = 0;
  let sumLeft: f64 = 0;
  let sumRight: f64 = 0;
  let sumDot: f64 = 0;
  const end = left + ((<usize>count) << 3);
  for (; left < end; left += 8, right += 8) {
    const l = load<f64>(left);
    const r = load<f64>(right);
    if (!isFinite(l) || !isFinite(r)) {
      if ((isNaN(l) && isNaN(r)) || l == r) continue;
      addCount(out + CHANGED, 1);
      addCount(out + ODD, 1);
      continue;
    }
    const d = abs(r - l);
    sumAbs += d;
    sumSquares += d * d;
    sumLeft += l * l;
    sumRight += r * r;
    sumDot += l * r;
    if (l == r) continue;
    addCount(out + CHANGED, 1);
    const single = <f32>d;
    store<f32>(out + MOST, max(load<f32>(out + MOST), single));
    addToBin(histogram, (reinterpret<u32>(single) >> 23) & 0xff);
  }
  add64(out, sumAbs);
  add64(out + 8, sumSquares);
  add64(out + 16, sumLeft);
  add64(out + 24, sumRight);
  add64(out + 32, sumDot);
}

function addToBin(histogram: usize, bin: u32): void {
  addCount(histogram + ((<usize>bin) << 3), 1);
}

function addCount(at: usize, count: u32): void {
  store<u64>(at, load<u64>(at) + count);
}

function add64(at: usize, value: f64): void {
  store<f64>(at, load<f64>(at) + value);
}

function sumOf(pair: v128): f64 {
  return f64x2.extract_lane(pair, 0) + f64x2.extract_lane(pair, 1);
}
