/** How the app starts a second time, ends while it works, and takes what is dropped on it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { expect, type ElectronApplication, type Page } from '@playwright/test';
import { test } from './app-under-test.ts';
import { answerFolderDialog, sampleCheckpoint, temporaryFolder } from './checkpoints.ts';
import { isRoot, packagedExecutable } from './launch.ts';
import { look } from './look.ts';

const sample = sampleCheckpoint('small');

/** Answers of the question whether a running job may be given up, and how often it was asked. */
async function answerTheQuestion(app: ElectronApplication, answer: 'Keep Running' | 'Stop and Quit'): Promise<void> {
  await app.evaluate(({ dialog }, wanted) => {
    const asked: string[] = [];
    Object.assign(globalThis, { asked });
    // Called with or without a window.
    Object.assign(dialog, {
      showMessageBoxSync: (...args: readonly { readonly message: string; readonly buttons: readonly string[] }[]) => {
        const { message, buttons } = args.at(-1)!;
        asked.push(message);
        return buttons.indexOf(wanted);
      },
    });
  }, answer);
}

const asked = (app: ElectronApplication): Promise<string[]> =>
  app.evaluate(() => (globalThis as unknown as { asked: string[] }).asked);

/** Jobs for some seconds: one after the other, into folders of their own. */
async function keepBusy(app: ElectronApplication, page: Page, folder: string, into: string): Promise<void> {
  await answerFolderDialog(app, folder);
  await page.evaluate(() => window.shardloom.request('checkpoint:choose'));
  for (let number = 0; number < 6; number++) {
    await answerFolderDialog(app, join(into, `out-${number}`));
    const problem = await page.evaluate(async () => {
      const { request } = window.shardloom;
      const start = await request('app:start');
      const checkpoint = start.ok ? start.value.opened!.checkpoint : 0;
      const out = await request('consolidation:choose-output', checkpoint);
      if (!out.ok) return out.problem.what;
      const files = { format: 'safetensors', maxShardBytes: 5e9, dtype: null, digest: 'sha256' } as const;
      const choices = { ...files, parts: ['model'] as const, replace: false, verify: true };
      const job = await request('consolidation:start', { checkpoint, out: out.value!, choices });
      return job.ok ? null : job.problem.what;
    });
    expect(problem).toBeNull();
  }
}

test('a window that is closed while a job runs asks first, and stays if it is to stay', async ({
  shardloom: { app, page, problems },
}) => {
  const large = sampleCheckpoint('large', '--size', 'large');
  const into = temporaryFolder();
  await keepBusy(app, page, large.checkpoint, into);
  await answerTheQuestion(app, 'Keep Running');
  for (const end of ['close', 'quit'] as const) {
    await app.evaluate(({ app: electron, BrowserWindow }, how) => {
      if (how === 'close') BrowserWindow.getAllWindows()[0]!.close();
      else electron.quit();
    }, end);
  }
  expect(await asked(app)).toEqual(['A job is still running.', 'A job is still running.']);
  expect(app.windows()).toHaveLength(1);
  const states = await page.evaluate(async () => {
    const jobs = await window.shardloom.request('job:list');
    return jobs.ok ? jobs.value.map(({ state }) => state) : [];
  });
  expect(states.filter((state) => state === 'cancelled' || state === 'failed')).toEqual([]);
  expect(problems).toEqual([]);
  await answerTheQuestion(app, 'Stop and Quit');
  const closed = app.waitForEvent('close');
  await app.evaluate(({ BrowserWindow }) => {
    // Not within this call, which the end of the app would leave without an answer.
    setTimeout(() => BrowserWindow.getAllWindows()[0]!.close(), 100);
  });
  await closed;
  // What was finished is whole. Of what was stopped there is what the next start goes on with, and nothing else.
  const folders = readdirSync(into);
  expect(folders.length).toBeLessThan(6);
  for (const name of folders) {
    const files = readdirSync(join(into, name));
    if (!files.includes('shardloom.json')) expect(files).toEqual(['.shardloom-partial']);
  }
});

/** Starts the app once more, as the desktop or a shell does, and waits until that start has ended by itself. */
async function startAgain(app: ElectronApplication, directory: string, ...words: readonly string[]): Promise<void> {
  const data = await app.evaluate(({ app: electron }) => electron.getPath('userData'));
  const options = [`--user-data-dir=${data}`, ...(isRoot ? ['--no-sandbox'] : [])];
  const second = spawn(packagedExecutable(), [...options, ...words], { cwd: directory, stdio: 'ignore' });
  await once(second, 'exit');
  expect(second.exitCode).toBe(0);
}

test('a second start hands its folder to the first, and ends', async ({ shardloom: { app, page, problems } }) => {
  // As a shell gives it: relative to where that is.
  await startAgain(app, dirname(sample.checkpoint), basename(sample.checkpoint));
  await expect(page.getByText('All 8 ranks are whole and fit together.')).toBeVisible();
  const opened = await page.evaluate(() => window.shardloom.request('app:start'));
  expect(opened.ok && opened.value.opened?.folder).toBe(sample.checkpoint);
  const nothing = temporaryFolder();
  await startAgain(app, '/', nothing);
  // What was open stays, and what was not opened is said over it.
  await expect(page.getByText('No sharded checkpoint was found in this folder.')).toBeVisible();
  await expect(page.getByText('All 8 ranks are whole and fit together.')).toBeVisible();
  await look(app, page, 'opening-failed');
  // Another notice stands below it and hides nothing.
  await app.evaluate(() => {
    setTimeout(() => {
      throw new Error('on purpose');
    }, 0);
  });
  await expect(page.getByText('Something failed, and Shardloom went on without it.')).toBeVisible();
  await look(app, page, 'two-notices');
  await page.getByRole('button', { name: 'Close this notice' }).click({ trial: true });
  await page.getByRole('button', { name: 'Dismiss' }).click();
  await expect(page.getByText('No sharded checkpoint was found in this folder.')).toBeHidden();
  // Without a folder it only brings the window to the front.
  await app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]!.minimize());
  await startAgain(app, '/');
  await expect
    .poll(() => app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().map((one) => one.isMinimized())))
    .toEqual([false]);
  expect(problems).toEqual([]);
});

/** Drags something onto the window and lets it go there, as Chromium hears of it from the system. */
async function drop(page: Page, data: { readonly files?: string[]; readonly url?: string }): Promise<void> {
  const session = await page.context().newCDPSession(page);
  const items = data.url === undefined ? [] : [{ mimeType: 'text/uri-list', data: data.url }];
  const dragged = { items, ...(data.files && { files: data.files }), dragOperationsMask: 1 };
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const) {
    await session.send('Input.dispatchDragEvent', { type, x: 400, y: 300, data: dragged });
    if (type === 'dragOver' && data.files) await expect(page.getByText('Drop the folder to open it')).toBeVisible();
  }
  await session.detach();
}

test('a folder that is dropped is opened', async ({ shardloom: { page, problems } }) => {
  await drop(page, { files: [sample.checkpoint] });
  await expect(page.getByText('All 8 ranks are whole and fit together.')).toBeVisible();
  const opened = await page.evaluate(() => window.shardloom.request('app:start'));
  expect(opened.ok && opened.value.opened?.folder).toBe(sample.checkpoint);
  expect(problems).toEqual([]);
});

test('whatever else is dropped leads nowhere', async ({ shardloom: { app, page, problems } }) => {
  await drop(page, { files: [join(sample.checkpoint, 'trainer_config.json')] });
  await expect(page.getByText('Drop the folder to open it')).toBeHidden();
  for (const url of ['https://example.com/', 'file:///etc/hostname', 'javascript:document.title="ran"']) {
    await drop(page, { url });
  }
  await page.waitForTimeout(400);
  expect(
    await app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows().map((one) => one.webContents.getURL())),
  ).toEqual(['app://shardloom/']);
  expect(await page.title()).toBe('Shardloom');
  expect(problems).toEqual([]);
});
