import type { Slice } from '../../src-core/index.ts';
import { tableSize } from '../../src-core/inspect/drawing/table.ts';

/** All of a tensor's table. */
export function wholeSlice(shape: readonly number[], leading: readonly number[]): Slice {
  return { leading, row: 0, column: 0, ...tableSize(shape) };
}

/** At least this many rows and columns stay in view where there are so many. */
const FEWEST = 8;

/**
 * The window made `factor` times as large, with the point at `x`, `y` (0 to 1 across the window) staying where it is, and
 * kept inside the tensor.
 */
export function zoomed(slice: Slice, shape: readonly number[], factor: number, x: number, y: number): Slice {
  const table = tableSize(shape);
  const along = (start: number, length: number, count: number, share: number): { start: number; length: number } => {
    const size = Math.min(count, Math.max(Math.min(FEWEST, count), Math.round(length * factor)));
    const moved = Math.round(start + share * (length - size));
    return { start: Math.max(0, Math.min(count - size, moved)), length: size };
  };
  const rows = along(slice.row, slice.rows, table.rows, y);
  const columns = along(slice.column, slice.columns, table.columns, x);
  return { ...slice, row: rows.start, rows: rows.length, column: columns.start, columns: columns.length };
}

/** The window moved by shares of itself. */
export function panned(slice: Slice, shape: readonly number[], x: number, y: number): Slice {
  const table = tableSize(shape);
  const moved = (start: number, length: number, count: number, share: number): number =>
    Math.max(0, Math.min(count - length, start + Math.round(length * share)));
  return {
    ...slice,
    row: moved(slice.row, slice.rows, table.rows, y),
    column: moved(slice.column, slice.columns, table.columns, x),
  };
}

/** The elements of one cell of a picture, along one axis: from, and how many. */
export function cellSpan(start: number, length: number, cells: number, cell: number): { from: number; count: number } {
  const from = Math.ceil((cell * length) / cells);
  const to = Math.ceil(((cell + 1) * length) / cells);
  return { from: start + from, count: Math.max(1, to - from) };
}
