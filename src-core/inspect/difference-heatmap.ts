import { PairReader, type TensorPair, type WideBand } from '../execute/pair-reader.ts';
import type { Box } from '../execute/bands.ts';
import { DEFAULT_BAND_BYTES } from '../limits.ts';
import { PlanBuilder } from '../plan/plan-builder.ts';
import type { View } from '../tensor/view.ts';
import type { Heatmap } from './heatmap.ts';
import { walkPicture, type Picture, type PictureOptions } from './picture-walk.ts';
import { boxOfSlice, type Slice } from './slice.ts';

/**
 * Where two tensors differ: a cell's value is right minus left, of the element whose difference is largest. NaN where one side
 * alone is NaN or Inf, or both are, but not the same.
 */
export interface DifferenceHeatmap extends Heatmap {
  /** Of each cell's element: its row and column in the table, and both sides' values. */
  readonly elements: {
    readonly rows: Uint32Array;
    readonly columns: Uint32Array;
    readonly left: Float64Array;
    readonly right: Float64Array;
  };
}

/** The difference of two tensors of the same shape on at most `width` × `height` cells, as {@link heatmapOf} draws one. */
export async function differenceHeatmapOf(
  name: string,
  sides: { readonly left: View; readonly right: View },
  slice: Slice,
  { width, height }: { readonly width: number; readonly height: number },
  options: PictureOptions<DifferenceHeatmap> = {},
): Promise<DifferenceHeatmap> {
  const box = boxOfSlice(name, sides.left.shape, slice);
  const builder = new PlanBuilder();
  const pair: TensorPair = { name, left: builder.operand(sides.left), right: builder.operand(sides.right) };
  const reader = new PairReader(DEFAULT_BAND_BYTES);
  const cells = new DifferenceCells(slice, Math.min(width, slice.columns), Math.min(height, slice.rows));
  const picture: Picture<DifferenceHeatmap> = {
    height: cells.height,
    add: (part) => cells.add(reader.readWide(pair, part), part),
    result: (complete) => cells.heatmap(complete),
  };
  try {
    reader.use(builder);
    return await walkPicture(picture, box, reader.wideElements, options);
  } finally {
    reader.close();
  }
}

class DifferenceCells {
  readonly width: number;
  readonly height: number;
  readonly #slice: Slice;
  readonly #values: Float64Array;
  readonly #elements: DifferenceHeatmap['elements'];

  constructor(slice: Slice, width: number, height: number) {
    this.width = width;
    this.height = height;
    this.#slice = slice;
    const cells = width * height;
    this.#values = new Float64Array(cells);
    this.#elements = {
      rows: new Uint32Array(cells),
      columns: new Uint32Array(cells),
      left: new Float64Array(cells),
      right: new Float64Array(cells),
    };
  }

  add({ left, right }: WideBand, { at, size }: Box): void {
    const [rows, columns] = [size.at(-2) ?? 1, size.at(-1) ?? 1];
    const [firstRow, firstColumn] = [at.at(-2) ?? 0, at.at(-1) ?? 0];
    const { row, column, rows: allRows, columns: allColumns } = this.#slice;
    for (let index = 0, r = firstRow; r < firstRow + rows; r++) {
      const cellRow = Math.floor(((r - row) * this.height) / allRows) * this.width;
      for (let c = firstColumn; c < firstColumn + columns; c++, index++) {
        const [l, other] = [left[index]!, right[index]!];
        if (l === other || (l !== l && other !== other)) continue;
        this.#put(cellRow + Math.floor(((c - column) * this.width) / allColumns), r, c, l, other);
      }
    }
  }

  #put(cell: number, row: number, column: number, left: number, right: number): void {
    const before = this.#values[cell]!;
    const difference = right - left;
    const isOdd = !Number.isFinite(left) || !Number.isFinite(right);
    if (Number.isNaN(before) || (!isOdd && Math.abs(difference) <= Math.abs(before))) return;
    this.#values[cell] = isOdd ? NaN : difference;
    const { rows, columns, left: lefts, right: rights } = this.#elements;
    rows[cell] = row;
    columns[cell] = column;
    lefts[cell] = left;
    rights[cell] = right;
  }

  heatmap(complete: boolean): DifferenceHeatmap {
    const { rows, columns, left, right } = this.#elements;
    return {
      slice: this.#slice,
      width: this.width,
      height: this.height,
      values: Float32Array.from(this.#values),
      complete,
      elements: { rows: rows.slice(), columns: columns.slice(), left: left.slice(), right: right.slice() },
    };
  }
}
