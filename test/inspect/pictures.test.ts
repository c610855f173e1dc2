import { describe, expect, test } from 'vitest';
import { isShardloomError } from '../../src-core/errors.ts';
import { heatmapOf, type Heatmap } from '../../src-core/inspect/heatmap.ts';
import type { Slice } from '../../src-core/inspect/slice.ts';
import { valuesOf } from '../../src-core/inspect/values.ts';
import { bfloat16ToNumber } from '../../src-core/tensor/decode.ts';
import { bytesOfArray, patterns16, storedView } from '../support/stored.ts';

const whole = (rows: number, columns: number): Slice => ({ leading: [], row: 0, column: 0, rows, columns });

describe('values', () => {
  test('of a slice are what is stored, row by row', () => {
    const view = storedView('F32', [2, 4, 5], bytesOfArray(Float32Array.from({ length: 40 }, (_, i) => i / 8)));
    const { values } = valuesOf('t', view, { leading: [1], row: 1, column: 2, rows: 2, columns: 3 });
    expect(values).toEqual([27, 28, 29, 32, 33, 34].map((i) => i / 8));
  });

  test('of 64-bit integers keep all digits', () => {
    const view = storedView('I64', [2], bytesOfArray(BigInt64Array.from([9007199254740993n, -1n])));
    expect(valuesOf('t', view, whole(1, 2)).values).toEqual(['9007199254740993', '-1']);
  });

  test('of a scalar, and of nothing outside', () => {
    const view = storedView('BF16', [], Uint8Array.from([0x80, 0x3f]));
    expect(valuesOf('t', view, whole(1, 1)).values).toEqual([1]);
    for (const slice of [whole(1, 2), { ...whole(1, 1), row: -1 }, { ...whole(1, 1), leading: [0] }]) {
      try {
        valuesOf('t', view, slice);
        expect.unreachable();
      } catch (error) {
        expect(isShardloomError(error, 'usage'), String(error)).toBe(true);
      }
    }
  });
});

/** The value of largest magnitude in each cell, by the definition. */
function plainHeatmap(values: readonly number[], columns: number, width: number, height: number): number[] {
  const rows = values.length / columns;
  const cells = new Array<number>(width * height).fill(0);
  values.forEach((value, index) => {
    const [row, column] = [Math.floor(index / columns), index % columns];
    const cell = Math.floor((row * height) / rows) * width + Math.floor((column * width) / columns);
    if (!Number.isFinite(value) || Number.isNaN(cells[cell])) cells[cell] = NaN;
    else if (Math.abs(value) > Math.abs(cells[cell]!)) cells[cell] = value;
  });
  return cells;
}

describe('a heatmap shows the value of largest magnitude in each cell', () => {
  test.each([
    [40, 30, 7, 11],
    [7, 5, 100, 100],
    [1, 1000, 64, 64],
    [300, 1, 64, 64],
    [1200, 1100, 13, 17],
  ])('%i × %i elements on %i × %i cells', async (rows, columns, width, height) => {
    const bits = patterns16(rows * columns, rows);
    const view = storedView('BF16', [rows, columns], bytesOfArray(bits));
    const heatmap = await heatmapOf('t', view, whole(rows, columns), { width, height });
    const [w, h] = [Math.min(width, columns), Math.min(height, rows)];
    expect([heatmap.width, heatmap.height, heatmap.complete]).toEqual([w, h, true]);
    const expected = plainHeatmap(Array.from(bits, bfloat16ToNumber), columns, w, h);
    // Of two values of the same magnitude either may be shown.
    expect(Array.from(heatmap.values, Math.abs)).toEqual(
      Float32Array.from(expected, Math.abs).reduce<number[]>((all, v) => [...all, v], []),
    );
  });

  test('of wider elements and of a part', async () => {
    const numbers = Float32Array.from({ length: 600 }, (_, i) => Math.sin(i) * i);
    numbers[123] = NaN;
    const view = storedView('F32', [20, 30], bytesOfArray(numbers));
    const slice = { leading: [], row: 2, column: 3, rows: 12, columns: 10 };
    const heatmap = await heatmapOf('t', view, slice, { width: 5, height: 4 });
    const part = Array.from({ length: 120 }, (_, i) => numbers[(2 + Math.floor(i / 10)) * 30 + 3 + (i % 10)]!);
    expect([...heatmap.values]).toEqual([...Float32Array.from(plainHeatmap(part, 10, 5, 4))]);
  });

  test('comes from a few rows first', async () => {
    const view = storedView('BF16', [4000, 1000], bytesOfArray(patterns16(4_000_000)));
    const updates: Heatmap[] = [];
    const onUpdate = (heatmap: Heatmap): void => void updates.push(heatmap);
    const last = await heatmapOf('t', view, whole(4000, 1000), { width: 50, height: 50 }, { onUpdate });
    expect(updates[0]!.complete).toBe(false);
    expect(updates[0]!.values.some((value) => value !== 0)).toBe(true);
    expect(last.complete).toBe(true);
  });
});
