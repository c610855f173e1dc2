import { fileURLToPath } from 'node:url';
import { Piscina } from 'piscina';
import { ShardloomError } from '../../src-core/index.ts';
import type { Inspection, InspectionAnswer, Question } from './inspect-worker.ts';
import type { Inspections } from './opened.ts';

/** The thread that opens and inspects checkpoints, as the main process sees it. */
export class Inspector {
  // One thread that never ends: it keeps what was opened.
  readonly #pool = new Piscina<Question, InspectionAnswer>({
    filename: fileURLToPath(new URL('./inspect-worker.js', import.meta.url)),
    minThreads: 1,
    maxThreads: 1,
    // Questions are short; several may wait in the thread while one reads.
    concurrentTasksPerWorker: 8,
  });

  /** Asks the thread; throws what went wrong there, with all its fields. */
  async ask<Name extends Inspection>(
    name: Name,
    argument: Parameters<Inspections[Name]>[0],
  ): Promise<Awaited<ReturnType<Inspections[Name]>>> {
    const answer = await this.#pool.run({ name, argument });
    if ('problem' in answer) throw new ShardloomError(answer.problem);
    return answer.value as Awaited<ReturnType<Inspections[Name]>>;
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }
}
