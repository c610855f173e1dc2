import type { ModelConfig } from '../checkpoint/configs.ts';
import { ShardloomError } from '../errors.ts';
import { copySettings } from '../execute/copy-tensors.ts';
import type { CompareOptions } from '../execute/compare-copies.ts';
import { pairBytes, type TensorPair, type ValueDifference } from '../execute/diff-tensors.ts';
import { createPool, defaultWorkers, type CopyPool } from '../execute/pool.ts';
import { diffTasks } from '../execute/tasks.ts';
import { runWatched } from '../execute/watch.ts';
import { headLayoutOf } from '../inspect/head-layout.ts';
import { PlanBuilder } from '../plan/plan-builder.ts';
import { compareNames } from '../plan/split.ts';
import type { OriginalWeight } from '../specs/spec.ts';
import type { DType } from '../tensor/dtype.ts';
import { sameShape, type Shape } from '../tensor/shape.ts';
import type { Rank } from '../tensor/stored.ts';
import { openWeights, type Weights, type WeightsInput } from './weights-input.ts';

/** A rule that makes names of the left side those of the right side. */
export interface RenameRule {
  readonly pattern: RegExp;
  readonly replacement: string;
}

export interface DiffOptions extends CompareOptions {
  readonly rename?: RenameRule;
}

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

/** The element with the largest difference. */
export interface DiffPlace {
  readonly at: readonly number[];
  readonly left: number;
  readonly right: number;
  /** Which rank holds it, where a side is sharded, and the attention head that it belongs to. */
  readonly rank: Rank | null;
  readonly file: string | null;
  readonly head: string | null;
}

export interface DiffResult {
  readonly left: string;
  readonly right: string;
  /** Those that moved most first, then what only one side has, then what is equal. */
  readonly rows: readonly DiffRow[];
  readonly counts: Readonly<Record<DiffStatus, number>>;
  /** What only one side has and was not compared: "adapter default on the left". */
  readonly leftOut: readonly string[];
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
  const [left, right] = [openWeights(leftFolder), openWeights(rightFolder)];
  const { leftOut, ...weights } = comparedParts(left, right);
  const matched = match(weights.left, weights.right, options.rename);
  const builder = new PlanBuilder();
  const pairs = matched.flatMap((one): TensorPair[] =>
    isComparable(one)
      ? [{ name: one.name, left: builder.operand(one.left.view), right: builder.operand(one.right.view) }]
      : [],
  );
  const found = await compareAll(builder, pairs, options);
  const rows = matched.map((one) => rowOf(one, found.get(one.name), [left.config, right.config])).sort(byImportance);
  const counts = { identical: 0, equal: 0, different: 0, 'only-left': 0, 'only-right': 0, 'shape-differs': 0 };
  for (const { status } of rows) counts[status]++;
  return {
    left: left.root,
    right: right.root,
    rows,
    counts,
    leftOut,
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

/** A weight of either side under its common name. */
interface Matched {
  readonly name: string;
  readonly left: Named | null;
  readonly right: Named | null;
}

interface Named extends OriginalWeight {
  readonly name: string;
}

/** What both sides are compared by, and what only one of them has and is left aside: a model, or adapters. */
function comparedParts(
  left: WeightsInput,
  right: WeightsInput,
): { readonly left: Weights; readonly right: Weights; readonly leftOut: string[] } {
  const withModel = left.model !== undefined && right.model !== undefined;
  const withAdapters = left.adapters.length > 0 && right.adapters.length > 0;
  if (!withModel && !withAdapters) {
    throw new ShardloomError({
      tag: 'usage',
      what: 'One side is a model and the other one adapters: they have nothing in common.',
      found: `${left.root} and ${right.root}`,
      advice: 'Merge the adapter into its base model first (shardloom merge), or compare it with another adapter.',
    });
  }
  // A single adapter against a single one: by its tensors alone, whatever their names.
  const areAlone = !withModel && left.adapters.length === 1 && right.adapters.length === 1;
  const weightsOf = (side: WeightsInput): Weights => {
    if (areAlone) return side.adapters[0]!.weights;
    const all = new Map(withModel ? side.model : []);
    for (const { name, weights } of withAdapters ? side.adapters : []) {
      for (const [parameter, weight] of weights) all.set(`${name}: ${parameter}`, weight);
    }
    return all;
  };
  const leftOut = [left, right].flatMap(({ model, adapters }, index) => {
    const side = index === 0 ? 'left' : 'right';
    return [
      ...(model && !withModel ? [`the model on the ${side}`] : []),
      ...(withAdapters ? [] : adapters.map(({ name }) => `adapter ${name} on the ${side}`)),
    ];
  });
  return { left: weightsOf(left), right: weightsOf(right), leftOut };
}

function match(left: Weights, right: Weights, rename: RenameRule | undefined): Matched[] {
  const byName = new Map<string, { left: Named | null; right: Named | null }>();
  for (const [own, weight] of left) {
    const name = rename ? own.replace(rename.pattern, rename.replacement) : own;
    if (byName.has(name)) throw renamedTwice(name, byName.get(name)!.left!.name, own);
    byName.set(name, { left: { ...weight, name: own }, right: null });
  }
  for (const [name, weight] of right) {
    byName.set(name, { left: byName.get(name)?.left ?? null, right: { ...weight, name } });
  }
  return [...byName].map(([name, sides]) => ({ name, ...sides }));
}

function renamedTwice(name: string, first: string, second: string): ShardloomError {
  return new ShardloomError({
    tag: 'usage',
    what: 'The rename rule gives two tensors of the left side the same name.',
    tensor: name,
    found: `${first} and ${second}`,
    advice: 'Make the pattern narrower.',
  });
}

function isComparable(one: Matched): one is Matched & { left: Named; right: Named } {
  return one.left !== null && one.right !== null && sameShape(one.left.view.shape, one.right.view.shape);
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

function rowOf(
  { name, left, right }: Matched,
  found: ValueDifference | undefined,
  configs: readonly (ModelConfig | undefined)[],
): DiffRow {
  const status = found?.status ?? (!left ? 'only-right' : !right ? 'only-left' : 'shape-differs');
  const sides = [left, right].flatMap((side, index) => (side ? [{ weight: side, config: configs[index] }] : []));
  return {
    name,
    status,
    left: left && tensorOf(left),
    right: right && tensorOf(right),
    values: found ? valuesOf(found, sides) : null,
  };
}

function tensorOf({ name, view: { dtype, shape } }: Named): DiffSideTensor {
  return { name, dtype, shape };
}

interface Side {
  readonly weight: Named;
  readonly config: ModelConfig | undefined;
}

function valuesOf(found: ValueDifference, sides: readonly Side[]): DiffValues {
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
    largest: largest && { ...largest, ...placeOf(largest.at, sides) },
    histogram: barsOf(found.histogram),
  };
}

/** Which rank's shard the element is in, and which head it belongs to: from the side that knows. */
function placeOf(at: readonly number[], sides: readonly Side[]): Pick<DiffPlace, 'rank' | 'file' | 'head'> {
  let place: Pick<DiffPlace, 'rank' | 'file' | 'head'> = { rank: null, file: null, head: null };
  for (const { weight, config } of sides) {
    const region = weight.view.regions.find((one) =>
      one.at.every((from, axis) => at[axis]! >= from && at[axis]! < from + one.size[axis]!),
    );
    const heads = headLayoutOf(weight.name, weight, config);
    const head = heads && `${heads.kind === 'kv' ? 'KV' : 'query'} head ${Math.floor(at[heads.axis]! / heads.headDim)}`;
    place = {
      rank: place.rank ?? region?.source.rank ?? null,
      file: region?.source.rank && !place.rank ? region.source.file : place.file,
      head: place.head ?? head,
    };
  }
  return place;
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
