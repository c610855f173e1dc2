/** A half-open range of bytes or elements: `from` is inside, `to` is not. All ranges in this project are half-open. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

/**
 * True if `[at, at + length)` lies inside `[0, size)`. Written without an addition that could lose precision, because
 * `at` and `length` may come from a file and be near 2^53 or not be integers at all.
 */
export function isInside(at: number, length: number, size: number): boolean {
  return (
    Number.isSafeInteger(at) &&
    Number.isSafeInteger(length) &&
    at >= 0 &&
    length >= 0 &&
    at <= size &&
    length <= size - at
  );
}

/** The part that both ranges hold, or null where they share nothing. */
export function intersect(a: Range, b: Range): Range | null {
  const from = Math.max(a.from, b.from);
  const to = Math.min(a.to, b.to);
  return from < to ? { from, to } : null;
}

/**
 * The first pair of ranges that share a byte, as indices into `ranges`, or null. Empty ranges overlap nothing.
 */
export function findOverlap(ranges: readonly Range[]): readonly [number, number] | null {
  const order = ranges.map((_, index) => index).filter((index) => ranges[index]!.from < ranges[index]!.to);
  order.sort((a, b) => ranges[a]!.from - ranges[b]!.from);
  for (let i = 1; i < order.length; i++) {
    const before = order[i - 1]!;
    const after = order[i]!;
    if (ranges[before]!.to > ranges[after]!.from) return [before, after];
  }
  return null;
}
