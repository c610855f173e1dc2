import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Rect } from '../../src-core/inspect/drawing/boxes.ts';
import { byteSpan } from '../../src-core/inspect/drawing/byte-span.ts';
import { joinOf, type Point } from '../../src-core/inspect/drawing/joins.ts';
import {
  LABEL_HEIGHT,
  LABEL_WIDTH,
  layoutPicture,
  type LayoutPicture,
  type LayoutPictureInput,
} from '../../src-core/inspect/drawing/layout-picture.ts';
import { byteRuns } from '../../src-core/tensor/byte-runs.ts';

const SPACE = { width: 820, height: 360 };
const SLACK = 1.01;

function isInside(inner: Rect, outer: Rect): boolean {
  return (
    inner.x >= outer.x - SLACK &&
    inner.y >= outer.y - SLACK &&
    inner.x + inner.width <= outer.x + outer.width + SLACK &&
    inner.y + inner.height <= outer.y + outer.height + SLACK
  );
}

function overlap(a: Rect, b: Rect): boolean {
  return (
    a.x + a.width > b.x + SLACK &&
    b.x + b.width > a.x + SLACK &&
    a.y + a.height > b.y + SLACK &&
    b.y + b.height > a.y + SLACK
  );
}

/** A parameter cut along one axis, in several copies, beside as much of another parameter on each rank. */
function spread(
  ranks: number,
  shape: readonly number[],
  axis: number,
  copies: number,
  beside: number,
): LayoutPictureInput {
  const part = shape.map((size, k) => (k === axis ? size / ranks : size));
  const local = part.map((size, k) => (k === axis ? size * (1 + beside) : size));
  const zero = shape.map(() => 0);
  const tensors = Array.from({ length: ranks * copies }, () => ({ shape: local }));
  return {
    shape,
    tensors,
    blocks: tensors.map((_, tensor) => ({
      tensor,
      from: zero,
      at: shape.map((__, k) => (k === axis ? (tensor % ranks) * part[k]! : 0)),
      size: part,
    })),
    others:
      beside === 0
        ? []
        : tensors.map((_, tensor) => ({
            tensor,
            from: shape.map((__, k) => (k === axis ? part[k]! : 0)),
            size: part.map((size, k) => (k === axis ? size * beside : size)),
          })),
  };
}

describe('the picture of a layout', () => {
  test('stays in its space, keeps boxes apart and blocks inside their boxes, for any parameter', () => {
    const inputs = fc.record({
      ranks: fc.constantFrom(1, 2, 3, 8, 32, 64),
      copies: fc.constantFrom(1, 2, 4),
      rows: fc.integer({ min: 1, max: 500 }),
      columns: fc.integer({ min: 1, max: 30_000 }),
      axis: fc.constantFrom(0, 1),
      beside: fc.constantFrom(0, 1, 2),
    });
    fc.assert(
      fc.property(inputs, ({ ranks, copies, rows, columns, axis, beside }) => {
        const shape = [axis === 0 ? rows * ranks : rows, axis === 1 ? columns * ranks : columns];
        const input = spread(ranks, shape, axis, copies, beside);
        const picture = layoutPicture(input, SPACE);
        expect(picture.width).toBeLessThanOrEqual(SPACE.width + SLACK);
        expect(picture.height).toBeLessThanOrEqual(SPACE.height + SLACK);
        picture.blocks.forEach(({ original, local }, index) => {
          expect(isInside(original, picture.original)).toBe(true);
          expect(isInside(local, picture.tensors[input.blocks[index]!.tensor]!)).toBe(true);
        });
        const boxes = [picture.original, ...picture.tensors];
        const met = boxes.findIndex((box, index) => boxes.slice(index + 1).some((other) => overlap(box, other)));
        expect(met).toBe(-1);
      }),
      { numRuns: 300 },
    );
  });

  test('rows that were cut stand below each other at the same scale, columns beside each other', () => {
    const rows = layoutPicture(spread(8, [256, 256], 0, 1, 0), SPACE);
    expect(rows.labels).toBe('beside');
    expect(rows.magnification).toBe(1);
    expect(new Set(rows.tensors.map(({ x }) => x)).size).toBe(1);
    const columns = layoutPicture(spread(8, [256, 704], 1, 1, 0), SPACE);
    expect(columns.magnification).toBe(1);
    expect(new Set(columns.tensors.map(({ y }) => y)).size).toBe(1);
    const drawn = columns.tensors.reduce((sum, { width }) => sum + width, 0);
    expect(drawn).toBeCloseTo(columns.original.width);
  });

  test('the original is to scale', () => {
    const { original } = layoutPicture(spread(4, [2048, 1024], 0, 1, 0), SPACE);
    expect(original.height / original.width).toBeCloseTo(2);
  });
});

/** Where the names of the ranks are, as wide as they may be. */
function labelsOf({ tensors, labels, labelRoom }: LayoutPicture): Rect[] {
  return tensors.map(({ x, y, height }) =>
    labels === 'beside'
      ? { x: x - LABEL_WIDTH, y, width: LABEL_WIDTH, height }
      : { x, y: y - LABEL_HEIGHT, width: labelRoom, height: LABEL_HEIGHT },
  );
}

/** The box around a straight line between two points. */
function around(a: Point, b: Point): Rect {
  const [x, y] = [Math.min(a.x, b.x), Math.min(a.y, b.y)];
  return { x, y, width: Math.abs(a.x - b.x), height: Math.abs(a.y - b.y) };
}

describe('the lines that join both sides', () => {
  test('cross neither boxes nor the names of ranks', () => {
    const inputs = fc.record({
      ranks: fc.constantFrom(1, 4, 8, 32, 64),
      copies: fc.constantFrom(1, 4),
      rows: fc.integer({ min: 8, max: 500 }),
      columns: fc.integer({ min: 8, max: 5_000 }),
      axis: fc.constantFrom(0, 1),
    });
    fc.assert(
      fc.property(inputs, ({ ranks, copies, rows, columns, axis }) => {
        const shape = [axis === 0 ? rows * ranks : rows, axis === 1 ? columns * ranks : columns];
        const picture = layoutPicture(spread(ranks, shape, axis, copies, 0), SPACE);
        const onRanks = [...picture.tensors, ...labelsOf(picture)];
        const left = Math.min(...onRanks.map(({ x }) => x));
        const obstacles = [...onRanks, picture.original];
        picture.blocks.forEach(({ original, local }, tensor) => {
          const join = joinOf(picture, tensor, original, local);
          // The curve stays between the two sides.
          expect(join.out.at(-1)!.x).toBeCloseTo(picture.original.width);
          expect(join.in[0]!.x).toBeLessThanOrEqual(left + SLACK);
          for (const points of [join.out, join.in]) {
            points.slice(1).forEach((point, index) => {
              const line = around(points[index]!, point);
              expect(obstacles.findIndex((obstacle) => overlap(line, obstacle))).toBe(-1);
            });
          }
        });
      }),
      { numRuns: 100 },
    );
  });
});

test('the span of a box runs from the first to the last byte of its runs', () => {
  const tensor = { name: 't', file: 'f', byteOffset: 640, dtype: 'BF16', shape: [8, 10], strides: [10, 1] } as const;
  for (const [from, size] of [
    [
      [0, 0],
      [8, 10],
    ],
    [
      [2, 0],
      [3, 10],
    ],
    [
      [1, 4],
      [5, 3],
    ],
    [
      [7, 9],
      [1, 1],
    ],
  ] as const) {
    const { runs } = byteRuns(tensor, from, size);
    const span = byteSpan(tensor, from, size);
    expect(span.from).toBe(runs[0]!.offset);
    expect(span.to).toBe(runs.at(-1)!.offset + runs.at(-1)!.length);
    expect(span.contiguous).toBe(runs.length === 1);
  }
});
