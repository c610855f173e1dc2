import fs from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { MAX_JOURNAL_BYTES } from '../limits.ts';
import type { CopiedTensor } from './copy-tensors.ts';
import type { DigestName } from './digest.ts';

/**
 * In the folder that a run writes into: a line for what it is, then one for each task that is done. Change the number when what is
 * copied changes, so that an older version's work is not continued.
 */
export const JOURNAL_FILE = 'journal.jsonl';
const JOURNAL_FORMAT = 1;

/** What a run is: only the same one may be continued. */
export interface JournalHead {
  /** Of the plan, with the files it reads. */
  readonly fingerprint: string;
  readonly digest: DigestName | null;
  readonly crc32: boolean;
}

/** Results by the output's path and the tensor's name. */
export type KnownTensors = ReadonlyMap<string, ReadonlyMap<string, CopiedTensor>>;

/** What an earlier run into the same folder has left. */
export interface EarlierRun {
  /** It was the same run: what it has done may be continued. */
  readonly isSame: boolean;
  readonly known: KnownTensors;
  /** Files that it had begun to give their final names, in this order. */
  readonly publishing: readonly string[];
}

const head = z.object({
  format: z.literal(JOURNAL_FORMAT),
  fingerprint: z.string(),
  digest: z.enum(['xxh64', 'sha256']).nullable(),
  crc32: z.boolean(),
});

/** JSON has no NaN and no Inf. */
const number = z.union([z.number(), z.enum(['NaN', 'Infinity']).transform(Number)]);
const tensor = z.object({
  name: z.string(),
  digest: z.string(),
  crc32: z.number(),
  nan: z.number(),
  inf: z.number(),
  overflowed: z.number(),
  averaged: z.number(),
  differences: z.array(
    z.object({
      copy: z.number(),
      where: z.array(z.object({ source: z.number(), elements: z.number(), maxAbs: number })),
    }),
  ),
});
const entry = z.union([
  z.object({ output: z.string(), tensors: z.array(tensor) }),
  z.object({ publishing: z.array(z.string()) }),
]);

/** Notes what a run has done, so that a run that was killed can be continued. Nothing in it is believed without a look at the files. */
export class Journal {
  readonly #file: string;

  private constructor(file: string) {
    this.#file = file;
  }

  /** Begins a new one, in place of any other. */
  static begin(folder: string, { fingerprint, digest, crc32 }: JournalHead): Journal {
    const file = path.join(folder, JOURNAL_FILE);
    fs.rmSync(file, { recursive: true, force: true });
    fs.writeFileSync(file, line({ format: JOURNAL_FORMAT, fingerprint, digest, crc32 }));
    return new Journal(file);
  }

  /** Goes on with the one that is there. */
  static goOn(folder: string): Journal {
    const file = path.join(folder, JOURNAL_FILE);
    // Behind a line that was cut off there must be an end of line.
    fs.appendFileSync(file, '\n');
    return new Journal(file);
  }

  /** Tensors of one output whose bytes have all been written. */
  done(output: string, tensors: readonly CopiedTensor[]): void {
    fs.appendFileSync(this.#file, line({ output, tensors }));
  }

  /** From now on files get their final names. */
  publishing(order: readonly string[]): void {
    fs.appendFileSync(this.#file, line({ publishing: order }));
  }
}

/** What the run that was writing into a folder had done; null where there was none. */
export function readJournal(folder: string, wanted: JournalHead): EarlierRun | null {
  const lines = linesOf(path.join(folder, JOURNAL_FILE));
  const found = head.safeParse(lines[0]);
  if (!found.success) return null;
  const { fingerprint, digest, crc32 } = found.data;
  const isSame = fingerprint === wanted.fingerprint && digest === wanted.digest && crc32 === wanted.crc32;
  const known = new Map<string, Map<string, CopiedTensor>>();
  let publishing: readonly string[] = [];
  for (const one of lines.slice(1)) {
    const parsed = entry.safeParse(one);
    if (!parsed.success) continue;
    if ('publishing' in parsed.data) {
      ({ publishing } = parsed.data);
      continue;
    }
    const { output, tensors } = parsed.data;
    const ofOutput = known.get(output) ?? new Map<string, CopiedTensor>();
    for (const copied of tensors) ofOutput.set(copied.name, copied);
    known.set(output, ofOutput);
  }
  return { isSame, known, publishing };
}

/** Files that the run that was writing into a folder had begun to give their final names, whatever run it was. */
export function publishedIn(folder: string): readonly string[] {
  return readJournal(folder, { fingerprint: '', digest: null, crc32: false })?.publishing ?? [];
}

/** The lines that are whole; the last one may have been cut off. */
function linesOf(file: string): unknown[] {
  const stat = fs.statSync(file, { throwIfNoEntry: false });
  if (!stat?.isFile() || stat.size > MAX_JOURNAL_BYTES) return [];
  return fs
    .readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((text) => {
      try {
        return [JSON.parse(text) as unknown];
      } catch {
        return [];
      }
    });
}

function line(value: object): string {
  const text = JSON.stringify(value, (_, item: unknown) =>
    typeof item === 'number' && !Number.isFinite(item) ? String(item) : item,
  );
  return `${text}\n`;
}
