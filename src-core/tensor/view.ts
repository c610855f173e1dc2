import { ShardloomError } from '../errors.ts';
import { MAX_VIEW_REGIONS } from '../limits.ts';
import type { DType } from './dtype.ts';
import { elementCount, type Shape } from './shape.ts';
import type { StoredTensor } from './stored.ts';

/**
 * "This box of that stored tensor fills this box here": both boxes have the same size and the same axes.
 * The box in the source is `[from, from + size)`, the box in the view `[at, at + size)`, axis by axis.
 */
export interface Region {
  readonly source: StoredTensor;
  readonly from: readonly number[];
  readonly at: readonly number[];
  readonly size: readonly number[];
}

/**
 * A tensor that has not been computed: a dtype, a shape, and the regions that fill it. Frozen; operations make new ones
 * and read no byte. Regions are canonical: no empty ones, neighbours merged where they are neighbours in the source too,
 * ordered by where they begin, so that equal tensors made in different ways have equal regions.
 */
export interface View {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly regions: readonly Region[];
  /**
   * Present where the tensor is computed: the element-wise mean of these views, the first of which `regions` repeats. Only
   * `mean` makes it, as the last step: no operation takes such a view.
   */
  readonly meanOf?: readonly View[];
}

/** The one constructor of views. Does not check that the regions cover the shape: the plan's validation proves that. */
export function makeView(dtype: DType, shape: Shape, regions: readonly Region[]): View {
  const merged = mergeRegions(regions.filter((region) => elementCount(region.size) > 0));
  if (merged.length > MAX_VIEW_REGIONS) {
    throw new ShardloomError({
      tag: 'over-limit',
      what: 'A tensor is put together from more pieces than Shardloom handles.',
      found: `${merged.length} pieces`,
      expected: `at most ${MAX_VIEW_REGIONS}`,
      advice: 'Please report this with the config.json and trn_config.json of the checkpoint.',
    });
  }
  return Object.freeze({ dtype, shape: Object.freeze([...shape]), regions: Object.freeze(merged) });
}

/** The view of a whole stored tensor. */
export function viewOf(source: StoredTensor): View {
  const zeros = source.shape.map(() => 0);
  return makeView(source.dtype, source.shape, [{ source, from: zeros, at: zeros, size: [...source.shape] }]);
}

/** Every region that a view is read from. Those of a mean are its terms' regions: each term fills the whole shape. */
export function regionsOf(view: View): Region[] {
  return (view.meanOf ?? [view]).flatMap(({ regions }) => regions);
}

/** Every stored tensor that a view reads, once each, in the order of its regions. */
export function sourcesOf(view: View): StoredTensor[] {
  return [...new Set(regionsOf(view).map((region) => region.source))];
}

/**
 * True if two views hold the same elements of the same stored tensors at the same places. Regions are canonical, so however the
 * views were made, the same content has the same regions in the same order.
 */
export function isSameView(a: View, b: View): boolean {
  if (a === b) return true;
  const [termsOfA, termsOfB] = [a.meanOf ?? [a], b.meanOf ?? [b]];
  return (
    termsOfA.length === termsOfB.length &&
    termsOfA.every((term, index) => hasSameRegions(term.regions, termsOfB[index]!.regions))
  );
}

function hasSameRegions(a: readonly Region[], b: readonly Region[]): boolean {
  const boxes = ({ from, at, size }: Region): string => `${from.join()} ${at.join()} ${size.join()}`;
  return (
    a.length === b.length &&
    a.every((region, index) => region.source === b[index]!.source && boxes(region) === boxes(b[index]!))
  );
}

/** Merges regions that continue each other, along the last axis first, and orders the result by `at`. */
function mergeRegions(regions: readonly Region[]): Region[] {
  let current = [...regions];
  const axes = current[0]?.at.length ?? 0;
  for (let axis = axes - 1; axis >= 0 && current.length > 1; axis--) current = mergeAlong(current, axis);
  return current.sort((a, b) => compareBoxes(a.at, b.at, -1));
}

function mergeAlong(regions: Region[], axis: number): Region[] {
  regions.sort((a, b) => compareBoxes(a.at, b.at, axis));
  const merged: Region[] = [];
  for (const region of regions) {
    const previous = merged.at(-1);
    if (previous && continues(previous, region, axis)) {
      const size = [...previous.size];
      size[axis] = size[axis]! + region.size[axis]!;
      merged[merged.length - 1] = { ...previous, size };
    } else {
      merged.push(region);
    }
  }
  return merged;
}

/** True if `b` goes on where `a` ends along `axis`, here and in the source, and they agree on every other axis. */
function continues(a: Region, b: Region, axis: number): boolean {
  if (a.source !== b.source) return false;
  for (let k = 0; k < a.at.length; k++) {
    const step = k === axis ? a.size[k]! : 0;
    if (b.at[k] !== a.at[k]! + step || b.from[k] !== a.from[k]! + step) return false;
    if (k !== axis && a.size[k] !== b.size[k]) return false;
  }
  return true;
}

/** Lexicographic order of two positions; `last` names an axis that is compared after all others, -1 for none. */
function compareBoxes(a: readonly number[], b: readonly number[], last: number): number {
  for (let axis = 0; axis < a.length; axis++) {
    if (axis !== last && a[axis] !== b[axis]) return a[axis]! - b[axis]!;
  }
  return last < 0 ? 0 : a[last]! - b[last]!;
}
