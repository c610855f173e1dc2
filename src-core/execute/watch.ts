import { RunControl } from './control.ts';
import { runTasks } from './pool.ts';
import { ProgressMeter, type Progress } from './progress.ts';

/** The reason of a signal that stops a run and keeps what it has written, so that it can go on later. */
export const KEEP = 'keep';

declare global {
  /** Whatever declares it, Node's types or the DOM's: so that the package's types ask for neither. */
  interface AbortSignal {
    readonly aborted: boolean;
  }
}

export interface WatchOptions {
  /** Stops the run. What it has written is removed, unless the signal's reason is {@link KEEP}. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
  /** How often progress is told, in milliseconds. */
  readonly progressInterval?: number;
}

/**
 * Runs tasks to their end while progress is told and a cancellation is passed on. `total` is the bytes they read; `onDone` hears of each
 * task as it ends.
 */
export async function runWatched<Task, Result>(
  workers: number,
  run: (task: Task) => Promise<Result>,
  tasks: readonly Task[],
  control: SharedArrayBuffer,
  total: number,
  options: WatchOptions,
  onDone?: (task: Task, result: Result) => void,
): Promise<Result[]> {
  const stopWatching = watch(control, total, options);
  try {
    return await runTasks(workers, run, tasks, control, onDone);
  } finally {
    stopWatching();
  }
}

/** Follows the shared counter for progress, and passes a cancellation on to the threads. */
function watch(control: SharedArrayBuffer, total: number, options: WatchOptions): () => void {
  const shared = new RunControl(control);
  const cancel = (): void => {
    shared.cancel();
  };
  if (options.signal?.aborted) cancel();
  options.signal?.addEventListener('abort', cancel);
  const meter = new ProgressMeter(total);
  const tell = (): void => {
    options.onProgress?.(meter.sample(Math.min(shared.bytesDone, total), performance.now() / 1000));
  };
  tell();
  const timer = setInterval(tell, options.progressInterval ?? 100);
  return () => {
    clearInterval(timer);
    options.signal?.removeEventListener('abort', cancel);
    tell();
  };
}
