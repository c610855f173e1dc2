import { ShardloomError } from '../errors.ts';
import type { Box } from '../execute/bands.ts';
import type { Shape } from '../tensor/shape.ts';
import { tableSize } from './drawing/table.ts';
import { formatShape } from '../units.ts';

/**
 * A window on a tensor as a table: rows and columns are its last two axes, `leading` says where on the others. A tensor of one
 * axis is one row; a scalar is one cell.
 */
export interface Slice {
  readonly leading: readonly number[];
  readonly row: number;
  readonly column: number;
  readonly rows: number;
  readonly columns: number;
}

/** A slice as a box of the tensor. Throws `usage` where it is not inside. */
export function boxOfSlice(name: string, shape: Shape, slice: Slice): Box {
  const { rows, columns } = tableSize(shape);
  const outside = [
    slice.leading.length !== Math.max(0, shape.length - 2),
    slice.leading.some((at, axis) => !isWithin(at, 1, shape[axis]!)),
    !isWithin(slice.row, slice.rows, rows),
    !isWithin(slice.column, slice.columns, columns),
  ];
  if (outside.includes(true)) {
    throw new ShardloomError({
      tag: 'usage',
      what: 'This is not inside the tensor.',
      tensor: name,
      found: `rows ${slice.row} to ${slice.row + slice.rows}, columns ${slice.column} to ${slice.column + slice.columns}`,
      expected: `shape ${formatShape(shape)}`,
    });
  }
  if (shape.length === 0) return { at: [], size: [] };
  const ones = slice.leading.map(() => 1);
  return shape.length === 1
    ? { at: [slice.column], size: [slice.columns] }
    : { at: [...slice.leading, slice.row, slice.column], size: [...ones, slice.rows, slice.columns] };
}

function isWithin(start: number, length: number, end: number): boolean {
  return Number.isInteger(start) && Number.isInteger(length) && start >= 0 && length >= 1 && start + length <= end;
}
