import { describe, expect, test } from 'vitest';
import { differenceHeatmapOf, type DifferenceHeatmap } from '../../src-core/inspect/difference-heatmap.ts';
import { placeAt } from '../../src-core/inspect/drawing/placement.ts';
import { placementOf } from '../../src-core/inspect/placement.ts';
import type { Slice } from '../../src-core/inspect/slice.ts';
import { openWeights } from '../../src-core/jobs/weights-input.ts';
import { bfloat16ToNumber } from '../../src-core/tensor/decode.ts';
import { fixtureNames, fixturePath } from '../support/folders.ts';
import { bytesOfArray, patterns16, storedView } from '../support/stored.ts';

const whole = (rows: number, columns: number): Slice => ({ leading: [], row: 0, column: 0, rows, columns });

function isSame(l: number, r: number): boolean {
  return l === r || (Number.isNaN(l) && Number.isNaN(r));
}

/** Every cell by the definition: the magnitude of its largest difference, NaN where one is not finite. */
function plain(left: number[], right: number[], columns: number, slice: Slice, width: number, height: number) {
  const cells = new Array<number>(width * height).fill(0);
  left.forEach((l, index) => {
    const [row, column] = [Math.floor(index / columns) - slice.row, (index % columns) - slice.column];
    if (row < 0 || row >= slice.rows || column < 0 || column >= slice.columns || isSame(l, right[index]!)) return;
    const cell = Math.floor((row * height) / slice.rows) * width + Math.floor((column * width) / slice.columns);
    const d = Math.abs(right[index]! - l);
    cells[cell] = Number.isFinite(d) ? Math.max(cells[cell]!, d) : NaN;
  });
  return cells;
}

function checkElements({ values, elements }: DifferenceHeatmap, left: number[], right: number[], columns: number) {
  values.forEach((value, cell) => {
    if (value === 0) return;
    const index = elements.rows[cell]! * columns + elements.columns[cell]!;
    expect([elements.left[cell], elements.right[cell]]).toEqual([left[index], right[index]]);
    if (!Number.isNaN(value)) expect(value).toBe(Math.fround(right[index]! - left[index]!));
  });
}

describe('a difference heatmap shows the element that differs most in each cell', () => {
  const [rows, columns] = [90, 70];
  const bits = patterns16(rows * columns, 5);
  const left = Array.from(bits, bfloat16ToNumber);
  // Every third element differs, by as much as it pleases.
  const others = Array.from(patterns16(rows * columns, 6), bfloat16ToNumber);
  const right = left.map((value, index) => (index % 3 === 0 ? others[index]! : value));
  const sides = () => ({
    left: storedView('BF16', [rows, columns], bytesOfArray(bits)),
    right: storedView('F32', [rows, columns], bytesOfArray(Float32Array.from(right))),
  });

  test.each([
    [whole(rows, columns), 9, 7],
    [whole(rows, columns), 200, 200],
    [{ leading: [], row: 11, column: 20, rows: 50, columns: 33 }, 13, 11],
  ])('of %o on %i × %i cells, across dtypes', async (slice, width, height) => {
    const heatmap = await differenceHeatmapOf('t', sides(), slice, { width, height });
    const [w, h] = [Math.min(width, slice.columns), Math.min(height, slice.rows)];
    expect([heatmap.width, heatmap.height, heatmap.complete]).toEqual([w, h, true]);
    const expected = plain(left, right, columns, slice, w, h);
    expect(Array.from(heatmap.values, Math.abs)).toEqual(expected.map(Math.fround));
    checkElements(heatmap, left, right, columns);
  });

  test('and first from a few rows', async () => {
    const first = await differenceHeatmapOf(
      't',
      sides(),
      whole(rows, columns),
      { width: 9, height: 7 },
      { firstOnly: true },
    );
    expect(first.complete).toBe(false);
    expect(first.values.some((value) => value !== 0)).toBe(true);
    checkElements(first, left, right, columns);
  });
});

test('every element of a sharded parameter has its rank, and heads follow one another', () => {
  for (const name of fixtureNames()) {
    const { model, config } = openWeights(fixturePath(name, 'checkpoint'));
    for (const [parameter, weight] of model ?? []) {
      const placement = placementOf([{ ...weight, name: parameter, config }]);
      const covered = placement.regions.reduce((sum, { size }) => sum + size.reduce((a, b) => a * b, 1), 0);
      expect(covered, parameter).toBe(weight.view.shape.reduce((a, b) => a * b, 1));
      const last = placeAt(
        placement,
        weight.view.shape.map((size) => size - 1),
      );
      expect(last.rank).not.toBeNull();
      expect(last.file).toContain('rank');
      if (!placement.heads) continue;
      const heads = weight.view.shape[placement.heads.axis]! / placement.heads.headDim;
      expect(last.head).toBe(`${placement.heads.kind === 'kv' ? 'KV' : 'query'} head ${heads - 1}`);
    }
  }
});
