import { app, dialog, shell, type BrowserWindow } from 'electron';
import { writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import {
  BUNDLE_FILES,
  diagnosticsBundle,
  faultOf,
  pathShortener,
  realPathOf,
  type BundleFile,
  type Diagnosis,
  type Fault,
  type FolderRole,
  type NamedFolder,
  type Shorten,
  userName,
} from '../src-core/app-door.ts';
import type { DiagnosticsAbout, DiagnosticsOutline, DiagnosticsRequest, Job, JobWork } from './channels.ts';
import type { Inspector } from './engine/inspector.ts';
import type { Jobs } from './jobs.ts';
import { logText } from './log.ts';
import { foldersOf } from './unfinished-jobs.ts';

/** What the app knows that a report may be about. */
export interface Surroundings {
  /** The folder that is open or could not be opened; null where there is none. */
  readonly folder: () => string | null;
  /** Folders that were open before. */
  readonly recents: () => readonly string[];
}

/** What a report is about: a folder, and what was to be done with it. */
interface Subject {
  readonly folder: string;
  readonly work: JobWork | null;
  readonly job: Job | null;
}

/** Diagnostics bundles, as the page asks for them. */
export class Diagnosing {
  readonly #window: BrowserWindow;
  readonly #inspector: Inspector;
  readonly #jobs: Jobs;
  readonly #surroundings: Surroundings;
  #written: string | null = null;

  constructor(window: BrowserWindow, inspector: Inspector, jobs: Jobs, surroundings: Surroundings) {
    this.#window = window;
    this.#inspector = inspector;
    this.#jobs = jobs;
    this.#surroundings = surroundings;
  }

  outline(about: DiagnosticsAbout): DiagnosticsOutline {
    const subject = this.#subject(about);
    const hasPlan = subject !== null && subject.work?.kind !== 'verify-replicas' && subject.work?.kind !== 'diff';
    const isThere: Readonly<Record<BundleFile, boolean>> = {
      'README.txt': true,
      'versions.json': true,
      'error.txt': faultAbout(about, subject) !== null,
      'checkpoint.json': subject !== null,
      'plan.txt': hasPlan,
      'jobs.json': true,
      'log.txt': true,
    };
    const files = (Object.keys(BUNDLE_FILES) as BundleFile[]).filter((file) => isThere[file]);
    return { folder: subject?.folder ?? null, files: files.map((file) => ({ file, about: BUNDLE_FILES[file] })) };
  }

  /** Asks where, and writes the bundle there. */
  async export({ shortenPaths, ...about }: DiagnosticsRequest): Promise<string | null> {
    const subject = this.#subject(about);
    const { filePath, canceled } = await dialog.showSaveDialog(this.#window, {
      title: 'Save diagnostics',
      defaultPath: path.join(app.getPath('downloads'), 'shardloom-diagnostics.zip'),
      filters: [{ name: 'Zip archive', extensions: ['zip'] }],
    });
    if (canceled || filePath === '') return null;
    await writeFile(filePath, await this.#bundle(faultAbout(about, subject), subject, shortenPaths));
    this.#written = filePath;
    return filePath;
  }

  reveal(): void {
    if (this.#written !== null) shell.showItemInFolder(this.#written);
  }

  async #bundle(fault: Fault | null, subject: Subject | null, shortenPaths: boolean): Promise<Buffer> {
    const found = subject && (await this.#diagnosis(subject));
    const log = logText();
    return diagnosticsBundle({
      versions: {
        shardloom: `${app.getVersion()} (app)`,
        electron: process.versions.electron,
        chromium: process.versions.chrome,
        appLocale: app.getLocale(),
      },
      diagnosis: found?.diagnosis ?? null,
      log,
      jobs: this.#jobs.list.map(reported),
      fault: fault ?? found?.fault ?? null,
      shorten: shortenPaths ? this.#shortener(subject, log) : null,
    });
  }

  /** The thread that finds out may be what is broken: the rest of the bundle is made all the same. */
  async #diagnosis({ folder, work }: Subject): Promise<{ diagnosis: Diagnosis | null; fault: Fault | null }> {
    try {
      return { diagnosis: await this.#inspector.ask('diagnosis', { folder, work }), fault: null };
    } catch (error) {
      return { diagnosis: null, fault: faultOf(error) };
    }
  }

  /** The job that is named; else what is open, with what was last done to it; else the last job. */
  #subject({ job: id }: DiagnosticsAbout): Subject | null {
    const { list } = this.#jobs;
    const folder = id === null ? this.#surroundings.folder() : null;
    const job = id === null ? lastOf(list, folder) : this.#jobs.get(id);
    if (folder !== null) return { folder, work: job?.work ?? null, job: null };
    return job ? { folder: job.folder, work: job.work, job } : null;
  }

  #shortener(subject: Subject | null, log: string): Shorten {
    const named: NamedFolder[] = [];
    const add = (role: FolderRole, folders: readonly string[]): void => {
      for (const folder of folders) named.push({ folder, role, alias: realPathOf(folder) });
    };
    if (subject) add('checkpoint', [subject.folder]);
    const ofJobs = this.#jobs.list.flatMap((job) => ('out' in job.work ? [job.work.out] : []));
    add('output', [...(subject?.work && 'out' in subject.work ? [subject.work.out] : []), ...ofJobs]);
    add('folder', [...this.#jobs.list.flatMap(foldersOf), ...this.#surroundings.recents(), ...foldersInLog(log)]);
    add('home', [os.homedir()]);
    add('app', [app.getPath('userData'), app.getAppPath(), path.dirname(app.getPath('exe'))]);
    return pathShortener({ folders: named, user: userName() });
  }
}

/** The newest job of a folder; where there is none, the newest that failed, or the newest. */
function lastOf(list: readonly Job[], folder: string | null): Job | undefined {
  if (folder !== null) return list.find((job) => job.folder === folder);
  return list.find(({ state }) => state === 'failed') ?? list[0];
}

/** Of a job what helps to understand it; what it found stays out, for that may be figures of the weights. */
function reported({ id, name, folder, work, command, state, queuedAt, startedAt, endedAt, problem }: Job): unknown {
  const time = (at: number | null): string | null => (at === null ? null : new Date(at).toISOString());
  const times = { queuedAt: time(queuedAt), startedAt: time(startedAt), endedAt: time(endedAt) };
  return { id, state, name, folder, work, command, ...times, problem };
}

function faultAbout({ problem }: DiagnosticsAbout, subject: Subject | null): Fault | null {
  const shown = problem ?? subject?.job?.problem;
  return shown ? { problem: shown } : null;
}

/** Folders that this and earlier starts of the app have written down as details of a line. */
function foldersInLog(text: string): string[] {
  const found = new Set<string>();
  for (const line of text.split('\n')) {
    const [details] = /\{.*\}$/.exec(line) ?? [];
    for (const word of details === undefined ? [] : wordsOf(details)) if (path.isAbsolute(word)) found.add(word);
  }
  return [...found];
}

/** Every text in a line's details; none where the line was cut off. */
function wordsOf(details: string): string[] {
  const words: string[] = [];
  try {
    JSON.parse(details, (_key, value: unknown) => {
      if (typeof value === 'string') words.push(value);
      return value;
    });
  } catch {
    return [];
  }
  return words;
}
