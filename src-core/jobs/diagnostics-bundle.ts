import os from 'node:os';
import { ZipFile } from 'yazl';
import { formatProblem, type Problem } from '../errors.ts';
import type { Diagnosis, Fault } from './diagnosis.ts';
import { shortenDocument, type Shorten } from './shorten-paths.ts';

/** What goes into a diagnostics bundle. What is null is left out. */
export interface Diagnostics {
  /** Of Shardloom and what it runs on; facts of the machine are added. */
  readonly versions: Readonly<Record<string, string>>;
  readonly diagnosis: Diagnosis | null;
  /** What has been written into the app's log, oldest first. */
  readonly log: string | null;
  /** The app's jobs with their choices and problems. */
  readonly jobs: readonly unknown[] | null;
  /** What the report is about, where that is not what the diagnosis came upon. */
  readonly fault: Fault | null;
  /** Null: paths stay as they are. */
  readonly shorten: Shorten | null;
}

/** The files of a bundle in their order, each with what it tells; `README.txt` and the app's confirmation say the same. */
export const BUNDLE_FILES = {
  'README.txt': 'what is in here, and what is not',
  'versions.json': 'versions of Shardloom and of the system, processors, memory, locale',
  'error.txt': 'what went wrong, with all its fields',
  'checkpoint.json': 'files and sizes, parameters with shapes and dtypes, findings',
  'plan.txt': 'what was to be written, and which part of which shard goes where',
  'jobs.json': 'jobs with their choices, times and problems',
  'log.txt': 'what the app did and when',
} as const;

export type BundleFile = keyof typeof BUNDLE_FILES;

/** The texts of a bundle by file. Names, shapes and sizes only: nothing here has ever read a tensor's values. */
export function bundleTexts(diagnostics: Diagnostics): ReadonlyMap<BundleFile, string> {
  const { versions, diagnosis, log, jobs } = diagnostics;
  const shorten = diagnostics.shorten ?? ((text: string) => text);
  const document = (value: unknown): string => `${JSON.stringify(shortenDocument(value, shorten), null, 2)}\n`;
  const fault = diagnostics.fault ?? diagnosis?.fault ?? null;
  const plan = diagnosis?.plan ?? null;
  const described = diagnosis && {
    folder: diagnosis.folder,
    ...(diagnosis.checkpoint ?? { summary: null, parameters: [] }),
    files: diagnosis.listing,
  };
  const texts: Partial<Record<BundleFile, string>> = {
    'versions.json': document({ ...versions, ...machine(), pathsShortened: diagnostics.shorten !== null }),
    ...(fault && { 'error.txt': shorten(faultText(fault)) }),
    ...(described && { 'checkpoint.json': document(described) }),
    ...(plan !== null && { 'plan.txt': shorten(plan) }),
    ...(jobs && { 'jobs.json': document(jobs) }),
    ...(log !== null && { 'log.txt': shorten(log) }),
  };
  const present = (Object.keys(BUNDLE_FILES) as BundleFile[]).filter((file) => file === 'README.txt' || texts[file]);
  const readme = readmeText(present, diagnostics.shorten !== null);
  return new Map(present.map((file) => [file, file === 'README.txt' ? readme : texts[file]!]));
}

/** The bundle as a zip archive, in memory: it is text, and small. */
export async function diagnosticsBundle(diagnostics: Diagnostics): Promise<Buffer> {
  const zip = new ZipFile();
  for (const [file, text] of bundleTexts(diagnostics)) zip.addBuffer(Buffer.from(text), file);
  zip.end();
  const chunks: Buffer[] = [];
  for await (const chunk of zip.outputStream) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

/** Of the machine what matters to a run, and nothing that names it. */
function machine(): Record<string, unknown> {
  return {
    node: process.versions.node,
    v8: process.versions.v8,
    system: `${os.type()} ${os.release()} ${process.arch}`,
    processors: os.availableParallelism(),
    memoryBytes: os.totalmem(),
    freeMemoryBytes: os.freemem(),
    locale: Intl.DateTimeFormat().resolvedOptions().locale,
  };
}

function faultText({ problem, stack }: Fault): string {
  const { tag, ...others }: Problem = problem;
  const lines = [formatProblem({ tag, ...others }), `  tag: ${tag}`];
  if (stack !== undefined) lines.push('', stack);
  return `${lines.join('\n')}\n`;
}

function readmeText(present: readonly BundleFile[], isShortened: boolean): string {
  const width = Math.max(...present.map((file) => file.length));
  return [
    'Diagnostics of Shardloom, to be attached to a report. Plain text: look through it before you send it.',
    '',
    'What is in here',
    ...present.map((file) => `  ${file.padEnd(width)}  ${BUNDLE_FILES[file]}`),
    '',
    'What is not in here',
    '  weights: no byte and no value of any tensor',
    '  the contents of config, tokenizer and other files of the checkpoint',
    '  your environment variables, and the name of this computer',
    '',
    isShortened
      ? 'Paths are shortened: <checkpoint>, <output>, <home>, <user> and the like stand for folders and names of this computer.\n' +
        'File names, the checkpoint’s own name and names of parameters are as they are.'
      : 'Paths are as they are on this computer.',
    '',
  ].join('\n');
}
