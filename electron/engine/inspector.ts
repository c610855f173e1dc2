import { setImmediate } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import { ShardloomError } from '../../src-core/app-door.ts';
import type { CheckpointId } from '../channels.ts';
import { log } from '../log.ts';
import { problemOfThread } from '../problems.ts';
import type { Inspection, InspectionAnswer, Question } from './inspect-worker.ts';
import type { Inspections } from './opened.ts';
import { runInThread } from './run-in-thread.ts';

type Opening = Parameters<Inspections['open']>[0];

/**
 * The thread that opens and inspects checkpoints, as the main process sees it. Where the thread has ended, another takes its
 * place and opens again what was open: only the question that was being answered is lost.
 */
export class Inspector {
  // One thread that never ends: it keeps what was opened.
  readonly #pool = new Piscina<Question, InspectionAnswer>({
    filename: fileURLToPath(new URL('./inspect-worker.js', import.meta.url)),
    minThreads: 1,
    maxThreads: 1,
    // Questions are short; several may wait in the thread while one reads.
    concurrentTasksPerWorker: 8,
  });
  readonly #open = new Map<CheckpointId, string>();
  #restoring: Promise<void> = Promise.resolve();

  constructor() {
    this.#pool.on('workerDestroy', () => {
      // Not at once: the pool still has the thread that ends.
      this.#restoring = setImmediate().then(() => this.#restore());
    });
    // It may end while it has nothing to do; nobody waits for its answer then.
    this.#pool.on('error', (error: unknown) => {
      log.error('idle thread', error, { thread: 'inspecting' });
    });
  }

  /** Asks the thread; throws what went wrong there, with all its fields. */
  async ask<Name extends Inspection>(
    name: Name,
    argument: Parameters<Inspections[Name]>[0],
  ): Promise<Awaited<ReturnType<Inspections[Name]>>> {
    await this.#restoring;
    const value = await this.#run(name, argument);
    if (name === 'open') this.#open.set((argument as Opening).id, (argument as Opening).folder);
    if (name === 'close') this.#open.delete(argument as CheckpointId);
    return value;
  }

  async close(): Promise<void> {
    this.#open.clear();
    await this.#pool.destroy();
  }

  async #run<Name extends Inspection>(
    name: Name,
    argument: Parameters<Inspections[Name]>[0],
  ): Promise<Awaited<ReturnType<Inspections[Name]>>> {
    let answer: InspectionAnswer;
    try {
      answer = await runInThread(this.#pool, { name, argument });
    } catch (error) {
      const problem = problemOfThread(error, 'inspecting');
      throw problem ? new ShardloomError(problem) : error;
    }
    if ('problem' in answer) throw new ShardloomError(answer.problem);
    return answer.value as Awaited<ReturnType<Inspections[Name]>>;
  }

  /** Opens in a new thread what the last one had open. What cannot be opened any more is asked for in vain, and that is said. */
  async #restore(): Promise<void> {
    const lost = [...this.#open];
    this.#open.clear();
    for (const [id, folder] of lost) {
      try {
        await this.#run('open', { id, folder });
        this.#open.set(id, folder);
        log.info('opened again', { folder });
      } catch (error) {
        log.error('not opened again', error, { folder });
      }
    }
  }
}
