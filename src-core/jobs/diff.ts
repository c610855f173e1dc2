import type { Finding } from '../errors.ts';
import { copySettings } from '../execute/copy-tensors.ts';
import type { CompareOptions } from '../execute/compare-copies.ts';
import type { ValueDifference } from '../execute/diff-tensors.ts';
import { pairBytes, type TensorPair } from '../execute/pair-reader.ts';
import { createPool, defaultWorkers, type CopyPool } from '../execute/pool.ts';
import { diffTasks } from '../execute/tasks.ts';
import { runWatched } from '../execute/watch.ts';
import { placeAt, type ElementPlace } from '../inspect/drawing/placement.ts';
import type { PlacedWeight } from '../inspect/placement.ts';
import { PlanBuilder } from '../plan/plan-builder.ts';
import { compareNames } from '../plan/split.ts';
import type { DType } from '../tensor/dtype.ts';
import type { Shape } from '../tensor/shape.ts';
import {
  isComparable,
  openComparison,
  pairOf,
  placementIn,
  type ComparisonOptions,
  type Matched,
} from './comparison.ts';

export interface DiffOptions extends CompareOptions, ComparisonOptions {}

export type DiffStatus = ValueDifference['status'] | 'only-left' | 'only-right' | 'shape-differs';

export interface DiffSideTensor {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
}

/** One tensor of either side, or of both. */
export interface DiffRow {
  /** As the right side has it; of the left side's where only that has it. */
  readonly name: string;
  readonly status: DiffStatus;
  readonly left: DiffSideTensor | null;
  readonly right: DiffSideTensor | null;
  /** Null where there is nothing to compare. */
  readonly values: DiffValues | null;
}

/** The figures of a tensor that both sides have in the same shape. */
export interface DiffValues {
  readonly elements: number;
  readonly changed: number;
  /** Of these, those that are NaN or Inf on a side: they are in none of the figures below. */
  readonly nonFinite: number;
  readonly maxAbs: number;
  readonly meanAbs: number;
  /** Frobenius norm of the difference by that of the left side; null where the left side is all zero. */
  readonly relativeNorm: number | null;
  /** Cosine of the two sides as vectors; null where one is all zero. */
  readonly cosine: number | null;
  readonly largest: DiffPlace | null;
  /** Counts of |difference| by powers of two, smallest first, empty ends left out. */
  readonly histogram: readonly { readonly from: number; readonly to: number; readonly count: number }[];
}

/** The element with the largest difference: which rank holds it, where a side is sharded, and its attention head. */
export interface DiffPlace extends ElementPlace {
  readonly at: readonly number[];
  readonly left: number;
  readonly right: number;
}

export interface DiffResult {
  readonly left: string;
  readonly right: string;
  /** Those that moved most first, then what only one side has, then what is equal. */
  readonly rows: readonly DiffRow[];
  readonly counts: Readonly<Record<DiffStatus, number>>;
  /** What only one side has and was not compared: "adapter default on the left". */
  readonly leftOut: readonly string[];
  /** What is to be known of a side whose KV heads could have been joined in another way. */
  readonly findings: readonly Finding[];
  /** Bytes of both sides that were compared. */
  readonly bytes: number;
  readonly seconds: number;
}

/**
 * Compares two folders tensor by tensor: Hugging Face weights, adapters or sharded checkpoints, which are consolidated on views, so that
 * nothing is written. Bytes first, then values, across dtypes.
 */
export async function diff(leftFolder: string, rightFolder: string, options: DiffOptions = {}): Promise<DiffResult> {
  const started = performance.now();
  const comparison = openComparison(leftFolder, rightFolder, options);
  const { left, right, tensors, leftOut, findings } = comparison;
  const builder = new PlanBuilder();
  const pairs = tensors.filter(isComparable).map((one) => pairOf(one, builder));
  const found = await compareAll(builder, pairs, options);
  const rows = tensors.map((one) => rowOf(one, found.get(one.name))).sort(byImportance);
  const counts = { identical: 0, equal: 0, different: 0, 'only-left': 0, 'only-right': 0, 'shape-differs': 0 };
  for (const { status } of rows) counts[status]++;
  return {
    left,
    right,
    rows,
    counts,
    leftOut,
    findings,
    bytes: pairs.reduce((sum, pair) => sum + pairBytes(pair), 0),
    seconds: (performance.now() - started) / 1000,
  };
}

/** True where nothing differs, up to `tolerance` in the largest absolute difference. */
export function isSame({ rows }: DiffResult, tolerance = 0): boolean {
  return rows.every(({ status, values }) => {
    if (status === 'identical' || status === 'equal') return true;
    return status === 'different' && values !== null && values.nonFinite === 0 && values.maxAbs <= tolerance;
  });
}

async function compareAll(
  builder: PlanBuilder,
  pairs: readonly TensorPair[],
  options: DiffOptions,
): Promise<Map<string, ValueDifference>> {
  const settings = copySettings(options.bandBytes, null, false);
  const bytes = pairs.reduce((sum, pair) => sum + pairBytes(pair), 0);
  const pool: CopyPool = options.pool ?? createPool(options.workers ?? defaultWorkers(bytes));
  try {
    const tasks = diffTasks({ files: builder.files, sources: builder.sources }, pairs, settings);
    const results = await runWatched(pool.workers, pool.diff, tasks, settings.control, bytes, options);
    return new Map(results.flat().map((found) => [found.name, found]));
  } finally {
    if (!options.pool) await pool.close();
  }
}

function rowOf(one: Matched, found: ValueDifference | undefined): DiffRow {
  const { name, left, right } = one;
  return {
    name,
    status: found?.status ?? (!left ? 'only-right' : !right ? 'only-left' : 'shape-differs'),
    left: left && tensorOf(left),
    right: right && tensorOf(right),
    values: found ? valuesOf(found, one) : null,
  };
}

function tensorOf({ name, view: { dtype, shape } }: PlacedWeight): DiffSideTensor {
  return { name, dtype, shape };
}

function valuesOf(found: ValueDifference, one: Matched): DiffValues {
  const { elements, changed, nonFinite, maxAbs, largest, sums, status } = found;
  const finite = elements - nonFinite;
  const norms = Math.sqrt(sums.left) * Math.sqrt(sums.right);
  const identical = status === 'identical';
  return {
    elements,
    changed,
    nonFinite,
    maxAbs,
    meanAbs: finite > 0 ? sums.absolute / finite : 0,
    relativeNorm: identical ? 0 : sums.left > 0 ? Math.sqrt(sums.squares) / Math.sqrt(sums.left) : null,
    cosine: identical ? 1 : norms > 0 ? Math.min(1, Math.max(-1, sums.dot / norms)) : null,
    largest: largest && { ...largest, ...placeAt(placementIn(one), largest.at) },
    histogram: barsOf(found.histogram),
  };
}

/** Entry e of the counts stands for 2^(e-127) up to twice that. */
function barsOf(counts: readonly number[]): DiffValues['histogram'] {
  const first = counts.findIndex((count) => count > 0);
  const last = counts.findLastIndex((count) => count > 0);
  if (first < 0) return [];
  return counts.slice(first, last + 1).map((count, index) => {
    const exponent = first + index;
    return { from: exponent === 0 ? 0 : 2 ** (exponent - 127), to: 2 ** (exponent - 126), count };
  });
}

const ORDER: readonly DiffStatus[] = ['different', 'shape-differs', 'only-left', 'only-right', 'equal', 'identical'];

function byImportance(a: DiffRow, b: DiffRow): number {
  const order = ORDER.indexOf(a.status) - ORDER.indexOf(b.status);
  if (order !== 0) return order;
  const moved = ({ values }: DiffRow): number => values?.relativeNorm ?? (values ? Infinity : 0);
  return moved(b) - moved(a) || compareNames(a.name, b.name);
}
