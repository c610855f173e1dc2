import { setImmediate as nextTurn } from 'node:timers/promises';
import { bandsOf, type Box } from '../execute/bands.ts';
import { cancelled } from '../execute/control.ts';

/** A picture that is filled box by box. */
export interface Picture<Result> {
  /** Rows of cells. */
  readonly height: number;
  /** Looks at every element of a box of the tensor. */
  readonly add: (box: Box) => void;
  readonly result: (complete: boolean) => Result;
}

export interface PictureOptions<Result> {
  readonly signal?: AbortSignal;
  /** Only the first picture: from one row for each row of cells. */
  readonly firstOnly?: boolean;
  /** Pictures on the way: the first from a few rows, each later one from more. */
  readonly onUpdate?: (picture: Result) => void;
}

/** How long a stretch of work may keep its thread from answering anything else, in milliseconds. */
const STRETCH_MS = 12;

/** How often a picture on the way is worth sending. */
const UPDATE_MS = 150;

/**
 * Fills a picture from a box of a tensor, at most `elements` at a time. One row for each row of cells comes first, so that there is
 * a picture at once whatever the size; then everything is read. Throws `cancelled` when the signal says so.
 */
export async function walkPicture<Result>(
  picture: Picture<Result>,
  { at, size }: Box,
  elements: number,
  options: PictureOptions<Result> = {},
): Promise<Result> {
  const rowAxis = size.length - 2;
  const rows = size[rowAxis] ?? 1;
  const boxes = (within: Box): Box[] =>
    [...bandsOf(within.size, elements)].map((band) => ({
      at: band.at.map((start, axis) => start + within.at[axis]!),
      size: band.size,
    }));
  if (picture.height < rows) {
    for (let cell = 0; cell < picture.height; cell++) {
      // The middle row of each row of cells stands for its neighbours.
      const row = Math.floor(((cell + 0.5) * rows) / picture.height);
      const only = { at: at.with(rowAxis, at[rowAxis]! + row), size: size.with(rowAxis, 1) };
      boxes(only).forEach(picture.add);
    }
    if (options.firstOnly) return picture.result(false);
    options.onUpdate?.(picture.result(false));
  }
  let [since, told] = [performance.now(), performance.now()];
  for (const box of boxes({ at, size })) {
    picture.add(box);
    if (performance.now() - since < STRETCH_MS) continue;
    if (performance.now() - told > UPDATE_MS) {
      options.onUpdate?.(picture.result(false));
      told = performance.now();
    }
    await nextTurn();
    if (options.signal?.aborted) throw cancelled();
    since = performance.now();
  }
  return picture.result(true);
}
