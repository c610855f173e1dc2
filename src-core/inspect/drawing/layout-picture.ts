/**
 * Geometry of the layout view: the original tensor to scale on the left, a box for each rank's tensor on the right, at the same
 * scale where they fit. Plain numbers in, plain numbers out; nothing is drawn here.
 */
import { inside, rowsAndColumns, THINNEST, type Rect, type Space } from './boxes.ts';

/** What the picture is made from: as in a parameter's layout. */
export interface LayoutPictureInput {
  readonly shape: readonly number[];
  readonly tensors: readonly { readonly shape: readonly number[] }[];
  readonly blocks: readonly {
    readonly tensor: number;
    readonly from: readonly number[];
    readonly at: readonly number[];
    readonly size: readonly number[];
  }[];
  readonly others: readonly {
    readonly tensor: number;
    readonly from: readonly number[];
    readonly size: readonly number[];
  }[];
}

export interface LayoutPicture {
  /** Of what is drawn, in pixels; never more than the space. */
  readonly width: number;
  readonly height: number;
  readonly original: Rect;
  /** The ranks' tensors, in their order. */
  readonly tensors: readonly Rect[];
  /** For each block its box in the original and in its rank's tensor. */
  readonly blocks: readonly { readonly original: Rect; readonly local: Rect }[];
  readonly others: readonly Rect[];
  /** How many times larger the ranks' tensors are drawn than the original. */
  readonly magnification: number;
  /** Where a rank's name stands: beside boxes that are stacked, else above each. */
  readonly labels: 'beside' | 'above';
  /** Pixels that a name above a box has to itself. */
  readonly labelRoom: number;
  /** Boxes in one row. */
  readonly columns: number;
  /** Pixels between a box, its label included, and the next one. */
  readonly gap: number;
}

/** Room for a rank's name, in pixels. */
export const LABEL_WIDTH = 44;
export const LABEL_HEIGHT = 16;

/** Between the two sides: the lines that join them need some way to go. */
const BETWEEN = 72;

/** The original takes at most this share of the width. */
const ORIGINAL_SHARE = 0.38;

/** A side of the original is never drawn shorter than this, though it be out of scale. */
const SHORTEST = 48;

/** A tensor of one axis is drawn as a column this wide. */
const COLUMN_WIDTH = 28;

/** Boxes at the same scale as the original must be at least this large to be told apart. */
const LEGIBLE = 12;

/** Lays out the picture. Tensors of more than two axes are drawn by their last two. */
export function layoutPicture({ shape, tensors, blocks, others }: LayoutPictureInput, space: Space): LayoutPicture {
  const whole = rowsAndColumns(shape);
  const locals = tensors.map((tensor) => rowsAndColumns(tensor.shape));
  const isVector = shape.length < 2;
  const unit = unitOf(whole, isVector, space, tensors.length);
  const original: Rect = { x: 0, y: 0, width: whole.columns * unit.x, height: whole.rows * unit.y };
  const left = original.width + BETWEEN;
  const largest = {
    width: Math.max(1, ...locals.map(({ columns }) => columns)) * unit.x,
    height: Math.max(1, ...locals.map(({ rows }) => rows)) * unit.y,
  };
  const grid = chooseGrid(tensors.length, largest, { width: space.width - left, height: space.height });
  const boxes = locals.map((local, index): Rect => {
    const cell = cellOf(grid, index);
    return {
      x: left + cell.x,
      y: cell.y,
      width: Math.max(THINNEST, local.columns * unit.x * grid.scaleX),
      height: Math.max(THINNEST, local.rows * unit.y * grid.scaleY),
    };
  });
  const ends = boxes.map((box) => ({ x: box.x + box.width, y: box.y + box.height }));
  return {
    width: Math.max(original.width, ...ends.map(({ x }) => x)),
    height: Math.max(original.height, ...ends.map(({ y }) => y)),
    original,
    tensors: boxes,
    blocks: blocks.map(({ tensor, from, at, size }) => ({
      original: inside(original, whole, at, size),
      local: inside(boxes[tensor]!, locals[tensor]!, from, size),
    })),
    others: others.map(({ tensor, from, size }) => inside(boxes[tensor]!, locals[tensor]!, from, size)),
    magnification: isVector ? grid.scaleY : Math.max(grid.scaleX, grid.scaleY),
    labels: grid.columns === 1 ? 'beside' : 'above',
    labelRoom: grid.cellWidth,
    columns: grid.columns,
    gap: grid.gap,
  };
}

/** Pixels of one element on the left. */
function unitOf(
  whole: { readonly rows: number; readonly columns: number },
  isVector: boolean,
  space: Space,
  count: number,
): { readonly x: number; readonly y: number } {
  // Stacked at the same scale, the ranks of a plain split are as tall as the original and the gaps between them.
  const height = Math.max(SHORTEST, space.height - (count <= 16 ? (count - 1) * gapOf(count) : 0));
  if (isVector) return { x: COLUMN_WIDTH / whole.columns, y: height / whole.rows };
  const scale = Math.min((space.width * ORIGINAL_SHARE) / whole.columns, height / whole.rows);
  return {
    x: Math.max(scale, SHORTEST / whole.columns),
    y: Math.max(scale, SHORTEST / whole.rows),
  };
}

function gapOf(count: number): number {
  return count > 64 ? 3 : count > 16 ? 5 : 8;
}

interface Grid {
  readonly columns: number;
  readonly scaleX: number;
  readonly scaleY: number;
  readonly cellWidth: number;
  readonly cellHeight: number;
  readonly labelWidth: number;
  readonly labelHeight: number;
  readonly gap: number;
}

/** The arrangement at the original's scale where one is legible; else the one in which the boxes get largest. */
function chooseGrid(count: number, largest: Space, space: Space): Grid {
  const grids = Array.from({ length: Math.max(1, count) }, (_, index) => gridWith(index + 1, count, largest, space));
  const isLegible = Math.min(largest.width, largest.height) >= LEGIBLE;
  const roomy = grids.filter(({ room, leastWidth }) => room.width >= leastWidth && room.height >= LEGIBLE);
  const toScale = isLegible ? roomy.filter(({ fit }) => fit >= 1) : [];
  // Rows that were cut stand one below the other, columns side by side, as they do in the original.
  const ordered = largest.height <= largest.width ? toScale : toScale.reverse();
  const legibility = ({ room, leastWidth }: Candidate): number =>
    Math.min(room.width / leastWidth, room.height / LEGIBLE);
  const chosen =
    ordered[0] ??
    (roomy.length > 0
      ? roomy.reduce((best, grid) => (grid.fit > best.fit ? grid : best))
      : grids.reduce((best, grid) => (legibility(grid) > legibility(best) ? grid : best)));
  return scaled(chosen, ordered.length > 0 ? 1 : chosen.fit, largest);
}

interface Candidate {
  readonly columns: number;
  readonly rows: number;
  readonly gap: number;
  readonly labelWidth: number;
  readonly labelHeight: number;
  /** The largest box that a cell has room for. */
  readonly room: Space;
  /** A rank's name above its box must have a place too. */
  readonly leastWidth: number;
  /** How much larger than the original's scale the boxes may get in both directions. */
  readonly fit: number;
}

function gridWith(columns: number, count: number, largest: Space, space: Space): Candidate {
  const rows = Math.ceil(Math.max(1, count) / columns);
  const gap = gapOf(count);
  const labelWidth = columns === 1 ? LABEL_WIDTH : 0;
  const labelHeight = columns === 1 ? 0 : LABEL_HEIGHT;
  const room = roomOf({ columns, rows, gap, labelWidth, labelHeight }, space);
  return {
    columns,
    rows,
    gap,
    labelWidth,
    labelHeight,
    room,
    leastWidth: columns === 1 ? LEGIBLE : LABEL_WIDTH - 8,
    fit: Math.min(room.width / largest.width, room.height / largest.height),
  };
}

function roomOf(
  {
    columns,
    rows,
    gap,
    labelWidth,
    labelHeight,
  }: Pick<Candidate, 'columns' | 'rows' | 'gap' | 'labelWidth' | 'labelHeight'>,
  space: Space,
): Space {
  return {
    width: Math.max(1, (space.width - (columns - 1) * gap) / columns - labelWidth),
    height: Math.max(1, (space.height - (rows - 1) * gap) / rows - labelHeight),
  };
}

/** Where boxes would be too thin one way, that way is stretched as far as the cell has room. */
function scaled(candidate: Candidate, fit: number, largest: Space): Grid {
  const { room } = candidate;
  const stretch = (length: number, most: number): number =>
    length * fit >= LEGIBLE ? fit : Math.min(LEGIBLE, most) / length;
  const scaleX = stretch(largest.width, room.width);
  const scaleY = stretch(largest.height, room.height);
  return {
    columns: candidate.columns,
    gap: candidate.gap,
    labelWidth: candidate.labelWidth,
    labelHeight: candidate.labelHeight,
    scaleX,
    scaleY,
    cellWidth: Math.max(largest.width * scaleX, Math.min(candidate.leastWidth, room.width)),
    cellHeight: largest.height * scaleY,
  };
}

function cellOf(grid: Grid, index: number): { readonly x: number; readonly y: number } {
  const [column, row] = [index % grid.columns, Math.floor(index / grid.columns)];
  return {
    x: column * (grid.cellWidth + grid.labelWidth + grid.gap) + grid.labelWidth,
    y: row * (grid.cellHeight + grid.labelHeight + grid.gap) + grid.labelHeight,
  };
}
