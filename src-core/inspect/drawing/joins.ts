import type { Rect } from './boxes.ts';
import { LABEL_HEIGHT, LABEL_WIDTH, type LayoutPicture } from './layout-picture.ts';

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A line from the original to a rank: a curve from `start` to the first of the points, and straight on through the others. */
export interface Join {
  readonly start: Point;
  readonly points: readonly Point[];
}

/** Half the outline's width stays free above the first row, so that a line there is not cut off. */
const HIGHEST = -3;

/**
 * The way from a block of the original to where its rank's tensor holds it. It crosses no box and no label: it ends before the label
 * of a box whose label is beside it, and reaches boxes behind others through the gaps between rows and columns.
 */
export function joinOf(
  { tensors, labels, gap }: Pick<LayoutPicture, 'tensors' | 'labels' | 'gap'>,
  tensor: number,
  original: Rect,
  local: Rect,
): Join {
  const start = { x: original.x + original.width, y: original.y + original.height / 2 };
  const box = tensors[tensor]!;
  const y = local.y + local.height / 2;
  if (labels === 'beside') return { start, points: [{ x: box.x - LABEL_WIDTH, y }] };
  const left = tensors[0]!.x;
  if (box.x <= left) return { start, points: [{ x: box.x, y }] };
  const row = Math.max(HIGHEST, box.y - LABEL_HEIGHT - gap / 2);
  const column = box.x - gap / 2;
  return {
    start,
    points: [
      { x: left - gap / 2, y: row },
      { x: column, y: row },
      { x: column, y },
      { x: box.x, y },
    ],
  };
}
