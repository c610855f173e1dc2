/** The app while requests come that nobody sane would send. */
import type { ElectronApplication, Page } from '@playwright/test';
import { answerFolderDialog } from '../checkpoints.ts';

/** What the main process must not come to: faults that nobody caught, and a language that is no longer itself. */
export async function watchMain(app: ElectronApplication): Promise<() => Promise<readonly string[]>> {
  const said: string[] = [];
  app.process().stderr?.on('data', (text: Buffer) => said.push(text.toString()));
  await app.evaluate(() => {
    const faults: string[] = [];
    Object.assign(globalThis, { faults });
    process.on('uncaughtExceptionMonitor', (error) => faults.push(String(error)));
    process.on('unhandledRejection', (error) => faults.push(String(error)));
  });
  return async () => {
    const faults = await app.evaluate(() => {
      const polluted = ['polluted', 'more'].filter((name) => name in {});
      return [...(globalThis as unknown as { faults: string[] }).faults, ...polluted];
    });
    return [...faults, ...said.filter((text) => /TypeError|RangeError|ReferenceError|UnhandledPromise/.test(text))];
  };
}

/** No dialog waits for somebody who is not there, and no file manager is opened. */
export async function answerNothing(app: ElectronApplication): Promise<void> {
  await answerFolderDialog(app, null);
  await app.evaluate(({ dialog, shell }) => {
    // The question whether a running job may be given up.
    dialog.showMessageBoxSync = () => 1;
    dialog.showSaveDialog = () => Promise.resolve({ canceled: true, filePath: '' });
    const shown: string[] = [];
    Object.assign(globalThis, { shown });
    shell.showItemInFolder = (path) => void shown.push(path);
  });
}

export interface OpenSample {
  readonly checkpoint: number;
  readonly folder: string;
  readonly suggestedOutput: string;
  /** A finished comparison of it with itself. */
  readonly job: number;
}

export function openSample(page: Page): Promise<OpenSample> {
  return page.evaluate(async () => {
    const { request } = window.shardloom;
    const opened = await request('checkpoint:open-sample');
    if (!opened.ok) throw new Error(opened.problem.what);
    const { checkpoint, folder, suggestedOutput } = opened.value;
    const started = await request('diff:start', { left: folder, right: folder });
    if (!started.ok) throw new Error(started.problem.what);
    const { id: job } = started.value;
    for (;;) {
      const listed = await request('job:list');
      if (listed.ok && listed.value.find(({ id }) => id === job)?.state === 'done') break;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    return { checkpoint, folder, suggestedOutput, job };
  });
}

/** Values that are right wherever a field of such a name is. */
export function rightValues({ folder, suggestedOutput, ...ids }: OpenSample): Record<string, unknown> {
  const paths = { folder, left: folder, right: folder, out: suggestedOutput, from: 'checkpoint' };
  const tensor = { name: 'model.embed_tokens.weight', rank: { tp: 0, pp: 0 }, index: [0, 0] };
  const slice = { leading: [], row: 0, column: 0, rows: 8, columns: 8, width: 8, height: 8 };
  return { ...ids, ...paths, ...tensor, ...slice };
}
