import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { MessageChannel } from 'node:worker_threads';
import { Piscina } from 'piscina';
import {
  isShardloomError,
  releaseLeftIn,
  ShardloomError,
  type DiffResult,
  type Problem,
  type Progress,
} from '../src-core/app-door.ts';
import type { DigestPage, Job, JobId, JobWork } from './channels.ts';
import type { FinishedJob, JobAnswer, JobTask, StopMessage } from './engine/job-worker.ts';
import { runInThread, ThreadEnded } from './engine/run-in-thread.ts';
import { log } from './log.ts';
import { problemOf, problemOfThread } from './problems.ts';
import type { UnfinishedJobs } from './unfinished-jobs.ts';

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
  readonly #unfinished: UnfinishedJobs;
  readonly #digests = new Map<JobId, DigestPage['rows']>();
  readonly #diffs = new Map<JobId, DiffResult>();
  #jobs: readonly Job[] = [];
  #lastId = 0;
  #stopRunning: ((how: StopMessage) => void) | null = null;
  #isClosing = false;
  #running: Promise<void> = Promise.resolve();
  #telling: NodeJS.Timeout | null = null;

  constructor(version: string, listener: JobsListener, unfinished: UnfinishedJobs) {
    this.#version = version;
    this.#listener = listener;
    this.#unfinished = unfinished;
    this.#jobs = unfinished.load().map((job) => this.#made({ ...job, state: 'interrupted' }));
    // A thread may end while it has nothing to do; nobody waits for its answer then.
    this.#pool.on('error', (error: unknown) => {
      log.error('idle thread', error, { thread: 'job' });
    });
  }

  /** Newest first. */
  get list(): readonly Job[] {
    return this.#jobs;
  }

  get isBusy(): boolean {
    return this.#jobs.some(({ state }) => state === 'running' || state === 'queued');
  }

  add(job: NewJob): Job {
    const added = this.#made({ ...job, state: 'queued', queuedAt: Date.now(), startedAt: null, endedAt: null });
    const ended = this.#jobs.filter(isOver).slice(MAX_ENDED);
    this.#jobs = [added, ...this.#jobs.filter((known) => !ended.includes(known))];
    for (const { id } of ended) this.#forget(id);
    this.#stateChanged();
    this.#startNext();
    return this.get(added.id);
  }

  #made(job: Omit<Job, 'id' | 'progress' | 'result' | 'problem'>): Job {
    return { id: ++this.#lastId, ...job, progress: null, result: null, problem: null };
  }

  get(id: JobId): Job {
    const job = this.#jobs.find((candidate) => candidate.id === id);
    if (job) return job;
    throw new ShardloomError({ tag: 'usage', what: 'There is no such job any more.' });
  }

  cancel(id: JobId): void {
    const { state } = this.get(id);
    if (state === 'queued') this.#change(id, { state: 'cancelled', endedAt: Date.now() });
    else if (state === 'running') this.#stopRunning?.('cancel');
  }

  dismiss(id: JobId): void {
    if (isPending(this.get(id))) return;
    this.#jobs = this.#jobs.filter((job) => job.id !== id);
    this.#forget(id);
    this.#stateChanged();
  }

  retry(id: JobId): Job {
    const { name, folder, work, command, state } = this.get(id);
    if (state !== 'failed' && state !== 'cancelled' && state !== 'interrupted') {
      throw new ShardloomError({ tag: 'usage', what: 'Only a job that stopped before its end can be started again.' });
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

  /** Stops the running job, so that the next start of the app can offer it and those that wait again. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#stopRunning?.('keep');
    await this.#running;
    await this.#pool.destroy();
  }

  #startNext(): void {
    if (this.#isClosing) return;
    if (this.#jobs.some(({ state }) => state === 'running')) return;
    const next = this.#jobs.findLast(({ state }) => state === 'queued');
    if (next) this.#running = this.#run(next);
  }

  async #run({ id, folder, work }: Job): Promise<void> {
    const { port1, port2 } = new MessageChannel();
    port1.on('message', (progress: Progress) => {
      this.#change(id, { progress });
    });
    this.#stopRunning = (how) => {
      port1.postMessage(how);
    };
    this.#change(id, { state: 'running', startedAt: Date.now() });
    try {
      const task: JobTask = { folder, work, version: this.#version, port: port2 };
      const answer = await runInThread(this.#pool, task, [port2]);
      if ('problem' in answer) throw new ShardloomError(answer.problem);
      if (answer.finished.kind === 'consolidate') this.#digests.set(id, answer.finished.digests);
      if (answer.finished.kind === 'diff') this.#diffs.set(id, answer.finished.found);
      this.#listener.finished(answer.finished);
      this.#change(id, { state: 'done', endedAt: Date.now(), result: answer.finished.result });
    } catch (error) {
      // It cannot say itself any more that its output folder is free.
      if (error instanceof ThreadEnded && 'out' in work) releaseLeftIn(work.out);
      this.#change(id, { endedAt: Date.now(), ...this.#failureOf(error) });
    } finally {
      port1.close();
      this.#stopRunning = null;
    }
    this.#startNext();
  }

  #failureOf(error: unknown): { readonly state: Job['state']; readonly problem: Problem | null } {
    const isCancelled = isShardloomError(error, 'cancelled');
    const isStopped = isCancelled || isShardloomError(error, 'stopped');
    if (isStopped && this.#isClosing) return { state: 'interrupted', problem: null };
    const problem = problemOfThread(error, 'job’s') ?? problemOf(error);
    return { state: isCancelled ? 'cancelled' : 'failed', problem };
  }

  #change(id: JobId, changes: Partial<Job>): void {
    this.#jobs = this.#jobs.map((job) => (job.id === id ? { ...job, ...changes } : job));
    if (changes.state === undefined) this.#tell(false);
    else {
      logState(this.get(id));
      this.#stateChanged();
    }
  }

  #stateChanged(): void {
    this.#unfinished.save(this.#jobs.filter((job) => isPending(job) || job.state === 'interrupted'));
    this.#tell();
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

function isPending({ state }: Job): boolean {
  return state === 'queued' || state === 'running';
}

function isOver(job: Job): boolean {
  return !isPending(job) && job.state !== 'interrupted';
}

function logState({ id, state, work, folder, startedAt, endedAt, problem }: Job): void {
  const seconds = startedAt !== null && endedAt !== null ? (endedAt - startedAt) / 1000 : undefined;
  log.info(`job ${state}`, { id, seconds, problem: problem?.tag, folder, work });
}
