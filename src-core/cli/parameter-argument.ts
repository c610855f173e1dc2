import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { openCheckpoint } from '../models/open-checkpoint.ts';
import { ShardloomError } from '../errors.ts';
import { partsOf, type CheckpointPart } from '../inspect/parts.ts';
import type { PartName } from '../plan/part-name.ts';
import { openOptionsOf, type OpeningFlags } from './opening.ts';

/** A checkpoint that was opened to look at one parameter. */
export interface OpenedFor {
  readonly checkpoint: Checkpoint;
  readonly parts: readonly CheckpointPart[];
  readonly part: PartName;
  readonly name: string;
}

/** How many names an error suggests. */
const MAX_SUGGESTED = 5;

/**
 * Opens a checkpoint and finds the parameter that the user means: by its whole name, or by an end of it that only one
 * parameter has. Throws the checkpoint's error where its shards cannot be joined.
 */
export function openFor(folder: string, parameter: string, opening: OpeningFlags): OpenedFor {
  const checkpoint = openCheckpoint(folder, openOptionsOf(opening));
  const parts = partsOf(checkpoint);
  const all = parts.flatMap(({ name: part, weights }) => [...(weights?.keys() ?? [])].map((name) => ({ part, name })));
  const exact = all.filter(({ name }) => name === parameter);
  const found = exact.length > 0 ? exact : all.filter(({ name }) => `.${name}`.endsWith(`.${parameter}`));
  if (found.length === 1) return { checkpoint, parts, ...found[0]! };
  const fault = parts.map(({ state, problem }) => state.findings.find((f) => f.severity === 'error') ?? problem);
  const broken = fault.find((problem) => problem !== undefined);
  if (all.length === 0 && broken) throw new ShardloomError(broken);
  const near = found.length > 0 ? found : all.filter(({ name }) => name.includes(parameter));
  throw new ShardloomError({
    tag: 'usage',
    what: found.length > 1 ? 'Several parameters end like this.' : 'The checkpoint has no such parameter.',
    tensor: parameter,
    found: near.length > 0 ? suggestions(near.map(({ name }) => name)) : `none of ${all.length} parameters`,
    expected: 'the whole name of one parameter, or an end of it that no other has',
  });
}

function suggestions(names: readonly string[]): string {
  const shown = names.slice(0, MAX_SUGGESTED).join(', ');
  return names.length > MAX_SUGGESTED ? `${shown} and ${names.length - MAX_SUGGESTED} more` : shown;
}
