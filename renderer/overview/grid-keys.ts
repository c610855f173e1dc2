/** Where a key leads from a cell of a grid, cells counted row by row; null for keys that lead nowhere. */
export function moveInGrid(key: string, current: number, rows: number, columns: number): number | null {
  const [row, column] = [Math.floor(current / columns), current % columns];
  const moves: Readonly<Record<string, readonly [number, number]>> = {
    ArrowLeft: [row, column - 1],
    ArrowRight: [row, column + 1],
    ArrowUp: [row - 1, column],
    ArrowDown: [row + 1, column],
    Home: [row, 0],
    End: [row, columns - 1],
    PageUp: [0, column],
    PageDown: [rows - 1, column],
  };
  const move = moves[key];
  if (!move) return null;
  const [toRow, toColumn] = move;
  return toRow < 0 || toRow >= rows || toColumn < 0 || toColumn >= columns ? current : toRow * columns + toColumn;
}
