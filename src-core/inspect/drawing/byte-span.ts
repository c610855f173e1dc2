import { dtypeBytes } from '../../tensor/dtype.ts';
import { elementCount, extent } from '../../tensor/shape.ts';
import type { StoredTensor } from '../../tensor/stored.ts';

/** The bytes of a file from the first to the last of a box of a stored tensor. */
export interface ByteSpan {
  readonly from: number;
  /** One past the last. */
  readonly to: number;
  /** True if the box has all bytes between; else other elements lie among them. */
  readonly contiguous: boolean;
}

/** Where the box at `from` of size `size`, in elements, lies in the tensor's file. */
export function byteSpan(tensor: StoredTensor, from: readonly number[], size: readonly number[]): ByteSpan {
  const bytes = dtypeBytes(tensor.dtype);
  const first = tensor.byteOffset + from.reduce((sum, at, axis) => sum + at * tensor.strides[axis]!, 0) * bytes;
  const length = extent(size, tensor.strides);
  return { from: first, to: first + length * bytes, contiguous: length === elementCount(size) };
}
