import { tableSize } from '../../src-core/inspect/drawing/table.ts';
import type { Slice } from '../../src-core/index.ts';

/** An element's index as leading axes, row and column. */
export interface Cell {
  readonly leading: readonly number[];
  readonly row: number;
  readonly column: number;
}

export function cellOf(index: readonly number[]): Cell {
  return {
    leading: index.slice(0, -2),
    row: index.length > 1 ? index.at(-2)! : 0,
    column: index.at(-1) ?? 0,
  };
}

export function indexOf({ leading, row, column }: Cell, axes: number): number[] {
  if (axes === 0) return [];
  return axes === 1 ? [column] : [...leading, row, column];
}

/** The window of at most `rows` × `columns` cells that begins at a cell, moved back where it would lead out. */
export function windowAt(
  shape: readonly number[],
  { leading, row, column }: Cell,
  rows: number,
  columns: number,
): Slice {
  const table = tableSize(shape);
  const height = Math.min(rows, table.rows);
  const width = Math.min(columns, table.columns);
  return {
    leading,
    row: Math.max(0, Math.min(row, table.rows - height)),
    column: Math.max(0, Math.min(column, table.columns - width)),
    rows: height,
    columns: width,
  };
}

/** Where a key leads from a cell, or null for other keys. A page is a window. */
export function moveCell(key: string, cell: Cell, shape: readonly number[], page: Slice): Cell | null {
  const table = tableSize(shape);
  const steps: Readonly<Record<string, readonly [number, number]>> = {
    ArrowUp: [-1, 0],
    ArrowDown: [1, 0],
    ArrowLeft: [0, -1],
    ArrowRight: [0, 1],
    PageUp: [-page.rows, 0],
    PageDown: [page.rows, 0],
    Home: [0, -table.columns],
    End: [0, table.columns],
  };
  const step = steps[key];
  if (!step) return null;
  const within = (value: number, count: number): number => Math.max(0, Math.min(count - 1, value));
  return {
    leading: cell.leading,
    row: within(cell.row + step[0], table.rows),
    column: within(cell.column + step[1], table.columns),
  };
}

/** The window moved no further than needed to show a cell. */
export function windowWith(slice: Slice, { leading, row, column }: Cell): Slice {
  const moved = (start: number, length: number, at: number): number =>
    at < start ? at : at >= start + length ? at - length + 1 : start;
  return {
    ...slice,
    leading,
    row: moved(slice.row, slice.rows, row),
    column: moved(slice.column, slice.columns, column),
  };
}

/** A value as wide as a cell: five digits. What is exact stands beside the table. */
export function shortValue(value: number | string): string {
  if (typeof value === 'string') return value;
  if (!Number.isFinite(value) || value === 0) return exactValue(value);
  const magnitude = Math.abs(value);
  if (Number.isInteger(value) && magnitude < 1e9) return String(value);
  // As Python does, but sooner: small weights would be all zeros and few digits.
  if (magnitude < 1e-3 || magnitude >= 1e6) return value.toExponential(3).replace(/\.?0+e/, 'e');
  return String(Number(value.toPrecision(5)));
}

/** A value as Python prints it. */
export function exactValue(value: number | string): string {
  if (typeof value === 'string') return value;
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  return Object.is(value, -0) ? '-0' : String(value);
}
