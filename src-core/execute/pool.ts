import { availableParallelism } from 'node:os';
import { setImmediate as elsewhere } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import { ShardloomError } from '../errors.ts';
import { MAX_WORKERS } from '../limits.ts';
import { RunControl } from './control.ts';
import { TensorCopier, type CopiedTensor, type CopyTask } from './copy-tensors.ts';
import type { WorkerAnswer, WorkerTask } from './copy-worker.ts';
import { TensorDiffer, type DiffTask, type ValueDifference } from './diff-tensors.ts';
import { loadDigests } from './digest.ts';

/** Runs tasks of copying and of comparing, in worker threads or in this one. */
export interface CopyPool {
  /** How many tasks run at the same time; 0 where they run in the calling thread. */
  readonly workers: number;
  /** @internal */
  readonly run: (task: CopyTask) => Promise<CopiedTensor[]>;
  /** @internal */
  readonly diff: (task: DiffTask) => Promise<ValueDifference[]>;
  readonly close: () => Promise<void>;
}

/** Below this the threads would take longer to start than the copying takes. */
const WORTH_THREADS_BYTES = 64 * 1024 * 1024;

/** More threads than this seldom make one disk faster; users with fast storage ask for more. */
const USUAL_WORKERS = 8;

/** How many threads a run uses where the user does not say. */
export function usualWorkers(): number {
  return Math.max(1, Math.min(USUAL_WORKERS, availableParallelism()));
}

/** The same, knowing how much there is to do: none (the calling thread) for little data. */
export function defaultWorkers(bytes: number): number {
  return bytes < WORTH_THREADS_BYTES ? 0 : usualWorkers();
}

/**
 * `workers` threads, starting at once; 0 copies in this thread, which then is busy for the length of a task. A pool serves
 * one run, because its threads keep their buffers and open files.
 */
export function createPool(workers: number): CopyPool {
  if (workers === 0) return poolInThisThread();
  const threads = Math.min(workers, MAX_WORKERS);
  const pool = new Piscina<WorkerTask, WorkerAnswer>({
    filename: workerFile(),
    minThreads: threads,
    maxThreads: threads,
  });
  // Ending a thread while it still loads its code can take the process down with it: closing waits for these.
  const started = Array.from({ length: threads }, () => pool.run({ kind: 'start' }).catch(() => null));
  const ask = async (task: CopyTask | DiffTask): Promise<CopiedTensor[] | ValueDifference[]> => {
    const answer = await pool.run(task);
    if ('problem' in answer) throw new ShardloomError(answer.problem);
    return answer.done;
  };
  return {
    workers: threads,
    run: async (task) => (await ask(task)) as CopiedTensor[],
    diff: async (task) => (await ask(task)) as ValueDifference[],
    close: async () => {
      await Promise.all(started);
      await pool.destroy();
    },
  };
}

/** Between two tasks it lets the thread's timers and signals have their turn: heartbeats, progress, an interruption. */
function poolInThisThread(): CopyPool {
  let copier: TensorCopier | undefined;
  let differ: TensorDiffer | undefined;
  return {
    workers: 0,
    run: async (task) => {
      await elsewhere();
      copier ??= new TensorCopier(task.settings.bandBytes, await loadDigests());
      return copier.run(task);
    },
    diff: async (task) => {
      await elsewhere();
      differ ??= new TensorDiffer(task.settings.bandBytes);
      return differ.run(task);
    },
    close: () => {
      copier?.close();
      differ?.close();
      return Promise.resolve();
    },
  };
}

/** Runs all tasks, each free thread taking the next; after a failure the others stop at their next band. */
export async function runTasks<Task, Result>(
  workers: number,
  run: (task: Task) => Promise<Result>,
  tasks: readonly Task[],
  control: SharedArrayBuffer,
  onDone?: (task: Task, result: Result) => void,
): Promise<Result[]> {
  const results = new Array<Result>(tasks.length);
  let next = 0;
  let failure: { readonly error: unknown } | undefined;
  const lane = async (): Promise<void> => {
    while (next < tasks.length && !failure) {
      const index = next++;
      try {
        results[index] = await run(tasks[index]!);
        onDone?.(tasks[index]!, results[index]);
      } catch (error) {
        failure ??= { error };
        new RunControl(control).cancel();
      }
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, workers) }, lane));
  if (failure) throw failure.error;
  return results;
}

/** The bundled worker beside this bundle; tests, which run from the sources, say where theirs is. */
function workerFile(): string {
  const folder = process.env.SHARDLOOM_WORKER_DIR;
  if (folder !== undefined) return `${folder}/copy-worker.js`;
  return fileURLToPath(new URL('./copy-worker.js', import.meta.url));
}
