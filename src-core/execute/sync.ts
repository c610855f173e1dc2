import fs from 'node:fs';
import path from 'node:path';
import { asWriteError } from './copy-tensors.ts';

/** Waits until a file's bytes are on the disk. */
export function syncFile(file: string): void {
  try {
    // Windows flushes only what is open for writing.
    const fd = fs.openSync(file, 'r+');
    try {
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
  } catch (error) {
    throw asWriteError(error, file);
  }
}

/** Waits until the names of files below a folder are on the disk. Windows keeps names by itself and opens no folders. */
export function syncFolders(folder: string, planned: readonly string[]): void {
  if (process.platform === 'win32') return;
  const folders = new Set(planned.map((file) => path.dirname(path.join(folder, ...file.split('/')))));
  for (const one of [...folders, path.resolve(folder), path.dirname(path.resolve(folder))]) {
    if (!fs.existsSync(one)) continue;
    const fd = fs.openSync(one, 'r');
    try {
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
  }
}
