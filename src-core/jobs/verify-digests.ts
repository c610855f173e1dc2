import path from 'node:path';
import { z } from 'zod';
import { isFileName } from '../checkpoint/file-names.ts';
import { readJsonFile } from '../checkpoint/json-file.ts';
import { weightsOfFile } from '../checkpoint/weights-folder.ts';
import { ShardloomError } from '../errors.ts';
import { compareCopies, type CompareOptions } from '../execute/compare-copies.ts';
import { DIGESTS, type DigestName } from '../execute/digest.ts';
import { MAX_METADATA_BYTES } from '../limits.ts';
import { PlanBuilder, plannedWeights } from '../plan/plan-builder.ts';
import type { PlanTensor } from '../plan/plan.ts';
import type { StoredTensor } from '../tensor/stored.ts';
import { viewOf } from '../tensor/view.ts';
import { MANIFEST_FILE, MANIFEST_FORMAT } from './manifest.ts';

const tensorEntry = z.object({
  dtype: z.string(),
  shape: z.array(z.number()),
  digest: z.templateLiteral([z.enum(DIGESTS), ':', z.string()]),
});
const manifest = z.object({
  format: z.literal(MANIFEST_FORMAT),
  files: z.array(z.object({ path: z.string(), bytes: z.number(), tensors: z.record(z.string(), tensorEntry) })),
});
type FileEntry = z.infer<typeof manifest>['files'][number];

/** A tensor that is not what shardloom.json says was written. */
export interface DigestFault {
  readonly file: string;
  readonly tensor: string;
  readonly what: 'other bytes' | 'missing' | 'not recorded' | 'another dtype or shape';
}

export interface DigestCheck {
  /** Whose digests were computed; others are among the faults. */
  readonly tensors: number;
  readonly files: number;
  readonly bytes: number;
  readonly seconds: number;
  readonly different: readonly DigestFault[];
}

/**
 * Reads the weights in a folder that Shardloom wrote and compares every tensor's digest with the one in shardloom.json: after a copy over
 * a network, or a power cut, it shows whether these are still the bytes that were written. The checkpoint is not needed. Throws
 * `missing-file` where there is no shardloom.json or a weights file is gone, and `bad-metadata` where it cannot be understood.
 */
export async function verifyDigests(folder: string, options: CompareOptions = {}): Promise<DigestCheck> {
  const started = performance.now();
  const files = readManifest(path.resolve(folder));
  const different: DigestFault[] = [];
  const builder = new PlanBuilder();
  const planned = files.flatMap((entry) => planFile(path.resolve(folder), entry, builder, different));
  // By their numbers: adapters in one folder have tensors of the same names.
  const tensors = planned.map(({ plan }, index) => ({ ...plan, name: String(index) }));
  const inputs = { files: builder.files, sources: builder.sources };
  const read = await compareCopies(inputs, tensors, { ...options, digest: digestOf(files) });
  planned.forEach(({ file, plan, expected }, index) => {
    if (read.get(String(index))!.digest !== expected) different.push({ file, tensor: plan.name, what: 'other bytes' });
  });
  return {
    tensors: planned.length,
    files: files.length,
    bytes: planned.reduce((sum, { plan }) => sum + plan.byteLength, 0),
    seconds: (performance.now() - started) / 1000,
    different,
  };
}

function readManifest(folder: string): FileEntry[] {
  const file = path.join(folder, MANIFEST_FILE);
  const parsed = manifest.safeParse(readJsonFile(file, MAX_METADATA_BYTES));
  if (parsed.success) return parsed.data.files;
  throw new ShardloomError({
    tag: 'bad-metadata',
    what: 'This shardloom.json does not tell the digests of what was written.',
    file,
    found: z.prettifyError(parsed.error).split('\n')[0]!,
    advice:
      'It was changed, or written by a newer version. Compare with the checkpoint instead: shardloom verify FOLDER OUT.',
  });
}

/** A run writes digests of one kind. */
function digestOf(files: readonly FileEntry[]): DigestName {
  const first = files.flatMap(({ tensors }) => Object.values(tensors))[0]?.digest;
  return DIGESTS.find((name) => first?.startsWith(`${name}:`)) ?? DIGESTS[0];
}

interface PlannedCheck {
  readonly file: string;
  readonly plan: PlanTensor;
  readonly expected: string;
}

/** What is to be read of one file; what is wrong with it before that goes to `faults`. */
function planFile(folder: string, entry: FileEntry, builder: PlanBuilder, faults: DigestFault[]): PlannedCheck[] {
  const file = path.join(folder, ...checkedPath(entry.path, folder).split('/'));
  const held = weightsOfFile(file);
  for (const tensor of held.keys()) {
    if (!Object.hasOwn(entry.tensors, tensor)) faults.push({ file, tensor, what: 'not recorded' });
  }
  return Object.entries(entry.tensors).flatMap(([tensor, expected]) => {
    const stored = held.get(tensor);
    if (!stored || !isSameKind(stored, expected)) {
      faults.push({ file, tensor, what: stored ? 'another dtype or shape' : 'missing' });
      return [];
    }
    const weight = { view: viewOf(stored), transformation: 'copied' as const, from: [tensor], copies: [] };
    const [planned] = plannedWeights([[tensor, weight]], undefined);
    return [{ file, plan: builder.tensor(planned!, 0), expected: expected.digest }];
  });
}

function isSameKind(stored: StoredTensor, { dtype, shape }: z.infer<typeof tensorEntry>): boolean {
  return stored.dtype === dtype && stored.shape.join() === shape.join();
}

/** Names in shardloom.json may have been changed by anybody: they stay in the folder. */
function checkedPath(name: string, folder: string): string {
  if (name.split('/').every(isFileName)) return name;
  throw new ShardloomError({
    tag: 'bad-metadata',
    what: 'A file name in shardloom.json leads out of its folder.',
    file: path.join(folder, MANIFEST_FILE),
    found: name,
    expected: 'names of files in the folder',
  });
}
