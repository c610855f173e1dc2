import type { Job } from '../../electron/channels.ts';
import { formatPlural } from '../../src-core/units.ts';
import { timeAgo } from '../welcome/time-ago.ts';

/** Since when an interrupted job was at work, in a phrase. */
export function sinceWhen({ startedAt, queuedAt }: Pick<Job, 'startedAt' | 'queuedAt'>, now: number): string {
  return startedAt === null ? `queued ${timeAgo(queuedAt, now)}` : `started ${timeAgo(startedAt, now)}`;
}

/** What became of an interrupted job, in a sentence. */
export function whatHappened(job: Pick<Job, 'startedAt' | 'queuedAt' | 'endedAt'>, now: number): string {
  const { startedAt, endedAt } = job;
  const since = sinceWhen(job, now);
  const first = since.charAt(0).toUpperCase() + since.slice(1);
  if (startedAt === null) return `${first}. It had not begun when Shardloom ended.`;
  if (endedAt === null) return `${first}. Shardloom ended while it was running.`;
  return `${first}. It was stopped when Shardloom was quit, ${timeAgo(endedAt, now)}.`;
}

/** Something of the job may lie in its output folder. */
export function mayHaveWritten({ work, startedAt }: Pick<Job, 'work' | 'startedAt'>): boolean {
  return 'out' in work && startedAt !== null;
}

/** What resuming does. */
export function whatResumingDoes({ work, startedAt }: Pick<Job, 'work' | 'startedAt'>): string {
  if (startedAt === null) return 'Resume puts it into the queue again, with the same choices.';
  if (!('out' in work)) return 'Resume runs it again with the same choices. It only reads.';
  return 'Resume runs it again with the same choices. What is written already and has the right digest is kept.';
}

/** The interrupted jobs of a list, oldest first: the order in which they were to run. */
export function interruptedOf(list: readonly Job[]): Job[] {
  return list.filter(({ state }) => state === 'interrupted').reverse();
}

export function interruptedTitle(count: number): string {
  return count === 1 ? 'A job was interrupted.' : `${formatPlural(count, 'job')} were interrupted.`;
}
