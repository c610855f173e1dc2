import fs from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Assembler } from '../../src-core/execute/assemble.ts';
import { bandsOf } from '../../src-core/execute/bands.ts';
import { createKernelMemory } from '../../src-core/execute/kernels.ts';
import { readViews } from '../../src-core/execute/view-reader.ts';
import { SourceFiles } from '../../src-core/execute/source-files.ts';
import { cat, gatherBlocks, narrow } from '../../src-core/tensor/operations.ts';
import { dtypeBytes, type DType } from '../../src-core/tensor/dtype.ts';
import { elementCount, extent } from '../../src-core/tensor/shape.ts';
import type { StoredTensor } from '../../src-core/tensor/stored.ts';
import { viewOf, type View } from '../../src-core/tensor/view.ts';
import { temporaryFolder } from '../support/folders.ts';

const FILE_BYTES = 40_000;

function randomFile(): { file: string; content: Buffer } {
  const content = Buffer.alloc(FILE_BYTES);
  for (let i = 0; i < FILE_BYTES; i++) content[i] = (i * 2654435761) >>> 13;
  const file = path.join(temporaryFolder(), 'storage.bin');
  fs.writeFileSync(file, content);
  return { file, content };
}

/** A tensor with any strides: contiguous, transposed, expanded (0), with holes. */
const layouts = fc
  .record({
    dtype: fc.constantFrom<DType>('U8', 'BF16', 'F32', 'F64'),
    shape: fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 4 }),
    order: fc.nat(23),
    hole: fc.integer({ min: 0, max: 3 }),
    expand: fc.boolean(),
    offset: fc.nat(50),
  })
  .map(({ dtype, shape, order, hole, expand, offset }) => {
    const axes = shape.map((_, axis) => axis).sort((a, b) => ((a * 7 + order) % 5) - ((b * 7 + order) % 5));
    const strides = new Array<number>(shape.length);
    let step = 1;
    for (const axis of axes) {
      strides[axis] = step;
      step = step * shape[axis]! + hole;
    }
    if (expand) strides[0] = 0;
    return { dtype, shape, strides, byteOffset: offset * dtypeBytes(dtype) };
  })
  .filter(
    ({ dtype, shape, strides, byteOffset }) => byteOffset + extent(shape, strides) * dtypeBytes(dtype) <= FILE_BYTES,
  );

/** Element by element, from the regions alone. */
function expected(view: View, content: Buffer): Buffer {
  const size = dtypeBytes(view.dtype);
  const out = Buffer.alloc(elementCount(view.shape) * size);
  const visit = (shape: readonly number[], use: (position: number[]) => void, position: number[] = []): void => {
    if (position.length === shape.length) use(position);
    else for (let i = 0; i < shape[position.length]!; i++) visit(shape, use, [...position, i]);
  };
  for (const { source, from, at, size: box } of view.regions) {
    visit(box, (p) => {
      const here = p.reduce((index, v, axis) => index * view.shape[axis]! + v + at[axis]!, 0);
      const there =
        source.byteOffset + p.reduce((sum, v, axis) => sum + (v + from[axis]!) * source.strides[axis]!, 0) * size;
      content.copy(out, here * size, there, there + size);
    });
  }
  return out;
}

describe('putting bands together', () => {
  test('any strides, any regions, any band and scratch size give the right bytes', () => {
    const kept = randomFile();
    fc.assert(
      fc.property(layouts, fc.constantFrom(64, 200, 4096), fc.nat(1000), (layout, bandBytes, pick) => {
        const stored: StoredTensor = { name: 't', file: kept.file, ...layout };
        const axis = pick % layout.shape.length;
        const size = layout.shape[axis]!;
        const indices = Array.from({ length: size }, (_, i) => (i * 5 + pick) % size);
        const whole = gatherBlocks(viewOf(stored), axis, 1, indices);
        const view = cat([narrow(whole, axis, pick % size, size - (pick % size)), whole], axis);
        const memory = createKernelMemory(2, bandBytes);
        const files = new SourceFiles();
        const { size: fileSize, mtimeMs } = fs.statSync(kept.file);
        const inputs = { sources: [{ ...stored, file: 0 }], files: [{ path: kept.file, size: fileSize, mtimeMs }] };
        const [target, scratch] = memory.addresses as [number, number];
        const assembler = new Assembler(memory, files, inputs, scratch, bandBytes);
        const regions = view.regions.map((region) => ({ ...region, source: 0 }));
        const parts: Buffer[] = [];
        const step = dtypeBytes(view.dtype);
        for (const band of bandsOf(view.shape, Math.floor(bandBytes / step))) {
          assembler.fill({ regions }, view.dtype, band, target);
          parts.push(Buffer.from(memory.bytes.slice(target, target + elementCount(band.size) * step)));
        }
        files.close();
        expect(Buffer.concat(parts).equals(expected(view, kept.content))).toBe(true);
      }),
      { numRuns: 400 },
    );
  });

  test('readViews gives whole small views, of several files', () => {
    const [a, b] = [randomFile(), randomFile()];
    const tensor = (from: string, byteOffset: number): StoredTensor => {
      return { name: 't', file: from, byteOffset, dtype: 'F32', shape: [3, 5], strides: [1, 3] };
    };
    const views = [cat([viewOf(tensor(a.file, 8)), viewOf(tensor(b.file, 400))], 0), viewOf(tensor(b.file, 0))];
    const wanted = [
      Buffer.concat([expected(viewOf(tensor(a.file, 8)), a.content), expected(viewOf(tensor(b.file, 400)), b.content)]),
      expected(views[1]!, b.content),
    ];
    expect(readViews(views).map((bytes) => Buffer.from(bytes))).toEqual(wanted);
  });

  test('more than belongs into memory is refused', () => {
    const big: StoredTensor = { name: 't', file: 'none', byteOffset: 0, dtype: 'F64', shape: [2 ** 24], strides: [1] };
    expect(() => readViews([viewOf(big)])).toThrow(/at most 67.1 MB/);
  });
});
