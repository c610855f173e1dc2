import type { Transferable } from 'node:worker_threads';
import type { Piscina } from 'piscina';

/** Thrown where a thread ended without an answer, with what it said last. */
export class ThreadEnded extends Error {
  readonly isOutOfMemory: boolean;

  constructor(cause: unknown) {
    // The pool's word for what was taken out of its queue says nothing to anybody.
    const isTakenOut = cause instanceof Error && cause.name === 'AbortError';
    super(isTakenOut ? 'it ended before it took up the task' : messageOf(cause), { cause });
    this.name = 'ThreadEnded';
    this.isOutOfMemory = (cause as NodeJS.ErrnoException | null)?.code === 'ERR_WORKER_OUT_OF_MEMORY';
  }
}

/**
 * Runs a task in a pool of one thread. Rejects with {@link ThreadEnded} when the thread ends before it has answered: the pool by
 * itself says so only of tasks that have begun, and would let one wait for ever whose thread ended while it started.
 */
export async function runInThread<Task, Answer>(
  pool: Piscina<Task, Answer>,
  task: Task,
  transferList: Transferable[] = [],
): Promise<Answer> {
  const ended = new AbortController();
  const thread = { hasEnded: false };
  const onEnd = (): void => {
    thread.hasEnded = true;
    // After the pool has told those tasks that it tells: what waits still is taken out of its queue.
    setImmediate(() => {
      ended.abort();
    });
  };
  pool.once('workerDestroy', onEnd);
  try {
    return await pool.run(task, { transferList, signal: ended.signal });
  } catch (error) {
    throw thread.hasEnded ? new ThreadEnded(error) : error;
  } finally {
    pool.off('workerDestroy', onEnd);
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
