/** How the app starts a second time, ends while it works, and takes what is dropped on it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { expect, type ElectronApplication, type Page } from '@playwright/test';
import { test } from './app-under-test.ts';
import { answerFolderDialog, sampleCheckpoint, temporaryFolder } from './checkpoints.ts';
import { packagedExecutable } from './launch.ts';
import { isRoot } from './spawned.ts';

const sample = sampleCheckpoint('small');

/** Answers of the question whether a running job may be given up, and how often it was asked. */
async function answerTheQuestion(
  app: ElectronApplication,
  answer: 'Keep Running' | 'Cancel It and Quit',
): Promise<void> {
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
  await answerTheQuestion(app, 'Cancel It and Quit');
  const closed = app.waitForEvent('close');
  await app.evaluate(({ BrowserWindow }) => {
    // Not within this call, which the end of the app would leave without an answer.
    setTimeout(() => BrowserWindow.getAllWindows()[0]!.close(), 100);
  });
  await closed;
  // What was finished is whole. Nothing half-written is left of what was not.
  const left = readdirSync(into, { recursive: true, encoding: 'utf8' });
  expect(left.filter((name) => basename(name).startsWith('.'))).toEqual([]);
  const folders = readdirSync(into);
  expect(folders.length).toBeLessThan(6);
  for (const name of folders) expect(existsSync(join(into, name, 'shardloom.json')), name).toBe(true);
});
