// The inner loops of adding a product of two thin matrices to a large one, over buffers that all lie in one WebAssembly
// memory. AssemblyScript, compiled by `npm run build:kernels`.

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
