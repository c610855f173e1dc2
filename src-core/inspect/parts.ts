import type { Checkpoint, ShardedState } from '../checkpoint/checkpoint.ts';
import { isShardloomError, ShardloomError, toFinding, type Finding } from '../errors.ts';
import { originalWeightsOf } from '../plan/original-weights.ts';
import { partNameOf, type PartName } from '../plan/part-name.ts';
import type { OriginalWeight } from '../specs/spec.ts';

/** The model or one adapter of a checkpoint, with its original weights as views. */
export interface CheckpointPart {
  readonly name: PartName;
  readonly state: ShardedState;
  /** Null where the shards cannot be joined; the reason is in the state's findings or in `problem`. */
  readonly weights: ReadonlyMap<string, OriginalWeight> | null;
  /** What was wrong with joining them, where the shards themselves are whole. */
  readonly problem?: Finding;
}

/** Every part of a checkpoint, joined on views once: what everything that is shown is made from. */
export function partsOf(checkpoint: Checkpoint): CheckpointPart[] {
  return [...(checkpoint.model ? [checkpoint.model] : []), ...checkpoint.adapters].map(joinedPart);
}

function joinedPart(state: ShardedState): CheckpointPart {
  const name = partNameOf(state);
  if (state.findings.some(({ severity }) => severity === 'error')) return { name, state, weights: null };
  try {
    return { name, state, weights: originalWeightsOf(state) };
  } catch (error) {
    if (!isShardloomError(error)) throw error;
    return { name, state, weights: null, problem: toFinding(error, 'error') };
  }
}

/** An original parameter by its name. Throws `usage` where the checkpoint has no such parameter. */
export function weightOf(parts: readonly CheckpointPart[], part: PartName, name: string): OriginalWeight {
  const weight = parts.find((candidate) => candidate.name === part)?.weights?.get(name);
  if (weight) return weight;
  throw new ShardloomError({
    tag: 'usage',
    what: 'The checkpoint has no such parameter.',
    tensor: name,
    found: part,
    advice: 'shardloom inspect lists what the checkpoint holds.',
  });
}
