import { createHash } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { asReadError, reading } from '../bytes/file.ts';
import { ShardloomError } from '../errors.ts';
import { compareNames } from '../plan/split.ts';
import type { PartOf, Plan, PlanOutput } from '../plan/plan.ts';
import { planDocument } from '../plan/print.ts';
import { asWriteError } from './copy-tensors.ts';
import { removeFolder } from './folder-owner.ts';

/** In the output folder, until all parts are there: a folder for each. */
export const PARTS_FOLDER = '.shardloom-parts';

/** In a part's folder: what it did, for whoever joins the parts. */
export const PART_FILE = 'part.json';

/** Names of finished parts' folders. */
const FINISHED = /^(\d+)-of-(\d+)$/;

/** Where a part's files stand when all of them are whole. */
export function finishedPartFolder(out: string, { index, count }: PartOf): string {
  return path.join(out, PARTS_FOLDER, `${index}-of-${count}`);
}

/**
 * The output files that a part writes: dealt out by size, largest first, to whoever has least, so that the same plan always gives the
 * same division.
 */
export function outputsOfPart({ outputs }: Plan, { index, count }: PartOf): PlanOutput[] {
  const loads = new Array<number>(count).fill(0);
  const bySize = [...outputs].sort((a, b) => b.size - a.size || compareNames(a.path, b.path));
  const mine = new Set<PlanOutput>();
  for (const output of bySize) {
    const least = loads.indexOf(Math.min(...loads));
    loads[least]! += output.size;
    if (least === index - 1) mine.add(output);
  }
  return outputs.filter((output) => mine.has(output));
}

/** A digest of all that a plan will write and of what it is made from, so that parts of different plans are never joined. */
export function planFingerprint(plan: Plan): string {
  const hash = createHash('sha256');
  // Shared storage may be mounted elsewhere on another machine: a file is known by its name, size and time of change.
  const files = plan.files.map(({ path: file, size, mtimeMs }) => [path.basename(file), size, mtimeMs]);
  const { outputs, sources, texts } = planDocument(plan) as Plan;
  for (const entry of [...files, ...sources, ...outputs, ...texts]) hash.update(JSON.stringify(entry));
  return hash.digest('hex');
}

const partRecord = z.object({
  format: z.literal(1),
  fingerprint: z.string(),
  /** All files of the run in the order in which they get their final names. */
  publish: z.array(z.string()),
  /** What the manifest says of the run as a whole; null where the run has no manifest. */
  head: z.record(z.string(), z.unknown()).nullable(),
  /** What the part wrote, as the manifest says it, and what was noticed on it. */
  files: z.array(
    z.object({
      entry: z.looseObject({ path: z.string(), bytes: z.number() }),
      findings: z.array(z.record(z.string(), z.unknown())),
    }),
  ),
  replicas: z.object({ compared: z.number(), different: z.number() }),
});

/** What a part leaves for whoever joins the parts. */
export type PartRecord = z.infer<typeof partRecord>;

/** The record of a part that is finished, or null. Throws `bad-metadata` for one that cannot be read. */
export function readPart(out: string, part: PartOf): PartRecord | null {
  const file = path.join(finishedPartFolder(path.resolve(out), part), PART_FILE);
  if (!fs.existsSync(file)) return null;
  try {
    return partRecord.parse(JSON.parse(fs.readFileSync(file, 'utf8')));
  } catch (error) {
    if (error instanceof Error && 'code' in error) throw asReadError(error, file);
    throw new ShardloomError(
      {
        tag: 'bad-metadata',
        what: 'The record of a finished part cannot be read.',
        file,
        advice: 'Delete the folder of this part and run it again, with the same version of Shardloom.',
      },
      { cause: error },
    );
  }
}

/** All parts of a divided run. Throws `missing-file` naming those that are not finished, and where there are none. */
export function readAllParts(out: string): { readonly part: PartOf; readonly record: PartRecord }[] {
  const folder = path.join(path.resolve(out), PARTS_FOLDER);
  const names = fs.existsSync(folder) ? reading(folder, () => fs.readdirSync(folder)) : [];
  const finished = names.flatMap((name) => {
    const match = FINISHED.exec(name);
    return match ? [{ index: Number(match[1]), count: Number(match[2]) }] : [];
  });
  const count = finished[0]?.count ?? 0;
  const wanted = Array.from({ length: count }, (_, index) => ({ index: index + 1, count }));
  const parts = wanted.map((part) => ({ part, record: readPart(out, part) }));
  const missing = parts.filter(({ record }) => record === null);
  const others = finished.filter((part) => part.count !== count);
  if (count === 0 || missing.length > 0 || others.length > 0) {
    throw new ShardloomError({
      tag: 'missing-file',
      what:
        count === 0
          ? 'The folder holds no finished parts of a run.'
          : others.length > 0
            ? 'The folder holds parts of runs that were divided in different ways.'
            : 'Not all parts are finished.',
      file: folder,
      isFolder: true,
      ...(missing.length > 0 && { found: `${count - missing.length} of ${count}` }),
      ...(missing.length > 0 && { expected: `part ${missing.map(({ part }) => part.index).join(', ')}` }),
      advice: 'Run the missing parts (--part k/n) with the same command, then shardloom finish again.',
    });
  }
  return parts.map(({ part, record }) => ({ part, record: record! }));
}

/**
 * Moves the files of all parts to their final names, `order` says in which order, and writes `texts` last. May be run again where it
 * was interrupted: files that have their names already are left.
 */
export function publishParts(
  out: string,
  parts: readonly PartOf[],
  order: readonly string[],
  texts: readonly { readonly path: string; readonly text: string }[],
): void {
  const target = path.resolve(out);
  const folders = parts.map((part) => finishedPartFolder(target, part));
  for (const name of order) {
    const final = path.join(target, ...name.split('/'));
    const from = folders.map((folder) => path.join(folder, ...name.split('/'))).find((file) => fs.existsSync(file));
    if (from === undefined && fs.existsSync(final)) continue;
    if (from === undefined) {
      throw new ShardloomError({
        tag: 'missing-file',
        what: 'A file that a part has written is not there.',
        file: path.join(target, PARTS_FOLDER),
        tensor: name,
        advice: 'Delete the folder of that part and run it again.',
      });
    }
    try {
      fs.mkdirSync(path.dirname(final), { recursive: true });
      fs.renameSync(from, final);
    } catch (error) {
      throw asWriteError(error, final);
    }
  }
  for (const { path: name, text } of texts) {
    const file = path.join(target, name);
    try {
      fs.writeFileSync(`${file}.partial`, text);
      fs.renameSync(`${file}.partial`, file);
    } catch (error) {
      throw asWriteError(error, file);
    }
  }
  removeFolder(path.join(target, PARTS_FOLDER));
}
