/** Boxes of tensors as rectangles: rows go down, columns across. */

/** A rectangle in pixels. */
export interface Rect {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** Sides of the space that a picture may take, in pixels. */
export interface Space {
  readonly width: number;
  readonly height: number;
}

/** A region never gets thinner than this, so that one row of many still shows. */
export const THINNEST = 1;

/** A tensor as it is drawn: its last two axes; one of a single axis as a column. */
export interface RowsAndColumns {
  readonly rows: number;
  readonly columns: number;
}

export function rowsAndColumns(shape: readonly number[]): RowsAndColumns {
  if (shape.length === 0) return { rows: 1, columns: 1 };
  if (shape.length === 1) return { rows: shape[0]!, columns: 1 };
  return { rows: shape.at(-2)!, columns: shape.at(-1)! };
}

/** The rectangle of a box of a tensor that is drawn as `outer`. */
export function inside(outer: Rect, tensor: RowsAndColumns, at: readonly number[], size: readonly number[]): Rect {
  const begin = place(at, 0);
  const extent = place(size, 1);
  return {
    x: outer.x + (begin.columns / tensor.columns) * outer.width,
    y: outer.y + (begin.rows / tensor.rows) * outer.height,
    width: Math.max(THINNEST, (extent.columns / tensor.columns) * outer.width),
    height: Math.max(THINNEST, (extent.rows / tensor.rows) * outer.height),
  };
}

function place(values: readonly number[], missing: number): RowsAndColumns {
  if (values.length === 0) return { rows: missing, columns: missing };
  if (values.length === 1) return { rows: values[0]!, columns: missing };
  return { rows: values.at(-2)!, columns: values.at(-1)! };
}
