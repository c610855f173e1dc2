/**
 * Dense tensors and the few things that are done to them, in the plainest way: whole arrays, copied element by element.
 * Written without the engine's views, shapes and runs, to hold these against it.
 */

export interface Dense {
  /** safetensors name. */
  readonly dtype: string;
  /** [n], or [rows, columns]. */
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

export const ELEMENT_BYTES: Readonly<Record<string, number>> = { BF16: 2, F16: 2, F32: 4, F64: 8 };

/** Rows and columns; a vector is a single column. */
function grid(tensor: Dense): readonly [number, number] {
  return [tensor.shape[0]!, tensor.shape[1] ?? 1];
}

/** A new tensor whose element (row, column) is that of `from` at the place that `pick` gives. */
function build(
  from: Dense,
  rows: number,
  columns: number,
  pick: (row: number, column: number) => [number, number],
): Dense {
  const size = ELEMENT_BYTES[from.dtype]!;
  const width = grid(from)[1];
  const bytes = new Uint8Array(rows * columns * size);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      const [r, c] = pick(row, column);
      for (let b = 0; b < size; b++)
        bytes[(row * columns + column) * size + b] = from.bytes[(r * width + c) * size + b]!;
    }
  }
  return { dtype: from.dtype, shape: from.shape.length === 1 ? [rows] : [rows, columns], bytes };
}

/** The given rows (axis 0) or columns (axis 1), in this order, repeated where they are repeated. */
export function take(tensor: Dense, axis: number, indices: readonly number[]): Dense {
  const [rows, columns] = grid(tensor);
  return axis === 0
    ? build(tensor, indices.length, columns, (row, column) => [indices[row]!, column])
    : build(tensor, rows, indices.length, (row, column) => [row, indices[column]!]);
}

/** Tensors behind each other along an axis. */
export function join(tensors: readonly Dense[], axis: number): Dense {
  const first = tensors[0]!;
  const sizes = tensors.map((tensor) => grid(tensor)[axis]!);
  const total = sizes.reduce((sum, size) => sum + size, 0);
  const [rows, columns] = grid(first);
  // Found by walking along: which tensor an index falls into, and where.
  const locate = (index: number): [Dense, number] => {
    let left = index;
    for (let i = 0; ; i++) {
      if (left < sizes[i]!) return [tensors[i]!, left];
      left -= sizes[i]!;
    }
  };
  const shape = first.shape.map((size, k) => (k === axis ? total : size));
  const size = ELEMENT_BYTES[first.dtype]!;
  const [outRows, outColumns] = axis === 0 ? [total, columns] : [rows, total];
  const bytes = new Uint8Array(outRows * outColumns * size);
  for (let row = 0; row < outRows; row++) {
    for (let column = 0; column < outColumns; column++) {
      const [source, at] = locate(axis === 0 ? row : column);
      const [r, c] = axis === 0 ? [at, column] : [row, at];
      for (let b = 0; b < size; b++) {
        bytes[(row * outColumns + column) * size + b] = source.bytes[(r * grid(source)[1] + c) * size + b]!;
      }
    }
  }
  return { dtype: first.dtype, shape, bytes };
}

/** `from`, `from + 1` … `to - 1`. */
export function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from) }, (_, index) => from + index);
}

/** Part `rank` of `parts` equal or nearly equal parts, the last ones shorter: what a parallel layer's rank holds. */
export function part(tensor: Dense, axis: number, rank: number, parts: number): Dense {
  const size = tensor.shape[axis]!;
  const length = Math.ceil(size / parts);
  return take(tensor, axis, range(Math.min(size, rank * length), Math.min(size, (rank + 1) * length)));
}
