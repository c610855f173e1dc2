import fs from 'node:fs';
import { ShardloomError } from '../errors.ts';
import { endedEarly, type ByteSource } from './source.ts';

/** Opening a FIFO must not wait for somebody to write to it. Windows has no such flag and no FIFOs. */
const NONBLOCK = process.platform === 'win32' ? 0 : fs.constants.O_NONBLOCK;

/** A file, read at offsets. Opened read-only; what is not a regular file (a FIFO, a device, a folder) is refused. */
export class FileSource implements ByteSource {
  readonly name: string;
  readonly size: number;
  /** Last modification in milliseconds, to notice a file that changes while it is being read. */
  readonly mtimeMs: number;
  #fd: number | null;

  private constructor(name: string, fd: number, size: number, mtimeMs: number) {
    this.name = name;
    this.#fd = fd;
    this.size = size;
    this.mtimeMs = mtimeMs;
  }

  static open(path: string): FileSource {
    let fd: number | null = null;
    try {
      fd = fs.openSync(path, fs.constants.O_RDONLY | NONBLOCK);
      const stat = fs.fstatSync(fd);
      if (!stat.isFile()) {
        throw new ShardloomError({
          tag: 'read-failed',
          what: 'This is not a regular file.',
          file: path,
          advice: 'Replace it by the file itself.',
        });
      }
      return new FileSource(path, fd, stat.size, stat.mtimeMs);
    } catch (error) {
      if (fd !== null) fs.closeSync(fd);
      throw asReadError(error, path);
    }
  }

  read(target: Uint8Array, at: number): void {
    if (this.#fd === null) throw new Error(`${this.name} was read after it was closed`);
    let done = 0;
    while (done < target.byteLength) {
      let count: number;
      try {
        count = fs.readSync(this.#fd, target, done, target.byteLength - done, at + done);
      } catch (error) {
        throw asReadError(error, this.name);
      }
      if (count === 0) throw endedEarly(this.name, at, target.byteLength, at + done);
      done += count;
    }
  }

  close(): void {
    if (this.#fd === null) return;
    fs.closeSync(this.#fd);
    this.#fd = null;
  }
}

/** Opens a file, hands it to `use`, and closes it whatever happens. */
export function withFile<Result>(path: string, use: (source: FileSource) => Result): Result {
  const source = FileSource.open(path);
  try {
    return use(source);
  } finally {
    source.close();
  }
}

/** Does what reads `path`, with an operating system's error in our terms. */
export function reading<Result>(path: string, read: () => Result): Result {
  try {
    return read();
  } catch (error) {
    throw asReadError(error, path);
  }
}

/** An operating system's error in our terms; errors of ours pass unchanged. */
export function asReadError(error: unknown, path: string): unknown {
  if (error instanceof ShardloomError) return error;
  const code = (error as NodeJS.ErrnoException).code;
  if (code === undefined) return error;
  if (code === 'ENOENT') {
    return new ShardloomError({ tag: 'missing-file', what: 'The file does not exist.', file: path }, { cause: error });
  }
  return new ShardloomError(
    {
      tag: 'read-failed',
      what: 'The file could not be read.',
      file: path,
      found: (error as Error).message,
      advice: code === 'EACCES' ? 'Make it readable for this user.' : 'Check the disk, then try again.',
    },
    { cause: error },
  );
}
