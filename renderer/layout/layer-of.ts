/** The layer that a parameter belongs to, or null. */
export function layerOf(name: string): number | null {
  const found = /(?:^|\.)(?:layers|h|blocks)\.(\d+)\./.exec(name)?.[1];
  return found === undefined ? null : Number(found);
}
