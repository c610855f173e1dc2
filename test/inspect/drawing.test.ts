import { describe, expect, test } from 'vitest';
import type { Rect } from '../../src-core/inspect/drawing/boxes.ts';
import { layoutParameterDiagram, type DiagramInput } from '../../src-core/inspect/drawing/parameter-diagram.ts';

const SPACE = { width: 400, height: 220 };

function isInside(inner: Rect, outer: Rect): boolean {
  const slack = 1.001;
  return (
    inner.x >= outer.x - slack &&
    inner.y >= outer.y - slack &&
    inner.x + inner.width <= outer.x + outer.width + slack &&
    inner.y + inner.height <= outer.y + outer.height + slack
  );
}

/** A parameter split along one axis over ranks. */
function splitOver(ranks: number, shape: readonly number[], axis: number): DiagramInput {
  const part = shape.map((size, k) => (k === axis ? size / ranks : size));
  return {
    shape,
    sources: Array.from({ length: ranks }, () => ({ shape: part })),
    regions: Array.from({ length: ranks }, (_, source) => ({
      source,
      from: shape.map(() => 0),
      at: shape.map((_, k) => (k === axis ? source * part[axis]! : 0)),
      size: part,
    })),
  };
}

describe('the diagram of a parameter', () => {
  test.each([
    ['rows over 8 ranks', splitOver(8, [4096, 4096], 0)],
    ['columns over 32 ranks', splitOver(32, [4096, 14336], 1)],
    ['a tall tensor over 64 ranks', splitOver(64, [128256, 4096], 0)],
    ['a vector over 4 ranks', splitOver(4, [4096], 0)],
    ['one rank', splitOver(1, [16, 16], 0)],
    ['1,024 ranks', splitOver(1024, [32768, 8], 0)],
  ])('%s: boxes stay in the space, pieces in their boxes, ranks apart', (_name, input) => {
    const { original, ranks, pieces } = layoutParameterDiagram(input, SPACE);
    const space = { x: 0, y: 0, ...SPACE };
    expect([original, ...ranks].every((rect) => isInside(rect, space))).toBe(true);
    for (const piece of pieces) {
      expect(isInside(piece.original, original)).toBe(true);
      expect(isInside(piece.rank, ranks[piece.source]!)).toBe(true);
    }
    const corners = new Set(ranks.map(({ x, y }) => `${x} ${y}`));
    expect(corners.size).toBe(ranks.length);
    expect(ranks.every(({ x }) => x >= original.x + original.width)).toBe(true);
  });

  test('the pieces of a tensor that is split evenly cover the original evenly', () => {
    const { original, pieces } = layoutParameterDiagram(splitOver(4, [8, 2], 0), SPACE);
    expect(pieces.map(({ original: { y, height } }) => [y, height])).toEqual(
      [0, 1, 2, 3].map((index) => [(index * original.height) / 4, original.height / 4]),
    );
  });

  test('a scalar and a parameter without sources can be laid out', () => {
    const scalar = { shape: [], sources: [{ shape: [] }], regions: [{ source: 0, from: [], at: [], size: [] }] };
    expect(layoutParameterDiagram(scalar, SPACE).pieces).toHaveLength(1);
    expect(layoutParameterDiagram({ shape: [4], sources: [], regions: [] }, SPACE).ranks).toEqual([]);
  });
});
