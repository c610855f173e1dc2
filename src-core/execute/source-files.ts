import { FileSource } from '../bytes/file.ts';
import { ShardloomError } from '../errors.ts';
import { MAX_OPEN_FILES_PER_WORKER } from '../limits.ts';
import type { PlanSourceFile } from '../plan/plan.ts';
import { formatPlural } from '../units.ts';

/** Source files, opened when first read and kept open from task to task. At most a fixed number stay open; the one unused longest is closed. */
export class SourceFiles {
  readonly #open = new Map<string, FileSource>();

  /** The file that was planned with, open. Throws `source-changed` if it is no longer the file that was planned with. */
  get(planned: PlanSourceFile): FileSource {
    const open = this.#open.get(planned.path);
    if (open && !isChanged(planned, open)) {
      // A Map keeps the order of insertion: putting it back makes it the youngest.
      this.#open.delete(planned.path);
      this.#open.set(planned.path, open);
      return open;
    }
    const source = FileSource.open(planned.path);
    if (isChanged(planned, source)) {
      source.close();
      throw sourceChanged(planned, source);
    }
    this.#open.set(planned.path, source);
    if (this.#open.size > MAX_OPEN_FILES_PER_WORKER) {
      const [oldest, file] = this.#open.entries().next().value!;
      file.close();
      this.#open.delete(oldest);
    }
    return source;
  }

  close(): void {
    for (const source of this.#open.values()) source.close();
    this.#open.clear();
  }
}

/** True if a file has another size or time of change than when the plan was made. */
export function isChanged(planned: PlanSourceFile, now: { readonly size: number; readonly mtimeMs: number }): boolean {
  return planned.size !== now.size || planned.mtimeMs !== now.mtimeMs;
}

export function sourceChanged(planned: PlanSourceFile, now: { readonly size: number }): ShardloomError {
  return new ShardloomError({
    tag: 'source-changed',
    what: 'A file of the checkpoint changed while it was being read.',
    file: planned.path,
    found: `${formatPlural(now.size, 'byte')}, changed since it was opened`,
    expected: `${formatPlural(planned.size, 'byte')}, unchanged`,
    advice: 'Wait until the training run has finished saving, then start again.',
  });
}
