import fs from 'node:fs';
import path from 'node:path';
import type { PartOf, Plan } from '../plan/plan.ts';
import { FolderOwner } from './folder-owner.ts';
import { publishedIn } from './journal.ts';
import { below, namesIn, stagingFolder, takeBack } from './staging.ts';

/** Bytes on the disk that a run which was cut off has written into an output folder, and that the next one may keep. */
export function bytesLeftIn(out: string, plan: Plan, part?: PartOf): number {
  const folder = stagingFolder(path.resolve(out), part);
  return plan.outputs.reduce((sum, { path: file }) => {
    const stat = fs.statSync(below(folder, file), { throwIfNoEntry: false });
    // Of 512 bytes each, whatever the file system's own are; Windows counts none.
    return sum + (stat?.blocks ?? 0) * 512;
  }, 0);
}

/** Lets the next run go on at once with what one has left that was in a thread of this process and ended with it. */
export function releaseLeftIn(out: string): void {
  FolderOwner.releaseOfThread(stagingFolder(path.resolve(out), undefined));
}

/**
 * Removes what a run that was cut off has left in an output folder, and gives back what it had begun to replace; does nothing where
 * there is none. Throws `output-busy` while a run is writing there.
 */
export function removeLeftIn(out: string): void {
  const target = path.resolve(out);
  const folder = stagingFolder(target, undefined);
  if (!fs.existsSync(folder)) return;
  const owner = FolderOwner.claim(folder);
  takeBack(target, folder, publishedIn(folder));
  owner.remove();
  if (namesIn(target).length === 0) fs.rmdirSync(target);
}
