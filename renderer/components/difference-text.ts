/** By how much copies differ: their largest absolute difference, or null where a NaN stands against a number. */
export function differenceText(maxAbs: number | null): string {
  return maxAbs === null ? 'a NaN against a number' : `by at most ${Number(maxAbs.toPrecision(4))}`;
}
