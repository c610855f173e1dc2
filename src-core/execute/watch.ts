import { CONTROL_FIELDS } from './copy-tensors.ts';
import { runTasks } from './pool.ts';
import { ProgressMeter, type Progress } from './progress.ts';

export interface WatchOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
  /** How often progress is told, in milliseconds. */
  readonly progressInterval?: number;
}

/** Runs tasks to their end while progress is told and a cancellation is passed on. `total` is the bytes they read. */
export async function runWatched<Task, Result>(
  workers: number,
  run: (task: Task) => Promise<Result>,
  tasks: readonly Task[],
  control: SharedArrayBuffer,
  total: number,
  options: WatchOptions,
): Promise<Result[]> {
  const stopWatching = watch(control, total, options);
  try {
    return await runTasks(workers, run, tasks, control);
  } finally {
    stopWatching();
  }
}

/** Follows the shared counter for progress, and passes a cancellation on to the threads. */
function watch(control: SharedArrayBuffer, total: number, options: WatchOptions): () => void {
  const counters = new BigInt64Array(control);
  const cancel = (): void => {
    Atomics.store(counters, CONTROL_FIELDS.cancelled, 1n);
  };
  if (options.signal?.aborted) cancel();
  options.signal?.addEventListener('abort', cancel);
  const meter = new ProgressMeter(total);
  const tell = (): void => {
    const done = Number(Atomics.load(counters, CONTROL_FIELDS.done));
    options.onProgress?.(meter.sample(Math.min(done, total), performance.now() / 1000));
  };
  tell();
  const timer = setInterval(tell, options.progressInterval ?? 100);
  return () => {
    clearInterval(timer);
    options.signal?.removeEventListener('abort', cancel);
    tell();
  };
}
