// The inner loops of adding a product of two thin matrices to a large one, and of the conversions around it, over buffers that
// all lie in one WebAssembly memory. AssemblyScript, compiled by `npm run build:kernels`.

/**
 * acc += b·a in float32. `acc` has `rows` rows (a multiple of 4) that are `stride` bytes apart. `a` is packed in panels of 8
 * columns, [panel][rank][8]; `b` in groups of 4 rows, [group][rank][4].
 */
export function addProduct32(acc: usize, stride: usize, rows: u32, panels: u32, a: usize, b: usize, rank: u32): void {
  const groupBytes = (<usize>rank) << 4;
  const panelBytes = (<usize>rank) << 5;
  for (let group: u32 = 0; group < rows; group += 4, b += groupBytes, acc += stride << 2) {
    let row0 = acc;
    let panel = a;
    for (let p: u32 = 0; p < panels; p++, row0 += 32) {
      const row1 = row0 + stride;
      const row2 = row1 + stride;
      const row3 = row2 + stride;
      let c00 = v128.load(row0);
      let c01 = v128.load(row0, 16);
      let c10 = v128.load(row1);
      let c11 = v128.load(row1, 16);
      let c20 = v128.load(row2);
      let c21 = v128.load(row2, 16);
      let c30 = v128.load(row3);
      let c31 = v128.load(row3, 16);
      let factors = b;
      const end = panel + panelBytes;
      for (; panel < end; panel += 32, factors += 16) {
        const a0 = v128.load(panel);
        const a1 = v128.load(panel, 16);
        const f0 = v128.load32_splat(factors);
        c00 = f32x4.add(c00, f32x4.mul(f0, a0));
        c01 = f32x4.add(c01, f32x4.mul(f0, a1));
        const f1 = v128.load32_splat(factors, 4);
        c10 = f32x4.add(c10, f32x4.mul(f1, a0));
        c11 = f32x4.add(c11, f32x4.mul(f1, a1));
        const f2 = v128.load32_splat(factors, 8);
        c20 = f32x4.add(c20, f32x4.mul(f2, a0));
        c21 = f32x4.add(c21, f32x4.mul(f2, a1));
        const f3 = v128.load32_splat(factors, 12);
        c30 = f32x4.add(c30, f32x4.mul(f3, a0));
        c31 = f32x4.add(c31, f32x4.mul(f3, a1));
      }
      v128.store(row0, c00);
      v128.store(row0, c01, 16);
      v128.store(row1, c10);
      v128.store(row1, c11, 16);
      v128.store(row2, c20);
      v128.store(row2, c21, 16);
      v128.store(row3, c30);
      v128.store(row3, c31, 16);
    }
  }
}

/** The same in float64: panels of 4 columns, [panel][rank][4]; groups of 4 rows, [group][rank][4]. */
export function addProduct64(acc: usize, stride: usize, rows: u32, panels: u32, a: usize, b: usize, rank: u32): void {
  const groupBytes = (<usize>rank) << 5;
  const panelBytes = (<usize>rank) << 5;
  for (let group: u32 = 0; group < rows; group += 4, b += groupBytes, acc += stride << 2) {
    let row0 = acc;
    let panel = a;
    for (let p: u32 = 0; p < panels; p++, row0 += 32) {
      const row1 = row0 + stride;
      const row2 = row1 + stride;
      const row3 = row2 + stride;
      let c00 = v128.load(row0);
      let c01 = v128.load(row0, 16);
      let c10 = v128.load(row1);
      let c11 = v128.load(row1, 16);
      let c20 = v128.load(row2);
      let c21 = v128.load(row2, 16);
      let c30 = v128.load(row3);
      let c31 = v128.load(row3, 16);
      let factors = b;
      const end = panel + panelBytes;
      for (; panel < end; panel += 32, factors += 32) {
        const a0 = v128.load(panel);
        const a1 = v128.load(panel, 16);
        const f0 = v128.load64_splat(factors);
        c00 = f64x2.add(c00, f64x2.mul(f0, a0));
        c01 = f64x2.add(c01, f64x2.mul(f0, a1));
        const f1 = v128.load64_splat(factors, 8);
        c10 = f64x2.add(c10, f64x2.mul(f1, a0));
        c11 = f64x2.add(c11, f64x2.mul(f1, a1));
        const f2 = v128.load64_splat(factors, 16);
        c20 = f64x2.add(c20, f64x2.mul(f2, a0));
        c21 = f64x2.add(c21, f64x2.mul(f2, a1));
        const f3 = v128.load64_splat(factors, 24);
        c30 = f64x2.add(c30, f64x2.mul(f3, a0));
        c31 = f64x2.add(c31, f64x2.mul(f3, a1));
      }
      v128.store(row0, c00);
      v128.store(row0, c01, 16);
      v128.store(row1, c10);
      v128.store(row1, c11, 16);
      v128.store(row2, c20);
      v128.store(row2, c21, 16);
      v128.store(row3, c30);
      v128.store(row3, c31, 16);
    }
  }
}

/** bfloat16 to float32. `count` is rounded up to 8: there is room behind both. */
export function bfloat16ToFloat32(source: usize, target: usize, count: u32): void {
  const end = source + ((<usize>count) << 1);
  for (; source < end; source += 16, target += 32) {
    const eight = v128.load(source);
    v128.store(target, i32x4.shl(i32x4.extend_low_i16x8_u(eight), 16));
    v128.store(target, i32x4.shl(i32x4.extend_high_i16x8_u(eight), 16), 16);
  }
}

/** Nearest bfloat16, ties to even; NaN becomes the quiet one. `count` is rounded up to 8: there is room behind both. */
export function float32ToBfloat16(source: usize, target: usize, count: u32): void {
  const end = source + ((<usize>count) << 2);
  for (; source < end; source += 32, target += 16) {
    v128.store(
      target,
      i16x8.narrow_i32x4_u(roundedToBfloat16(v128.load(source)), roundedToBfloat16(v128.load(source, 16))),
    );
  }
}

function roundedToBfloat16(four: v128): v128 {
  const last = v128.and(i32x4.shr_u(four, 16), i32x4.splat(1));
  const rounded = i32x4.shr_u(i32x4.add(i32x4.add(four, i32x4.splat(0x7fff)), last), 16);
  return v128.bitselect(i32x4.splat(0x7fc0), rounded, f32x4.ne(four, four));
}

/** float16 to float32. */
export function float16ToFloat32(source: usize, target: usize, count: u32): void {
  const end = source + ((<usize>count) << 1);
  for (; source < end; source += 2, target += 4) {
    const bits = <u32>load<u16>(source);
    const sign = (bits & 0x8000) << 16;
    const magnitude = bits & 0x7fff;
    if (magnitude >= 0x7c00) {
      store<u32>(target, magnitude == 0x7c00 ? sign | 0x7f800000 : 0x7fc00000);
    } else if (magnitude >= 0x400) {
      store<u32>(target, sign | ((magnitude << 13) + 0x38000000));
    } else {
      store<f32>(target, <f32>magnitude * (sign ? -5.9604644775390625e-8 : 5.9604644775390625e-8));
    }
  }
}

/** Nearest float16, ties to even; from 65,520 on infinity; NaN becomes the quiet one. */
export function float32ToFloat16(source: usize, target: usize, count: u32): void {
  const end = source + ((<usize>count) << 2);
  for (; source < end; source += 4, target += 2) {
    const bits = load<u32>(source);
    const sign = (bits >> 16) & 0x8000;
    const magnitude = bits & 0x7fffffff;
    let half: u32 = 0;
    if (magnitude > 0x7f800000) {
      store<u16>(target, 0x7e00);
      continue;
    }
    if (magnitude >= 0x477ff000) {
      half = 0x7c00;
    } else if (magnitude >= 0x38800000) {
      half = (magnitude - 0x38000000 + 0xfff + ((magnitude >> 13) & 1)) >> 13;
    } else if (magnitude > 0x33000000) {
      // Subnormal: in units of 2^-24, rounded to nearest, ties to even.
      const shift = 126 - (magnitude >> 23);
      const mantissa = (magnitude & 0x7fffff) | 0x800000;
      const rest = mantissa & ((1 << shift) - 1);
      const tie: u32 = 1 << (shift - 1);
      half = mantissa >> shift;
      if (rest > tie || (rest == tie && (half & 1) == 1)) half++;
    }
    store<u16>(target, <u16>(sign | half));
  }
}

/** float32 to float64. */
export function float32ToFloat64(source: usize, target: usize, count: u32): void {
  const end = source + ((<usize>count) << 2);
  for (; source < end; source += 4, target += 8) store<f64>(target, <f64>load<f32>(source));
}

/** Nearest float32, ties to even. */
export function float64ToFloat32(source: usize, target: usize, count: u32): void {
  const end = source + ((<usize>count) << 3);
  for (; source < end; source += 8, target += 4) store<f32>(target, <f32>load<f64>(source));
}
