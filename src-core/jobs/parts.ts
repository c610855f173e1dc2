import path from 'node:path';
import { ShardloomError, type Finding } from '../errors.ts';
import { publishingOrder, type WrittenOutput } from '../execute/execute.ts';
import {
  finishedPartFolder,
  PART_FILE,
  planFingerprint,
  publishParts,
  readAllParts,
  readPart,
  type PartRecord,
} from '../execute/parts.ts';
import type { PartOf, Plan, PlanText } from '../plan/plan.ts';
import { replicaSummary } from '../verify/replicas.ts';
import { MANIFEST_FILE, manifestFile, manifestText, type ManifestFile, type ManifestHead } from './manifest.ts';

/**
 * True if this part of this plan is there already: then there is nothing to do. Throws `output-exists` where the part of another
 * plan is there.
 */
export function isPartFinished(out: string, plan: Plan, part: PartOf): boolean {
  const record = readPart(out, part);
  if (!record) return false;
  if (record.fingerprint === planFingerprint(plan)) return true;
  throw new ShardloomError({
    tag: 'output-exists',
    what: 'The output folder holds this part of another run: the input or the options have changed.',
    file: finishedPartFolder(path.resolve(out), part),
    isFolder: true,
    advice: 'Delete the folder .shardloom-parts in it and run all parts again, or choose another output folder.',
  });
}

/** What a part leaves beside its files. `findingsOn` gives what was noticed on one of them. */
export function partText(
  plan: Plan,
  head: ManifestHead | null,
  written: readonly WrittenOutput[],
  findingsOn: (written: readonly WrittenOutput[]) => readonly Finding[],
): PlanText {
  const record: PartRecord = {
    format: 1,
    fingerprint: planFingerprint(plan),
    publish: publishingOrder(plan, plan.texts),
    head: head && { ...head },
    files: written.map((one) => {
      const { entry, findings } = manifestFile(one, findingsOn([one]));
      return { entry, findings: [...findings] };
    }),
    replicas: replicaSummary(written),
  };
  return { path: PART_FILE, text: `${JSON.stringify(record)}\n` };
}

export interface FinishResult {
  readonly out: string;
  readonly parts: number;
  readonly files: number;
  readonly bytes: number;
  readonly findings: readonly Record<string, unknown>[];
}

/**
 * Joins the parts of a divided run: every file gets its final name, what makes the folder loadable last. Throws `missing-file` where
 * parts are not finished, and `source-changed` where they were not made from the same plan. May be run again where it was interrupted.
 */
export function finish(out: string): FinishResult {
  const all = readAllParts(out);
  const records = all.map(({ record }) => record);
  const [first] = records as [PartRecord, ...PartRecord[]];
  const other = all.find(({ record }) => record.fingerprint !== first.fingerprint);
  if (other) {
    throw new ShardloomError({
      tag: 'source-changed',
      what: 'The parts were not made by the same command from the same files.',
      file: finishedPartFolder(path.resolve(out), other.part),
      isFolder: true,
      advice: 'Delete the folder .shardloom-parts and run all parts again, with the same options.',
    });
  }
  const position = new Map(first.publish.map((name, index) => [name, index]));
  const files = records
    .flatMap((record) => record.files as ManifestFile[])
    .sort((a, b) => position.get(a.entry.path)! - position.get(b.entry.path)!);
  const replicas = {
    compared: records.reduce((sum, record) => sum + record.replicas.compared, 0),
    different: records.reduce((sum, record) => sum + record.replicas.different, 0),
  };
  const head = first.head as ManifestHead | null;
  const texts = head ? [{ path: MANIFEST_FILE, text: manifestText(head, files, replicas) }] : [];
  publishParts(
    out,
    all.map(({ part }) => part),
    first.publish,
    texts,
  );
  return {
    out: path.resolve(out),
    parts: all.length,
    files: files.length,
    bytes: files.reduce((sum, { entry }) => sum + entry.bytes, 0),
    findings: files.flatMap(({ findings }) => findings),
  };
}
