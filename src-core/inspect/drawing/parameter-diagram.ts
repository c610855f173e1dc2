/**
 * Geometry of the small diagram of one parameter: the original tensor as a box on the left, the ranks' tensors on the right, and
 * which box of which goes where. Plain numbers in, plain numbers out; nothing is drawn here.
 */
import { inside, rowsAndColumns, THINNEST, type Rect, type Space } from './boxes.ts';

/** What the diagram is made from: as in a parameter's detail. */
export interface DiagramInput {
  readonly shape: readonly number[];
  readonly sources: readonly { readonly shape: readonly number[] }[];
  readonly regions: readonly {
    readonly source: number;
    readonly from: readonly number[];
    readonly at: readonly number[];
    readonly size: readonly number[];
  }[];
}

export interface ParameterDiagram {
  readonly width: number;
  readonly height: number;
  readonly original: Rect;
  /** The ranks' tensors, as the sources stand. */
  readonly ranks: readonly Rect[];
  /** For each region its box in the original and in its rank's tensor. */
  readonly pieces: readonly { readonly source: number; readonly original: Rect; readonly rank: Rect }[];
}

/** Between boxes, in pixels: less where there are many of them. */
const gapFor = (count: number): number => (count > 64 ? 1 : count > 16 ? 3 : 6);

/** Between the two sides, in pixels. */
const BETWEEN = 32;

/** A tensor of one axis is drawn as a column this wide. */
const COLUMN_WIDTH = 28;

/**
 * Lays the boxes out. Rows go down, columns across; tensors of one axis stand as columns of elements, those of more than two by
 * their last two axes. Each side has a scale of its own: the original fills the height on the left, and the ranks' tensors fill the
 * cells of a grid on the right, in proportion to each other, so that a few rows on each of many ranks can still be told apart.
 */
export function layoutParameterDiagram({ shape, sources, regions }: DiagramInput, space: Space): ParameterDiagram {
  const whole = rowsAndColumns(shape);
  const locals = sources.map((source) => rowsAndColumns(source.shape));
  const tallest = Math.max(1, ...locals.map(({ rows }) => rows));
  const widest = Math.max(1, ...locals.map(({ columns }) => columns));
  const isColumn = shape.length < 2;
  const leftWidth = isColumn ? COLUMN_WIDTH : space.width * 0.34;
  const original: Rect = { x: 0, y: 0, width: leftWidth, height: space.height };
  const rightX = leftWidth + BETWEEN;
  const gap = gapFor(sources.length);
  const grid = gridOf(sources.length, space.width - rightX, space.height, gap);
  const widthOf = (columns: number): number =>
    isColumn ? Math.min(COLUMN_WIDTH, grid.width) : Math.max(THINNEST, (columns / widest) * grid.width);
  const ranks = locals.map((local, index) => ({
    x: rightX + (index % grid.columns) * (grid.width + gap),
    y: Math.floor(index / grid.columns) * (grid.height + gap),
    width: widthOf(local.columns),
    height: Math.max(THINNEST, (local.rows / tallest) * grid.height),
  }));
  const pieces = regions.map(({ source, from, at, size }) => ({
    source,
    original: inside(original, whole, at, size),
    rank: inside(ranks[source]!, locals[source]!, from, size),
  }));
  return { width: space.width, height: space.height, original, ranks, pieces };
}

/** Cells for `count` boxes in a space: of the possible grids the one whose cells come nearest to squares. */
function gridOf(
  count: number,
  width: number,
  height: number,
  gap: number,
): { columns: number; width: number; height: number } {
  const grids = Array.from({ length: Math.max(1, count) }, (_, index) => {
    const columns = index + 1;
    const rows = Math.ceil(Math.max(1, count) / columns);
    const cell = { width: (width - gap * (columns - 1)) / columns, height: (height - gap * (rows - 1)) / rows };
    return { columns, ...cell, squareness: Math.abs(Math.log(cell.width / cell.height)) };
  });
  const usable = grids.filter((grid) => grid.width >= 4 && grid.height >= 4);
  return (usable.length > 0 ? usable : grids).reduce((best, grid) => (grid.squareness < best.squareness ? grid : best));
}
