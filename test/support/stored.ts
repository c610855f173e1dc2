import fs from 'node:fs';
import path from 'node:path';
import { dtypeBytes, type DType } from '../../src-core/tensor/dtype.ts';
import { contiguousStrides } from '../../src-core/tensor/shape.ts';
import { viewOf, type View } from '../../src-core/tensor/view.ts';
import { temporaryFolder } from './folders.ts';

/** A tensor in a file of its own, as a view; `bytes` are its elements in C order. */
export function storedView(dtype: DType, shape: readonly number[], bytes: Uint8Array): View {
  const file = path.join(temporaryFolder(), 'tensor.bin');
  // Not at the start of the file, and not aligned to anything.
  const before = dtypeBytes(dtype) * 3;
  fs.writeFileSync(file, Buffer.concat([Buffer.alloc(before, 0x5a), bytes]));
  return viewOf({ name: 'tensor', file, byteOffset: before, dtype, shape, strides: contiguousStrides(shape) });
}

/** Random 16-bit patterns, all kinds of values among them. */
export function patterns16(count: number, seed = 1): Uint16Array {
  let state = seed;
  return Uint16Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state >>> 16;
  });
}

export function bytesOfArray(array: ArrayBufferView): Uint8Array {
  return new Uint8Array(array.buffer, array.byteOffset, array.byteLength);
}
