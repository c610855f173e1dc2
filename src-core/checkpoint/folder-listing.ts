import fs from 'node:fs';
import path from 'node:path';
import { MAX_LISTED_FILES } from '../limits.ts';

export interface ListedFile {
  /** Below the folder, with slashes. */
  readonly path: string;
  readonly bytes: number;
}

export interface FolderListing {
  readonly files: readonly ListedFile[];
  /** There are more files than are listed. */
  readonly isCut: boolean;
}

/** Names and sizes of the files below a folder, in the order of their names; links are not followed. Opens no file. */
export function listFolder(folder: string): FolderListing {
  const files: ListedFile[] = [];
  const waiting = [''];
  while (waiting.length > 0) {
    const below = waiting.pop()!;
    for (const entry of entriesOf(path.join(folder, below))) {
      const name = below === '' ? entry.name : `${below}/${entry.name}`;
      if (entry.isDirectory()) waiting.push(name);
      else if (files.length === MAX_LISTED_FILES) return { files: sorted(files), isCut: true };
      else files.push({ path: name, bytes: sizeOf(path.join(folder, name)) });
    }
  }
  return { files: sorted(files), isCut: false };
}

function sorted(files: ListedFile[]): ListedFile[] {
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** Of a folder that cannot be read: none. Whoever opens the checkpoint says why. */
function entriesOf(folder: string): fs.Dirent[] {
  try {
    return fs.readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}

function sizeOf(file: string): number {
  return fs.lstatSync(file, { throwIfNoEntry: false })?.size ?? 0;
}
