import { isShardloomError, toProblem, type Problem } from '../src-core/index.ts';

/** Errors of ours as they are; faults of the program without their insides, which say nothing to a user. */
export function problemOf(error: unknown): Problem {
  if (isShardloomError(error)) return toProblem(error);
  console.error(error);
  return {
    tag: 'internal',
    what: 'Shardloom failed because of a fault of its own.',
    found: error instanceof Error ? error.message : String(error),
    advice: 'Please report this with what you did before.',
  };
}
