import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, type ElectronApplication } from '@playwright/test';
import { answerFolderDialog, temporaryFolder } from './checkpoints.ts';
import { endThread, endWithNextTask, large, newOutputs, resumeAll, small, test } from './unfinished.ts';
import { expectSameTensors } from './weights.ts';

test('a page that crashes is loaded again while jobs go on; one that crashes at once again is not', async ({
  start,
}) => {
  test.setTimeout(120_000);
  const outs = newOutputs(4);
  const { app } = await resumeAll(start, temporaryFolder(), outs);
  await crash(app);
  await expect.poll(() => textOf(app), { timeout: 15_000 }).toContain('The window failed and was loaded again.');
  await app.evaluate(({ dialog }) => {
    dialog.showMessageBox = ((...args: unknown[]) => {
      Reflect.set(globalThis, 'asked', (args[1] as { message: string }).message);
      return new Promise(() => undefined);
    }) as never;
  });
  await crash(app);
  await expect
    .poll(() => app.evaluate(() => Reflect.get(globalThis, 'asked') as string))
    .toBe('The window has failed again.');
  for (const out of outs) {
    await expect.poll(() => existsSync(join(out, 'shardloom.json')), { timeout: 60_000 }).toBe(true);
    expectSameTensors(join(out, 'model.safetensors'), large.original);
  }
});

async function crash(app: ElectronApplication): Promise<void> {
  await app.evaluate(({ BrowserWindow }) => {
    BrowserWindow.getAllWindows()[0]?.webContents.forcefullyCrashRenderer();
  });
}

/** What the page shows. Playwright's own page has ended with the crash. */
async function textOf(app: ElectronApplication): Promise<string> {
  return app.evaluate(async ({ BrowserWindow }) => {
    const contents = BrowserWindow.getAllWindows()[0]?.webContents;
    if (!contents || contents.isCrashed() || contents.isLoading()) return '';
    // A page that goes away meanwhile never answers.
    const late = new Promise<string>((resolve) => setTimeout(resolve, 1000, ''));
    return Promise.race([contents.executeJavaScript('document.body.innerText') as Promise<string>, late]);
  });
}

for (const when of ['while it starts', 'in the middle']) {
  test(`a job whose thread ends ${when} fails, and the queue goes on`, async ({ start }) => {
    test.setTimeout(120_000);
    const outs = newOutputs(3) as [string, string, string];
    const { app, page } = await resumeAll(start, temporaryFolder(), outs);
    if (when === 'in the middle') {
      const begun = (): boolean => outs.some((out) => existsSync(join(out, '.shardloom-partial')));
      await expect.poll(begun, { intervals: [5] }).toBe(true);
    }
    await endThread(app, 'job-worker');
    await expect(page.getByText('3 jobs: 2 done, 1 failed.')).toBeVisible({ timeout: 60_000 });
    await page.getByRole('button', { name: /Failed$/ }).click();
    await expect(page.getByText('The job’s thread ended unexpectedly.')).toBeVisible();
    await expect(page.getByRole('button', { name: 'Export diagnostics…' })).toBeVisible();
    const whole = outs.filter((out) => existsSync(join(out, 'model.safetensors')));
    expect(whole).toHaveLength(2);
    for (const out of whole) expectSameTensors(join(out, 'model.safetensors'), large.original);
    await page.getByRole('button', { name: 'Try again' }).click();
    await expect(page.getByText('3 jobs: 3 done.')).toBeVisible({ timeout: 60_000 });
    for (const out of outs) expectSameTensors(join(out, 'model.safetensors'), large.original);
  });
}

test('when the inspecting thread ends, that is said, and what was open is opened again', async ({
  shardloom: { app, page, problems },
}) => {
  await answerFolderDialog(app, small.checkpoint);
  await page.getByRole('button', { name: 'Open a checkpoint', exact: true }).click();
  await expect(page.getByRole('heading', { name: 'Overview' })).toBeVisible();
  await endWithNextTask(app, 'inspect-worker');
  const request = { checkpoint: 1, part: 'model', rank: { tp: 0, pp: 0 } } as const;
  const answer = await page.evaluate((which) => window.shardloom.request('checkpoint:rank', which), request);
  expect(answer).toMatchObject({ ok: false, problem: { what: 'The inspecting thread ended unexpectedly.' } });
  await page.keyboard.press('Control+2');
  await expect(page.getByText('39 rows')).toBeVisible();
  expect(problems).toEqual([]);
});

test('what fails in the main process is told, written down, and ends nothing', async ({ shardloom: { app, page } }) => {
  await app.evaluate(() => {
    setTimeout(() => {
      throw new Error('on purpose');
    }, 0);
  });
  const notice = page.getByRole('alert');
  await expect(notice).toContainText('Something failed, and Shardloom went on without it.');
  await expect(notice).toContainText('on purpose');
  await notice.getByRole('button', { name: 'Close this notice' }).click();
  await expect(notice).toHaveCount(0);
  await app.evaluate(() => {
    void Promise.reject(new Error('a promise'));
  });
  await expect(page.getByRole('alert')).toContainText('a promise');
  await page.getByRole('button', { name: 'Try a sample' }).click();
  await expect(page.getByText('All 8 ranks are whole and fit together.')).toBeVisible();
  const data = await app.evaluate(({ app: electron }) => electron.getPath('userData'));
  const log = readFileSync(join(data, 'logs/main.log'), 'utf8');
  for (const text of [
    'started {"version"',
    'uncaught exception\nError: on purpose\n    at',
    'unhandled rejection',
    'opened {"folder"',
  ])
    expect(log).toContain(text);
});
