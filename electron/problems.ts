import { faultOf, isShardloomError, type Problem } from '../src-core/app-door.ts';
import { ThreadEnded } from './engine/run-in-thread.ts';
import { log } from './log.ts';

/** Errors of ours as they are; faults of the program without their insides, which say nothing to a user and go to the log. */
export function problemOf(error: unknown): Problem {
  const { problem } = faultOf(error);
  if (isShardloomError(error)) return problem;
  log.error('fault', error);
  return { ...problem, advice: 'Export diagnostics and report this with what you did before.' };
}

/** The problem that a thread ended without an answer; null for any other error. */
export function problemOfThread(error: unknown, thread: string): Problem | null {
  if (!(error instanceof ThreadEnded)) return null;
  log.error('thread ended', error, { thread });
  return {
    tag: 'internal',
    what: error.isOutOfMemory ? `The ${thread} thread ran out of memory.` : `The ${thread} thread ended unexpectedly.`,
    found: error.message,
    advice: 'Try again. If it happens again, export diagnostics and report it.',
  };
}
