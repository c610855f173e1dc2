import type { DifferenceHeatmap, ElementPlace, Heatmap } from '../../src-core/app-door.ts';
import { rangeText } from '../components/range-text.ts';
import { shortValue } from './window.ts';
import { cellSpan } from './zoom.ts';

/** A tensor's values as colours, or where two tensors differ: then with what is on both sides. */
export type ShownHeatmap = Heatmap & Partial<Pick<DifferenceHeatmap, 'elements'>>;

/** A point of a picture, 0 to 1 across and down. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** What a cell of a picture stands for. */
export interface Pointed {
  /** The element that gave the cell its colour where that is known, otherwise its first one. */
  readonly row: number;
  readonly column: number;
  /** All its elements. */
  readonly rows: { readonly from: number; readonly count: number };
  readonly columns: { readonly from: number; readonly count: number };
  readonly value: number;
  /** Both sides of a comparison at that element; null where the cell has no difference or nothing is compared. */
  readonly sides: { readonly left: number; readonly right: number } | null;
}

/** The cell under a point. */
export function pointedAt(heatmap: ShownHeatmap, { x, y }: Point): Pointed {
  const { slice, width, height, values, elements } = heatmap;
  const [cellColumn, cellRow] = [Math.floor(x * width), Math.floor(y * height)];
  const cell = cellRow * width + cellColumn;
  const rows = cellSpan(slice.row, slice.rows, height, cellRow);
  const columns = cellSpan(slice.column, slice.columns, width, cellColumn);
  const value = values[cell] ?? NaN;
  const first = { row: rows.from, column: columns.from, rows, columns, value };
  if (!elements || value === 0) return { ...first, sides: null };
  return {
    ...first,
    row: elements.rows[cell]!,
    column: elements.columns[cell]!,
    sides: { left: elements.left[cell]!, right: elements.right[cell]! },
  };
}

/** A cell in words: which elements, and their value of largest magnitude; of a comparison both sides. */
export function pointedText({ row, column, rows, columns, value, sides }: Pointed, isDifference: boolean): string {
  if (sides)
    return `[${rangeText(row, 1)}, ${rangeText(column, 1)}] ${shortValue(sides.left)} → ${shortValue(sides.right)}`;
  const range = `[${rangeText(rows.from, rows.count)}, ${rangeText(columns.from, columns.count)}]`;
  if (isDifference) return `${range} no difference`;
  return `${range}${rows.count * columns.count > 1 ? ' largest' : ''} ${shortValue(value)}`;
}

/** Whose shard it is in and which head it belongs to, or empty. */
export function placeText({ rank, head }: Pick<ElementPlace, 'rank' | 'head'>): string {
  const ofRank = rank && `TP rank ${rank.tp}, stage ${rank.pp}`;
  return [ofRank, head].filter((text) => text !== null).join(' · ');
}
