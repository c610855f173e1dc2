import type { Rect } from '../../src-core/inspect/drawing/boxes.ts';
import type { LayoutPicture } from '../../src-core/inspect/drawing/layout-picture.ts';

/** Pixels of a letter for each pixel of the font, about: digits and capitals of Inter in its bold cut. */
const LETTER = 0.62;

const LARGEST = 11;
/** Nobody reads smaller digits. */
const SMALLEST = 7.5;

/** Pixels that a text takes at the size of labels. */
function widthOf(text: string, size = LARGEST): number {
  return text.length * LETTER * size;
}

/** The font size of a text that fits a box and leaves its borders free, or null where none does. */
export function captionSize({ width, height }: Rect, text: string): number | null {
  const size = Math.min(LARGEST, height - 1, (width - 2.5) / (text.length * LETTER));
  return size < SMALLEST ? null : size;
}

/** How many columns share a label so that labels do not touch; null where each has room for its own, or they are no columns. */
export function tickStep(bands: readonly { readonly rect: Rect; readonly text: string }[]): number | null {
  const [first, second] = bands;
  if (!first || !second || first.rect.y !== second.rect.y || first.rect.height < SMALLEST) return null;
  if (bands.every(({ rect, text }) => captionSize(rect, text) !== null)) return null;
  const pitch = second.rect.x - first.rect.x;
  const widest = Math.max(...bands.map(({ text }) => widthOf(text.replace(/^\D+/, '')))) + 6;
  let step = 1;
  while (step * pitch < widest) step *= 2;
  return step;
}

/**
 * What is written above the box of a rank: its name; its number alone where boxes are narrow; where they are narrower still the
 * ranks of the whole row, above the first of them, and null above the others.
 */
export function rankName(
  ranks: readonly number[],
  tensor: number,
  { labelRoom, columns }: Pick<LayoutPicture, 'labelRoom' | 'columns'>,
): string | null {
  const widest = String(Math.max(...ranks));
  if (widthOf(`TP ${widest}`) <= labelRoom) return `TP ${ranks[tensor]!}`;
  if (widthOf(widest) <= labelRoom) return String(ranks[tensor]!);
  if (tensor % columns !== 0) return null;
  const row = ranks.slice(tensor, tensor + columns);
  return row.length === 1 ? `TP ${row[0]!}` : `TP ${row[0]!}–${row.at(-1)!}`;
}
