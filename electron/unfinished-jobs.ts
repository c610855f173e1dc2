import fs from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import type { Job, JobWork } from './channels.ts';
import { log } from './log.ts';
import { replaceFile } from './replace-file.ts';
import { choices, merging, sharding } from './requests.ts';

/** Jobs that are remembered at most; a queue of more is nobody's. */
const MAX_REMEMBERED = 100;

/** What is needed to start a job again, and to say what it was. */
export type UnfinishedJob = Pick<Job, 'name' | 'folder' | 'work' | 'command' | 'queuedAt' | 'startedAt' | 'endedAt'>;

const folder = z.string().min(1);
const work: z.ZodType<JobWork> = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('consolidate'), out: folder, choices }),
  z.strictObject({ kind: z.literal('verify-replicas') }),
  z.strictObject({ kind: z.literal('diff'), left: folder, right: folder }),
  sharding.omit({ folder: true }).extend({ kind: z.literal('shard') }),
  merging.omit({ checkpoint: true }).extend({ kind: z.literal('merge'), base: folder }),
]);
const time = z.number();
const unfinished = z.object({
  name: z.string(),
  folder,
  work,
  command: z.string(),
  queuedAt: time,
  startedAt: time.nullable(),
  endedAt: time.nullable(),
});
const document = z.object({ jobs: z.array(z.unknown()) });

/**
 * The jobs that have not ended, on disk, so that the next start can offer them again whatever happens to this one. A file of its
 * own: written beside and renamed with every change of a job's state.
 */
export class UnfinishedJobs {
  readonly #file: string;

  constructor(userData: string) {
    this.#file = path.join(userData, 'unfinished-jobs.json');
  }

  /** In the order in which they were saved. What cannot be read is left out, job by job: it never keeps the app from starting. */
  load(): UnfinishedJob[] {
    try {
      const { jobs } = document.parse(JSON.parse(fs.readFileSync(this.#file, 'utf8')));
      return jobs.slice(0, MAX_REMEMBERED).flatMap((job) => unfinished.safeParse(job).data ?? []);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') log.warn('unfinished jobs could not be read', error);
      return [];
    }
  }

  save(jobs: readonly UnfinishedJob[]): void {
    const kept = jobs.map(({ name, folder: from, work: what, command, queuedAt, startedAt, endedAt }) => {
      return { name, folder: from, work: what, command, queuedAt, startedAt, endedAt };
    });
    try {
      replaceFile(this.#file, `${JSON.stringify({ jobs: kept }, null, 2)}\n`);
    } catch (error) {
      // As with the app's state: a full disk only makes it forget.
      log.warn('unfinished jobs could not be kept', error);
    }
  }
}

/** Every folder that a job names. */
export function foldersOf({ folder: from, work: what }: Pick<Job, 'folder' | 'work'>): string[] {
  switch (what.kind) {
    case 'consolidate':
      return [from, what.out];
    case 'verify-replicas':
      return [from];
    case 'diff':
      return [what.left, what.right];
    case 'shard':
      return [from, what.out, ...(what.config === null ? [] : [what.config])];
    case 'merge':
      return [from, what.out, what.base];
  }
}
