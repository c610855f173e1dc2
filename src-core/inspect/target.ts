import type { PartName } from '../plan/part-name.ts';
import type { Rank } from '../tensor/stored.ts';
import { viewOf, type View } from '../tensor/view.ts';
import { storedTensorOf } from './lineage.ts';
import { weightOf, type CheckpointPart } from './parts.ts';

/** A tensor that somebody looks into: an original parameter, or (with a rank) what one rank has stored under a Neuron name. */
export interface TensorTarget {
  readonly part: PartName;
  readonly name: string;
  readonly rank: Rank | null;
}

/** The target as a view. Throws `usage` where there is no such tensor. */
export function viewOfTarget(parts: readonly CheckpointPart[], { part, name, rank }: TensorTarget): View {
  if (rank === null) return weightOf(parts, part, name).view;
  return viewOf(
    storedTensorOf(
      parts.filter((candidate) => candidate.name === part),
      rank,
      name,
    ),
  );
}
