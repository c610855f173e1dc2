import { ShardloomError } from '../errors.ts';
import { isInside } from './range.ts';
import { formatCount, formatPlural } from '../units.ts';

/**
 * Bytes that can be read at any offset: a file, or memory in tests. Reading is synchronous: the engine runs in worker
 * threads and in the command line, where waiting for one small read costs less than a promise for it.
 */
export interface ByteSource {
  /** What to call it in an error: for files the path. */
  readonly name: string;
  /** Length in bytes at the time it was opened. */
  readonly size: number;
  /** Fills `target` from offset `at`. Throws `cut-file` when the source ends before. */
  read(target: Uint8Array, at: number): void;
  close(): void;
}

/** Reads `[at, at + length)` into new memory, after checking it against the source's real length. */
export function readRange(source: ByteSource, at: number, length: number, what: string): Uint8Array {
  if (!isInside(at, length, source.size)) {
    throw new ShardloomError({
      tag: 'cut-file',
      what: `${what} lies outside the file.`,
      file: source.name,
      found: `a file of ${formatPlural(source.size, 'byte')}`,
      expected: `${formatPlural(length, 'byte')} from offset ${formatCount(at)}`,
      advice: 'The file was cut or damaged: copy it again from where it was written.',
    });
  }
  const bytes = new Uint8Array(length);
  source.read(bytes, at);
  return bytes;
}

/** A source over memory. `bytes` is not copied. */
export class MemorySource implements ByteSource {
  readonly name: string;
  readonly size: number;
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array, name = 'memory') {
    this.#bytes = bytes;
    this.name = name;
    this.size = bytes.byteLength;
  }

  read(target: Uint8Array, at: number): void {
    if (!isInside(at, target.byteLength, this.size)) throw endedEarly(this.name, at, target.byteLength, this.size);
    target.set(this.#bytes.subarray(at, at + target.byteLength));
  }

  close(): void {
    // Nothing is held open.
  }
}

/** The error for a read that ran past the end. */
export function endedEarly(name: string, at: number, length: number, size: number): ShardloomError {
  return new ShardloomError({
    tag: 'cut-file',
    what: 'The file ended before what was to be read from it.',
    file: name,
    found: formatPlural(size, 'byte'),
    expected: `at least ${formatPlural(at + length, 'byte')}`,
    advice: 'The file was cut or changed: copy it again from where it was written.',
  });
}
