import { dialog, type BrowserWindow } from 'electron';
import { writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { diffCommandLine, diffReportHtml, type DifferenceHeatmap, type Placement } from '../src-core/app-door.ts';
import type { DifferenceName, DifferenceRequest, DiffPage, DiffSides, Job, JobId } from './channels.ts';
import type { ChosenFolders } from './chosen-folders.ts';
import type { Inspector } from './engine/inspector.ts';
import type { Jobs } from './jobs.ts';

/** Comparing two folders, as the page asks for it. */
export class Diffing {
  readonly #window: BrowserWindow;
  readonly #folders: ChosenFolders;
  readonly #inspector: Inspector;
  readonly #jobs: Jobs;

  constructor(window: BrowserWindow, folders: ChosenFolders, inspector: Inspector, jobs: Jobs) {
    this.#window = window;
    this.#folders = folders;
    this.#inspector = inspector;
    this.#jobs = jobs;
  }

  start({ left, right }: DiffSides): Job {
    this.#folders.check(left, right);
    const command = diffCommandLine(left, right, process.platform);
    const name = `${basename(left)} and ${basename(right)}`;
    return this.#jobs.add({ name, folder: left, work: { kind: 'diff', left, right }, command });
  }

  rows(job: JobId, offset: number, limit: number): DiffPage {
    const { rows } = this.#jobs.diff(job);
    return { rows: rows.slice(offset, offset + limit), total: rows.length };
  }

  placement({ job, name }: DifferenceName): Promise<Placement> {
    return this.#inspector.ask('placement', { job, name, ...this.#sides(job) });
  }

  heatmap({ job, ...request }: DifferenceRequest): Promise<DifferenceHeatmap> {
    return this.#inspector.ask('difference', { job, ...request, ...this.#sides(job) });
  }

  #sides(job: JobId): DiffSides {
    const { left, right } = this.#jobs.diff(job);
    return { left, right };
  }

  /** Writes what was found as a file that opens anywhere. */
  async report(job: JobId): Promise<string | null> {
    const result = this.#jobs.diff(job);
    const { filePath, canceled } = await dialog.showSaveDialog(this.#window, {
      title: 'Save the report',
      defaultPath: join(result.right, '..', 'shardloom-diff.html'),
      filters: [{ name: 'HTML', extensions: ['html'] }],
    });
    if (canceled || filePath === '') return null;
    await writeFile(filePath, diffReportHtml(result));
    return filePath;
  }
}
