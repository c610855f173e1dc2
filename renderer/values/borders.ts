import type { Placement, Slice } from '../../src-core/app-door.ts';

/** Lines over a picture of `width` × `height` pixels. */
export interface Borders {
  readonly ranks: readonly RankBox[];
  /** Where a head begins: the whole picture across or down. */
  readonly heads: readonly { readonly x1: number; readonly y1: number; readonly x2: number; readonly y2: number }[];
}

export interface RankBox {
  readonly key: string;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** Of the TP rank, where there is room for it. */
  readonly label: string | null;
}

/** Borders of heads that are closer together than this say nothing, in pixels. */
const LEAST_HEAD = 5;
/** Room that a label needs, in pixels. */
const LABEL = { width: 30, height: 15 } as const;
/** More boxes than this are a grey haze. */
const MOST_BOXES = 512;

/** The borders of ranks and heads inside a window on a tensor. */
export function bordersIn(
  { regions, heads }: Placement,
  slice: Slice,
  { width, height }: { readonly width: number; readonly height: number },
): Borders {
  const across = (column: number): number => ((column - slice.column) / slice.columns) * width;
  const down = (row: number): number => ((row - slice.row) / slice.rows) * height;
  const ranks = regions.flatMap(({ at, size, rank }): RankBox[] => {
    const isHere = slice.leading.every((position, axis) => position >= at[axis]! && position < at[axis]! + size[axis]!);
    const [column, columns] = [at.at(-1) ?? 0, size.at(-1) ?? 1];
    const [row, rows] = at.length > 1 ? [at.at(-2)!, size.at(-2)!] : [0, 1];
    const [left, right] = [Math.max(0, across(column)), Math.min(width, across(column + columns))];
    const [top, bottom] = [Math.max(0, down(row)), Math.min(height, down(row + rows))];
    if (!isHere || left >= right || top >= bottom) return [];
    const box = { x: left, y: top, width: right - left, height: bottom - top };
    const label = box.width >= LABEL.width && box.height >= LABEL.height ? `TP ${rank.tp}` : null;
    return [{ key: at.join(), ...box, label }];
  });
  if (ranks.length > MOST_BOXES) return { ranks: [], heads: [] };
  return { ranks, heads: headLines(heads, slice, { width, height }) };
}

function headLines(
  heads: Placement['heads'],
  slice: Slice,
  { width, height }: { readonly width: number; readonly height: number },
): Borders['heads'] {
  if (!heads) return [];
  // Heads of a projection lie along its rows or its columns; of a bias along its only axis, which is drawn across.
  const axes = slice.leading.length + 2;
  const isAcross = heads.axis === axes - 1 || slice.rows === 1;
  const [from, count, length] = isAcross ? [slice.column, slice.columns, width] : [slice.row, slice.rows, height];
  if ((heads.headDim / count) * length < LEAST_HEAD) return [];
  const lines: Borders['heads'][number][] = [];
  for (let at = Math.ceil(from / heads.headDim) * heads.headDim; at < from + count; at += heads.headDim) {
    const position = ((at - from) / count) * length;
    if (position === 0) continue;
    lines.push(
      isAcross ? { x1: position, y1: 0, x2: position, y2: height } : { x1: 0, y1: position, x2: width, y2: position },
    );
  }
  return lines;
}
