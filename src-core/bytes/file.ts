import fs from 'node:fs';
import path from 'node:path';
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

  static open(file: string): FileSource {
    let fd: number | null = null;
    try {
      fd = fs.openSync(file, fs.constants.O_RDONLY | NONBLOCK);
      const stat = fs.fstatSync(fd);
      if (!stat.isFile()) {
        throw new ShardloomError({
          tag: 'read-failed',
          what: 'This is not a regular file.',
          file,
          advice: 'Replace it by the file itself.',
        });
      }
      return new FileSource(file, fd, stat.size, stat.mtimeMs);
    } catch (error) {
      if (fd !== null) fs.closeSync(fd);
      throw asReadError(error, file);
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
export function withFile<Result>(file: string, use: (source: FileSource) => Result): Result {
  const source = FileSource.open(file);
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

/** Where a name leads to nothing, in circles, or where this user may not look: links in other people's folders do. */
const LEADS_NOWHERE: readonly unknown[] = ['ENOENT', 'ENOTDIR', 'ELOOP', 'EACCES', 'ENAMETOOLONG'];

/** What a path leads to. */
export interface EntryKind {
  readonly isFile: () => boolean;
  readonly isDirectory: () => boolean;
}

/** What a name leads to, or null where it leads nowhere. A disk that fails is an error. */
export function statOrNull(file: string): EntryKind | null {
  try {
    return fs.statSync(file);
  } catch (error) {
    if (LEADS_NOWHERE.includes((error as NodeJS.ErrnoException).code)) return null;
    throw asReadError(error, file);
  }
}

/** Where a path really leads: links are followed as far as there is something, which the end of an output path need not be. */
export function realPathOf(file: string): string {
  const missing: string[] = [];
  for (let at = path.resolve(file); ; at = path.dirname(at)) {
    try {
      return path.join(fs.realpathSync(at), ...missing);
    } catch {
      if (path.dirname(at) === at) return path.resolve(file);
      missing.unshift(path.basename(at));
    }
  }
}

/** An operating system's error in our terms; errors of ours pass unchanged. */
export function asReadError(error: unknown, file: string): unknown {
  if (error instanceof ShardloomError) return error;
  const code = (error as NodeJS.ErrnoException).code;
  if (code === undefined) return error;
  if (code === 'ENOENT') {
    return new ShardloomError({ tag: 'missing-file', what: 'The file does not exist.', file }, { cause: error });
  }
  return new ShardloomError(
    {
      tag: 'read-failed',
      what: 'The file could not be read.',
      file,
      found: (error as Error).message,
      advice: code === 'EACCES' ? 'Make it readable for this user.' : 'Check the disk, then try again.',
    },
    { cause: error },
  );
}
