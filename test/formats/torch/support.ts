/** Tools of the torch tests: what reads the archives and pickles of builders.ts. */
import fs from 'node:fs';
import path from 'node:path';
import { expect } from 'vitest';
import { MemorySource, type ByteSource } from '../../../src-core/bytes/source.ts';
import { ShardloomError, type ErrorTag } from '../../../src-core/errors.ts';
import { readTorchFile } from '../../../src-core/formats/torch/index.ts';
import type { PickleValue } from '../../../src-core/formats/torch/index.ts';
import { archive, pickle, type Part } from './builders.ts';

export * from './builders.ts';

export const GOLDEN = path.resolve('test/formats/torch/golden');

export function golden(name: string): Buffer {
  return fs.readFileSync(path.join(GOLDEN, name));
}

export function read(bytes: Uint8Array, name = 'file.pt'): PickleValue {
  return readTorchFile(new MemorySource(bytes, name));
}

/** Reads the value of a pickle inside an archive. */
export function readPickle(...parts: readonly Part[]): PickleValue {
  return read(archive(pickle(...parts)));
}

/** Runs `action`, which must throw an error of ours with this tag about this file, and returns it. */
export function refusal(tag: ErrorTag | readonly ErrorTag[], action: () => unknown, file = 'file.pt'): ShardloomError {
  let thrown: unknown;
  try {
    action();
  } catch (error) {
    thrown = error;
  }
  if (!(thrown instanceof ShardloomError)) throw new Error('no error of ours was thrown', { cause: thrown });
  expect([tag].flat()).toContain(thrown.tag);
  expect(thrown.file).toBe(file);
  expect(thrown.advice).toBeTruthy();
  return thrown;
}

/** A file of any size that holds zeros except for some fragments: archives above 4 GB without the bytes. */
export class SparseSource implements ByteSource {
  readonly name = 'file.pt';
  readonly size: number;
  /** How many bytes were read of it. */
  bytesRead = 0;
  readonly #fragments: readonly { readonly at: number; readonly bytes: Uint8Array }[];

  constructor(size: number, fragments: readonly { readonly at: number; readonly bytes: Uint8Array }[]) {
    this.size = size;
    this.#fragments = fragments;
  }

  read(target: Uint8Array, at: number): void {
    this.bytesRead += target.byteLength;
    target.fill(0);
    for (const { at: begin, bytes } of this.#fragments) {
      const from = Math.max(at, begin);
      const to = Math.min(at + target.byteLength, begin + bytes.byteLength);
      if (from < to) target.set(bytes.subarray(from - begin, to - begin), from - at);
    }
  }

  close(): void {
    // Nothing is held open.
  }
}
