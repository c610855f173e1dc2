import {
  differenceHeatmapOf,
  isComparable,
  openComparison,
  placementIn,
  ShardloomError,
  type ComparableMatch,
  type Comparison,
  type DifferenceHeatmap,
  type Placement,
} from '../../src-core/app-door.ts';
import type { DifferenceRequest, DiffSides, JobId } from '../channels.ts';
import { newest } from './running.ts';

/** Which of a finished comparison's tensors: the folders are those that the job compared. */
export interface ComparedTensor extends DiffSides {
  readonly job: JobId;
  readonly name: string;
}

/** The folders that were looked at last: opening a large checkpoint for every picture would be felt. */
let last: { readonly job: JobId; readonly comparison: Comparison } | null = null;

export function placement(which: ComparedTensor): Placement {
  return placementIn(find(which));
}

export function difference({
  slice,
  width,
  height,
  firstOnly,
  ...which
}: ComparedTensor & Omit<DifferenceRequest, 'job' | 'name'>): Promise<DifferenceHeatmap> {
  const signal = newest('heatmap');
  const { left, right } = find(which);
  const sides = { left: left.view, right: right.view };
  return differenceHeatmapOf(which.name, sides, slice, { width, height }, { signal, firstOnly });
}

function find({ job, left, right, name }: ComparedTensor): ComparableMatch {
  if (last?.job !== job) last = { job, comparison: openComparison(left, right) };
  const found = last.comparison.tensors.find((one) => one.name === name);
  if (found && isComparable(found)) return found;
  throw new ShardloomError({
    tag: 'usage',
    what: 'The folders do not both hold this tensor in the same shape.',
    tensor: name,
    advice: 'If they have changed since, compare them again.',
  });
}
