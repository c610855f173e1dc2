import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { MessageChannel } from 'node:worker_threads';
import { Piscina } from 'piscina';
import { ShardloomError, type DiffResult, type Progress } from '../src-core/index.ts';
import type { DigestPage, Job, JobId, JobWork } from './channels.ts';
import type { FinishedJob, JobAnswer, JobTask } from './engine/job-worker.ts';
import { problemOf } from './problems.ts';

/** What a job is made from. */
export interface NewJob {
  readonly name: string;
  readonly folder: string;
  readonly work: JobWork;
  readonly command: string;
}

/** What the queue tells its owner. */
export interface JobsListener {
  readonly changed: (jobs: readonly Job[]) => void;
  /** A job has ended well; what of it is too large for the list is in here. */
  readonly finished: (finished: FinishedJob) => void;
}

/** Ended jobs that are kept on the list. */
const MAX_ENDED = 100;

/** How often changes are told at most, in milliseconds. */
const TELL_MS = 100;

/** The queue: one job runs, in a thread of its own with copying threads below it; others wait. */
export class Jobs {
  readonly #pool = new Piscina<JobTask, JobAnswer>({
    filename: fileURLToPath(new URL('./job-worker.js', import.meta.url)),
    minThreads: 0,
    maxThreads: 1,
    idleTimeout: 10_000,
  });
  readonly #version: string;
  readonly #listener: JobsListener;
  readonly #digests = new Map<JobId, DigestPage['rows']>();
  readonly #diffs = new Map<JobId, DiffResult>();
  #jobs: readonly Job[] = [];
  #lastId = 0;
  #cancelRunning: (() => void) | null = null;
  #running: Promise<void> = Promise.resolve();
  #telling: NodeJS.Timeout | null = null;

  constructor(version: string, listener: JobsListener) {
    this.#version = version;
    this.#listener = listener;
  }

  /** Newest first. */
  get list(): readonly Job[] {
    return this.#jobs;
  }

  get isBusy(): boolean {
    return this.#jobs.some(({ state }) => state === 'running' || state === 'queued');
  }

  add(job: NewJob): Job {
    const added: Job = {
      id: ++this.#lastId,
      ...job,
      state: 'queued',
      queuedAt: Date.now(),
      startedAt: null,
      endedAt: null,
      progress: null,
      result: null,
      problem: null,
    };
    const ended = this.#jobs.filter(({ endedAt }) => endedAt !== null).slice(MAX_ENDED);
    this.#jobs = [added, ...this.#jobs.filter((known) => !ended.includes(known))];
    for (const { id } of ended) this.#forget(id);
    this.#tell();
    this.#startNext();
    return this.get(added.id);
  }

  get(id: JobId): Job {
    const job = this.#jobs.find((candidate) => candidate.id === id);
    if (job) return job;
    throw new ShardloomError({ tag: 'usage', what: 'There is no such job any more.' });
  }

  cancel(id: JobId): void {
    const { state } = this.get(id);
    if (state === 'queued') this.#change(id, { state: 'cancelled', endedAt: Date.now() });
    else if (state === 'running') this.#cancelRunning?.();
  }

  dismiss(id: JobId): void {
    if (this.get(id).endedAt === null) return;
    this.#jobs = this.#jobs.filter((job) => job.id !== id);
    this.#forget(id);
    this.#tell();
  }

  retry(id: JobId): Job {
    const { name, folder, work, command, state } = this.get(id);
    if (state !== 'failed' && state !== 'cancelled') {
      throw new ShardloomError({ tag: 'usage', what: 'Only a job that failed or was cancelled can be tried again.' });
    }
    this.dismiss(id);
    return this.add({ name, folder, work, command });
  }

  /** What a finished job wrote: its one file, or the folder. */
  outputOf(id: JobId): string {
    const { work, result } = this.get(id);
    if (!('out' in work)) throw new ShardloomError({ tag: 'usage', what: 'This job wrote no files.' });
    const [file, ...others] = result?.kind === 'consolidate' ? result.files : [];
    return file && others.length === 0 ? path.join(work.out, file.path) : work.out;
  }

  digests(id: JobId, offset: number, limit: number): DigestPage {
    const rows = this.#digests.get(this.get(id).id) ?? [];
    return { rows: rows.slice(offset, offset + limit), total: rows.length };
  }

  /** What a comparison found, whole. */
  diff(id: JobId): DiffResult {
    const found = this.#diffs.get(this.get(id).id);
    if (found) return found;
    throw new ShardloomError({ tag: 'usage', what: 'This job has compared nothing.' });
  }

  #forget(id: JobId): void {
    this.#digests.delete(id);
    this.#diffs.delete(id);
  }

  /** Cancels everything and waits until nothing half-written is left. */
  async close(): Promise<void> {
    for (const { id, state } of this.#jobs) if (state === 'queued') this.cancel(id);
    this.#cancelRunning?.();
    await this.#running;
    await this.#pool.destroy();
  }

  #startNext(): void {
    if (this.#jobs.some(({ state }) => state === 'running')) return;
    const next = this.#jobs.findLast(({ state }) => state === 'queued');
    if (next) this.#running = this.#run(next);
  }

  async #run({ id, folder, work }: Job): Promise<void> {
    const { port1, port2 } = new MessageChannel();
    port1.on('message', (progress: Progress) => {
      this.#change(id, { progress });
    });
    this.#cancelRunning = () => {
      port1.postMessage('cancel');
    };
    this.#change(id, { state: 'running', startedAt: Date.now() });
    try {
      const task: JobTask = { folder, work, version: this.#version, port: port2 };
      const answer = await this.#pool.run(task, { transferList: [port2] });
      if ('problem' in answer) throw new ShardloomError(answer.problem);
      if (answer.finished.kind === 'consolidate') this.#digests.set(id, answer.finished.digests);
      if (answer.finished.kind === 'diff') this.#diffs.set(id, answer.finished.found);
      this.#listener.finished(answer.finished);
      this.#change(id, { state: 'done', endedAt: Date.now(), result: answer.finished.result });
    } catch (error) {
      const problem = problemOf(error);
      const state = problem.tag === 'cancelled' ? 'cancelled' : 'failed';
      this.#change(id, { state, endedAt: Date.now(), problem });
    } finally {
      port1.close();
      this.#cancelRunning = null;
    }
    this.#startNext();
  }

  #change(id: JobId, changes: Partial<Job>): void {
    this.#jobs = this.#jobs.map((job) => (job.id === id ? { ...job, ...changes } : job));
    this.#tell(changes.state !== undefined);
  }

  /** Progress may wait for the next turn; a change of state is told at once. */
  #tell(now = true): void {
    if (!now) {
      this.#telling ??= setTimeout(() => {
        this.#tell();
      }, TELL_MS);
      return;
    }
    if (this.#telling) clearTimeout(this.#telling);
    this.#telling = null;
    this.#listener.changed(this.#jobs);
  }
}
