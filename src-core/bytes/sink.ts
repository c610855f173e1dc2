import fs from 'node:fs';
import path from 'node:path';

/** Writes all the bytes: the operating system may take only some of them at a time. */
export function writeAt(fd: number, bytes: Uint8Array, at: number): void {
  let done = 0;
  while (done < bytes.byteLength) done += fs.writeSync(fd, bytes, done, bytes.byteLength - done, at + done);
}

/** A new file that is written at offsets. */
export class FileSink {
  readonly #fd: number;

  /** Creates the file, and the folders above it, at its full length. Fails where it exists. */
  constructor(file: string, size: number) {
    fs.mkdirSync(path.dirname(file), { recursive: true });
    this.#fd = fs.openSync(file, 'wx');
    fs.ftruncateSync(this.#fd, size);
  }

  write(bytes: Uint8Array, at: number): void {
    writeAt(this.#fd, bytes, at);
  }

  close(): void {
    fs.closeSync(this.#fd);
  }
}

/** Writes a new file whole. Fails where it exists. */
export function writeNewFile(file: string, bytes: Uint8Array): void {
  const sink = new FileSink(file, bytes.byteLength);
  try {
    sink.write(bytes, 0);
  } finally {
    sink.close();
  }
}
