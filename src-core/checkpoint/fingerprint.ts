import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { discover, type ShardFolder } from './discover.ts';

/**
 * A name for the state that a checkpoint is in on disk: SHA-256 over path, size and time of change of every shard and metadata
 * file. The same as long as no file was written; reads no contents. A file that is gone counts as such.
 */
export function checkpointFingerprint(folder: string): string {
  const found = discover(folder);
  const folders = [...(found.model ? [found.model] : []), ...found.adapters.map(({ shards }) => shards)];
  const hash = createHash('sha256');
  for (const file of folders.flatMap(filesOf).sort()) {
    const stat = fs.statSync(file, { throwIfNoEntry: false });
    hash.update(JSON.stringify([path.resolve(file), stat?.size ?? null, stat?.mtimeMs ?? null]));
  }
  return hash.digest('hex');
}

function filesOf({ rankFiles, metadataFiles }: ShardFolder): string[] {
  return [
    ...[...metadataFiles.values()].map(({ path: file }) => file),
    ...rankFiles.flatMap(({ path: file, infoFile, tensors }) => [
      file,
      ...(infoFile === undefined ? [] : [infoFile]),
      ...[...(tensors?.names ?? [])].map((name) => path.join(tensors!.folder, name)),
    ]),
  ];
}
