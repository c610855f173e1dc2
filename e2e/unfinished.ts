import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, type ElectronApplication, type Page } from '@playwright/test';
import { test as base } from './app-under-test.ts';
import { sampleCheckpoint, temporaryFolder } from './checkpoints.ts';
import { launchApp } from './launch.ts';

export interface Started {
  readonly app: ElectronApplication;
  readonly page: Page;
}

/** Starts the app with a home that outlives it. */
export type Start = (home: string) => Promise<Started>;

/** Tests that start the app several times. Where one fails none is left running. */
export const test = base.extend<{ start: Start }>({
  start: async ({ browserName: _ }, use) => {
    const started: { kill: (signal: 'SIGKILL') => boolean }[] = [];
    await use(async (home) => {
      const { app } = await launchApp({ home });
      started.push(app.process());
      const page = await app.firstWindow();
      await page.waitForURL(/^app:/);
      await expect(page.getByRole('navigation')).toBeVisible();
      return { app, page };
    });
    for (const child of started) child.kill('SIGKILL');
  },
});

/** Two checkpoints: one whose jobs take a second or so, and one whose jobs are over at once. */
export const large = sampleCheckpoint('large', '--size', 'large');
export const small = sampleCheckpoint('small');

/** What the app remembers in this home. */
export const remembered = (home: string): unknown[] =>
  (JSON.parse(readFileSync(unfinishedFile(home), 'utf8')) as { jobs: unknown[] }).jobs;

export const unfinishedFile = (home: string): string => join(home, 'data/unfinished-jobs.json');

/** A consolidation as the app remembers it. */
export function consolidation(folder: string, out: string, verify = true): Record<string, unknown> {
  const choices = {
    format: 'safetensors',
    maxShardBytes: 5e9,
    dtype: null,
    digest: 'sha256',
    parts: ['model'],
    replace: false,
    verify,
  };
  const at = Date.now() - 3_600_000;
  const command = `shardloom consolidate ${folder} ${out}`;
  const work = { kind: 'consolidate', out, choices };
  return { name: 'checkpoint', folder, work, command, queuedAt: at, startedAt: at, endedAt: null };
}

/** Leaves jobs in a home as a start of the app that was ended would. */
export function writeUnfinished(home: string, jobs: readonly unknown[]): void {
  mkdirSync(join(home, 'data'), { recursive: true });
  writeFileSync(unfinishedFile(home), JSON.stringify({ jobs }));
}

/** An app with jobs that an earlier start has left, all of them running again. It is busy for a while. */
export async function resumeAll(start: Start, home: string, outs: readonly string[], verify = true): Promise<Started> {
  writeUnfinished(
    home,
    outs.map((out) => consolidation(large.checkpoint, out, verify)),
  );
  const { app, page } = await start(home);
  await watchThreads(app);
  await page.getByRole('button', { name: 'Resume all' }).click();
  await expect(page.getByText(/1 running, \d waiting/)).toBeVisible();
  return { app, page };
}

export function newOutputs(count: number): string[] {
  const folder = temporaryFolder();
  return Array.from({ length: count }, (_, number) => join(folder, `out-${number}`));
}

/** As a crash, the system or a power cut ends it: no handler runs. */
export function kill(app: ElectronApplication): Promise<void> {
  return endWith(app, () => {
    app.process().kill('SIGKILL');
    return Promise.resolve();
  });
}

/** Does what ends the app, and waits until it has ended. */
export async function endWith(app: ElectronApplication, action: () => Promise<void>): Promise<void> {
  const process = app.process();
  const ended = new Promise((resolve) => process.once('exit', resolve));
  await action();
  await ended;
}

export function quit(app: ElectronApplication): Promise<void> {
  return endWith(app, () =>
    app.evaluate(({ app: electron }) => {
      setTimeout(() => {
        electron.quit();
      }, 0);
    }),
  );
}

/** Remembers each thread that the main process starts, with the file that it is told to run. */
export async function watchThreads(app: ElectronApplication): Promise<void> {
  await app.evaluate(() => {
    const { Worker } = process.getBuiltinModule('node:worker_threads');
    const threads = new Map<string, unknown>();
    Reflect.set(globalThis, 'threads', threads);
    const post = Reflect.get(Worker.prototype, 'postMessage') as (...args: unknown[]) => void;
    Worker.prototype.postMessage = function (this: unknown, ...args: unknown[]) {
      const { filename } = args[0] as { filename?: unknown };
      if (typeof filename === 'string') threads.set(filename, this);
      post.apply(this, args);
    };
  });
}

export async function endThread(app: ElectronApplication, name: string): Promise<void> {
  await app.evaluate(async (_electron, file) => {
    const threads = Reflect.get(globalThis, 'threads') as Map<string, { terminate: () => Promise<number> }>;
    const found = [...threads].find(([filename]) => filename.includes(file));
    if (!found) throw new Error(`No thread runs ${file}: ${[...threads.keys()].join(', ')}`);
    await found[1].terminate();
  }, name);
}

/** Makes the thread that runs this file end with its next task, as a fault in native code would. */
export async function endWithNextTask(app: ElectronApplication, name: string): Promise<void> {
  const module = join(temporaryFolder(), 'ends.cjs');
  writeFileSync(module, 'module.exports = () => process.exit(1);');
  await app.evaluate(
    (_electron, [file, replacement]) => {
      const { MessagePort } = process.getBuiltinModule('node:worker_threads');
      const post = Reflect.get(MessagePort.prototype, 'postMessage') as (...args: unknown[]) => void;
      MessagePort.prototype.postMessage = function (this: unknown, ...args: unknown[]) {
        const message = args[0] as { filename?: string } | null;
        if (message?.filename?.includes(file!)) {
          MessagePort.prototype.postMessage = post as never;
          message.filename = replacement!;
        }
        post.apply(this, args);
      };
    },
    [name, module],
  );
}
