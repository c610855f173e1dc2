import { withFile } from '../bytes/file.ts';
import { readRange } from '../bytes/source.ts';
import { byteRuns } from '../tensor/byte-runs.ts';
import type { Region } from '../tensor/view.ts';

/**
 * The first elements of the box of a stored tensor that a region is, in C order, at most `maxBytes`: for a look at weights before any
 * plan is made. Throws `cut-file` where the file ends before.
 */
export function readBeginning({ source, from, size }: Omit<Region, 'at'>, maxBytes: number): Uint8Array {
  return withFile(source.file, (file) => {
    const parts: Uint8Array[] = [];
    let left = maxBytes;
    for (const { offset, length } of byteRuns(source, from, size).runs) {
      if (left <= 0) break;
      const part = readRange(file, offset, Math.min(length, left), source.name);
      parts.push(part);
      left -= part.byteLength;
    }
    return Buffer.concat(parts);
  });
}
