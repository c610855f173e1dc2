import type { Rect } from './boxes.ts';
import { LABEL_HEIGHT, LABEL_WIDTH, type LayoutPicture } from './layout-picture.ts';

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A line from the original to a rank: straight through the points of `out`, a curve to the first of `in`, and straight on. */
export interface Join {
  readonly out: readonly Point[];
  readonly in: readonly Point[];
}

/** Above everything, where half the width of a line still has room. */
const HIGHEST = -3;

/**
 * The way from a block of the original to where its rank's tensor holds it. It crosses no block and no label: it leaves a column of
 * the original above the others, ends before the label of a box whose label is beside it, and reaches boxes behind others through
 * the gaps between rows and columns.
 */
export function joinOf(
  picture: Pick<LayoutPicture, 'original' | 'tensors' | 'labels' | 'gap'>,
  tensor: number,
  block: Rect,
  local: Rect,
): Join {
  return { out: wayOut(picture.original, block), in: wayIn(picture, tensor, local) };
}

function wayOut(original: Rect, block: Rect): Point[] {
  const right = original.x + original.width;
  if (block.x + block.width >= right - 1) return [{ x: right, y: block.y + block.height / 2 }];
  const middle = block.x + block.width / 2;
  return [
    { x: middle, y: block.y },
    { x: middle, y: HIGHEST },
    { x: right, y: HIGHEST },
  ];
}

function wayIn(
  { tensors, labels, gap }: Pick<LayoutPicture, 'tensors' | 'labels' | 'gap'>,
  tensor: number,
  local: Rect,
): Point[] {
  const box = tensors[tensor]!;
  const y = local.y + local.height / 2;
  if (labels === 'beside') return [{ x: box.x - LABEL_WIDTH, y }];
  const left = tensors[0]!.x;
  if (box.x <= left) return [{ x: box.x, y }];
  const row = Math.max(HIGHEST, box.y - LABEL_HEIGHT - gap / 2);
  const column = box.x - gap / 2;
  return [
    { x: left - gap / 2, y: row },
    { x: column, y: row },
    { x: column, y },
    { x: box.x, y },
  ];
}
