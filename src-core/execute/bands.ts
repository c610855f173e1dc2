import { elementCount, type Shape } from '../tensor/shape.ts';

/** A box of a tensor, `[at, at + size)` axis by axis. */
export interface Box {
  readonly at: readonly number[];
  readonly size: readonly number[];
}

/**
 * Cuts a tensor into boxes of at most `maxElements` whose elements lie one behind the other in C order, in that order. All
 * axes behind one are whole and all before it are single, so that a box is a run of bytes in the output.
 */
export function* bandsOf(shape: Shape, maxElements: number): Generator<Box> {
  if (elementCount(shape) === 0) return;
  if (shape.length === 0) {
    yield { at: [], size: [] };
    return;
  }
  let axis = shape.length - 1;
  let below = 1;
  while (axis > 0 && below * shape[axis]! <= maxElements) {
    below *= shape[axis]!;
    axis--;
  }
  const step = Math.max(1, Math.min(shape[axis]!, Math.floor(maxElements / below)));
  const outer = shape.slice(0, axis);
  const position = outer.map(() => 0);
  const inner = shape.slice(axis + 1);
  do {
    for (let start = 0; start < shape[axis]!; start += step) {
      const rows = Math.min(step, shape[axis]! - start);
      yield {
        at: [...position, start, ...inner.map(() => 0)],
        size: [...position.map(() => 1), rows, ...inner],
      };
    }
  } while (advance(position, outer));
}

/** Counts `position` up in C order; false when it is back at the start. */
function advance(position: number[], shape: readonly number[]): boolean {
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    position[axis] = position[axis]! + 1;
    if (position[axis]! < shape[axis]!) return true;
    position[axis] = 0;
  }
  return false;
}

/** The box that two boxes share, or null. */
export function intersectBoxes(a: Box, b: Box): Box | null {
  const at: number[] = [];
  const size: number[] = [];
  for (let axis = 0; axis < a.at.length; axis++) {
    const from = Math.max(a.at[axis]!, b.at[axis]!);
    const to = Math.min(a.at[axis]! + a.size[axis]!, b.at[axis]! + b.size[axis]!);
    if (from >= to) return null;
    at.push(from);
    size.push(to - from);
  }
  return { at, size };
}
