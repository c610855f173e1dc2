import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import { ShardloomError } from '../errors.ts';
import { MAX_WORKERS } from '../limits.ts';
import { CONTROL_FIELDS, TensorCopier, type CopiedTensor, type CopyContext, type CopyTask } from './copy-tensors.ts';
import type { CopyAnswer } from './copy-worker.ts';
import { loadDigests } from './digest.ts';

/** Runs copy tasks, in worker threads or in this one. */
export interface CopyPool {
  run(task: CopyTask): Promise<CopiedTensor[]>;
  close(): Promise<void>;
}

/** Below this the threads would take longer to start than the copying takes. */
const WORTH_THREADS_BYTES = 64 * 1024 * 1024;

/** More threads than this seldom make one disk faster; users with fast storage ask for more. */
const USUAL_WORKERS = 8;

/** How many threads to use where the user does not say: none (this thread) for little data. */
export function defaultWorkers(bytes: number): number {
  return bytes < WORTH_THREADS_BYTES ? 0 : Math.max(1, Math.min(USUAL_WORKERS, availableParallelism()));
}

/** `workers` threads; 0 copies in this thread, which then is busy for the length of a task. */
export async function createPool(context: CopyContext, workers: number): Promise<CopyPool> {
  if (workers === 0) {
    const copier = new TensorCopier(context, await loadDigests());
    return {
      run: (task) => Promise.resolve(copier.run(task)),
      close: () => Promise.resolve(copier.close()),
    };
  }
  const threads = Math.min(workers, MAX_WORKERS);
  const pool = new Piscina<CopyTask, CopyAnswer>({
    filename: workerFile(),
    minThreads: threads,
    maxThreads: threads,
    workerData: context,
  });
  return {
    run: async (task) => {
      const answer = await pool.run(task);
      if ('problem' in answer) throw new ShardloomError(answer.problem);
      return answer.copied;
    },
    close: () => pool.destroy(),
  };
}

/** Runs all tasks, each free thread taking the next; after a failure the others stop at their next band. */
export async function runTasks(
  pool: CopyPool,
  tasks: readonly CopyTask[],
  workers: number,
  context: CopyContext,
): Promise<CopiedTensor[][]> {
  const results = new Array<CopiedTensor[]>(tasks.length);
  let next = 0;
  let failure: { readonly error: unknown } | undefined;
  const lane = async (): Promise<void> => {
    while (next < tasks.length && !failure) {
      const index = next++;
      try {
        results[index] = await pool.run(tasks[index]!);
      } catch (error) {
        failure ??= { error };
        Atomics.store(new BigInt64Array(context.control), CONTROL_FIELDS.cancelled, 1n);
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
