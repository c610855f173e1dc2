import { MAX_TENSOR_DIMENSIONS } from '../limits.ts';

/** Sizes of a tensor's axes, outermost first. `[]` is a scalar with one element. */
export type Shape = readonly number[];

/** Number of elements. Exact only for shapes that {@link isValidShape} accepts. */
export function elementCount(shape: Shape): number {
  let count = 1;
  for (const size of shape) count *= size;
  return count;
}

/** True if every size is a non-negative integer, there are not too many axes, and the element count is exact. */
export function isValidShape(shape: readonly unknown[]): shape is Shape {
  if (shape.length > MAX_TENSOR_DIMENSIONS) return false;
  let count = 1;
  let empty = false;
  for (const size of shape) {
    if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) return false;
    // A zero makes the tensor empty whatever the others are, but they still must not overflow: torch refuses that too.
    if (size === 0) empty = true;
    else count *= size;
    if (!Number.isSafeInteger(count)) return false;
  }
  return empty || count >= 1;
}

/** Strides in elements of a tensor that lies without holes, last axis fastest (C order). */
export function contiguousStrides(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = step;
    step *= Math.max(shape[axis]!, 1);
  }
  return strides;
}

/**
 * Elements from the first to one past the last that a strided tensor touches: 1 + sum((size - 1) * stride), or 0 where it
 * is empty. Infinity or an unsafe number where that overflows: compare with `<=` against a real length.
 */
export function extent(shape: Shape, strides: readonly number[]): number {
  let last = 0;
  for (let axis = 0; axis < shape.length; axis++) {
    const size = shape[axis]!;
    if (size === 0) return 0;
    last += (size - 1) * strides[axis]!;
  }
  return last + 1;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}
