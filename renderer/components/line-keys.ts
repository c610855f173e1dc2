/** Where a key leads from a line; null for keys that lead nowhere. */
export function moveInLines(key: string, current: number, count: number, page: number): number | null {
  const moves: Readonly<Record<string, number>> = {
    ArrowUp: current - 1,
    ArrowDown: current + 1,
    PageUp: current - page,
    PageDown: current + page,
    Home: 0,
    End: count - 1,
  };
  const move = moves[key];
  return move === undefined || count === 0 ? null : Math.min(count - 1, Math.max(0, move));
}
