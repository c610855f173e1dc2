import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bandsOf, intersectBoxes } from '../../src-core/execute/bands.ts';
import { contiguousStrides, elementCount } from '../../src-core/tensor/shape.ts';

describe('bands', () => {
  test('are runs of elements that follow each other and cover the tensor, for any size', () => {
    const shapes = fc.array(fc.integer({ min: 0, max: 7 }), { maxLength: 4 });
    fc.assert(
      fc.property(shapes, fc.integer({ min: 1, max: 200 }), (shape, max) => {
        const strides = contiguousStrides(shape);
        let next = 0;
        for (const band of bandsOf(shape, max)) {
          expect(band.at.reduce((sum, at, axis) => sum + at * strides[axis]!, 0)).toBe(next);
          const count = elementCount(band.size);
          expect(count).toBeLessThanOrEqual(max);
          // A run: the last element is count - 1 behind the first.
          expect(band.size.reduce((sum, size, axis) => sum + (size - 1) * strides[axis]!, 0)).toBe(count - 1);
          next += count;
        }
        expect(next).toBe(elementCount(shape));
      }),
      { numRuns: 500 },
    );
  });

  test('boxes that only touch share nothing', () => {
    expect(intersectBoxes({ at: [0, 0], size: [2, 2] }, { at: [2, 0], size: [2, 2] })).toBeNull();
    expect(intersectBoxes({ at: [0, 0], size: [3, 3] }, { at: [2, 1], size: [2, 2] })).toEqual({
      at: [2, 1],
      size: [1, 2],
    });
    expect(intersectBoxes({ at: [], size: [] }, { at: [], size: [] })).toEqual({ at: [], size: [] });
  });
});
