import type { DType } from './dtype.ts';
import type { Shape } from './shape.ts';

/** Which training rank wrote a tensor: its tensor parallel and pipeline parallel rank. */
export interface Rank {
  readonly tp: number;
  readonly pp: number;
}

/** A tensor as it lies in a file: a strided array. The leaf that every view stands on. */
export interface StoredTensor {
  /** Its name in that file, which for shards is the Neuron model's parameter name without the adapter's name. */
  readonly name: string;
  /** Path of the file. */
  readonly file: string;
  /** Where element [0, 0, …] begins, in bytes from the start of the file. */
  readonly byteOffset: number;
  readonly dtype: DType;
  readonly shape: Shape;
  /** Steps between neighbours along each axis, in elements. Never negative; need not be contiguous. */
  readonly strides: readonly number[];
  /** The rank that wrote it; absent for tensors of unsharded files. */
  readonly rank?: Rank;
}
