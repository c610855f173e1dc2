import { expect, test } from 'vitest';
import { bordersIn } from '../../renderer/values/borders.ts';
import { placeText, pointedAt, pointedText, type ShownHeatmap } from '../../renderer/values/pointed.ts';
import type { Placement } from '../../src-core/app-door.ts';

const PLACEMENT: Placement = {
  regions: [0, 1, 2, 3].map((tp) => ({
    at: [tp * 16, 0],
    size: [16, 64],
    rank: { tp, pp: 0 },
    file: `rank-${tp}.pt`,
  })),
  heads: { kind: 'query', axis: 0, headDim: 8 },
};
const whole = { leading: [], row: 0, column: 0, rows: 64, columns: 64 };

test('ranks and heads are where the window shows them', () => {
  const all = bordersIn(PLACEMENT, whole, { width: 320, height: 128 });
  expect(all.ranks.map(({ y, height, label }) => [y, height, label])).toEqual(
    [0, 1, 2, 3].map((tp) => [tp * 32, 32, `TP ${tp}`]),
  );
  expect(all.heads.map(({ y1 }) => y1)).toEqual([16, 32, 48, 64, 80, 96, 112]);
  const part = bordersIn(PLACEMENT, { ...whole, row: 20, rows: 16 }, { width: 320, height: 160 });
  expect(part.ranks.map(({ y, height }) => [y, height])).toEqual([
    [0, 120],
    [120, 40],
  ]);
  expect(part.heads.map(({ y1 }) => y1)).toEqual([40, 120]);
});

test('borders that would only be a haze are left out', () => {
  expect(bordersIn(PLACEMENT, whole, { width: 320, height: 32 }).heads).toEqual([]);
  const many = Array.from({ length: 600 }, (_, row) => ({ ...PLACEMENT.regions[0]!, at: [row, 0], size: [1, 64] }));
  expect(bordersIn({ regions: many, heads: null }, { ...whole, rows: 600 }, { width: 9, height: 9 }).ranks).toEqual([]);
});

test('a bias has its heads across', () => {
  const bias: Placement = {
    regions: [{ at: [0], size: [32], rank: { tp: 0, pp: 0 }, file: 'a' }],
    heads: { kind: 'kv', axis: 0, headDim: 8 },
  };
  const { ranks, heads } = bordersIn(bias, { ...whole, rows: 1, columns: 32 }, { width: 320, height: 24 });
  expect(ranks).toMatchObject([{ x: 0, y: 0, width: 320, height: 24 }]);
  expect(heads.map(({ x1 }) => x1)).toEqual([80, 160, 240]);
});

test('what is under the pointer: the element itself where two sides are compared', () => {
  const heatmap: ShownHeatmap = {
    slice: { ...whole, row: 8, rows: 8, columns: 4 },
    width: 2,
    height: 2,
    values: Float32Array.from([0, 0.5, -2, NaN]),
    complete: true,
    elements: {
      rows: Uint32Array.from([0, 9, 14, 15]),
      columns: Uint32Array.from([0, 3, 1, 2]),
      left: Float64Array.from([0, 1, 3, 1]),
      right: Float64Array.from([0, 1.5, 1, NaN]),
    },
  };
  const text = (x: number, y: number): string => pointedText(pointedAt(heatmap, { x, y }), true);
  expect(text(0.1, 0.1)).toBe('[8–11, 0–1] no difference');
  expect(text(0.9, 0.1)).toBe('[9, 3] 1 → 1.5');
  expect(text(0.1, 0.9)).toBe('[14, 1] 3 → 1');
  expect(text(0.9, 0.9)).toBe('[15, 2] 1 → nan');
  const { elements: _, ...plain } = heatmap;
  expect(pointedText(pointedAt(plain, { x: 0.1, y: 0.9 }), false)).toBe('[12–15, 0–1] largest -2');
});

test('whose it is, in words', () => {
  expect(placeText({ rank: { tp: 3, pp: 1 }, head: 'KV head 2' })).toBe('TP rank 3, stage 1 · KV head 2');
  expect(placeText({ rank: null, head: null })).toBe('');
});
