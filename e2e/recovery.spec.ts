import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, type ElectronApplication, type Page } from '@playwright/test';
import { answerFolderDialog, temporaryFolder } from './checkpoints.ts';
import { look } from './look.ts';
import {
  consolidation,
  endWith,
  kill,
  large,
  newOutputs,
  quit,
  remembered,
  resumeAll,
  small,
  test,
  unfinishedFile,
  writeUnfinished,
} from './unfinished.ts';
import { expectSameTensors } from './weights.ts';

async function open(app: ElectronApplication, page: Page, folder: string): Promise<void> {
  await answerFolderDialog(app, folder);
  await page.getByRole('button', { name: 'Open a checkpoint', exact: true }).click();
  await expect(page.getByRole('heading', { name: 'Overview' })).toBeVisible();
}

function closeWindow(app: ElectronApplication): Promise<void> {
  return app.evaluate(({ BrowserWindow }) => {
    setTimeout(() => BrowserWindow.getAllWindows()[0]?.close(), 0);
  });
}

test('after kill -9 in the middle of a job the next start says so, and resuming gives the right bytes', async ({
  start,
}) => {
  test.setTimeout(120_000);
  const home = temporaryFolder();
  const out = join(temporaryFolder(), 'llama-hf');
  const first = await start(home);
  await open(first.app, first.page, large.checkpoint);
  await answerFolderDialog(first.app, out);
  await first.page.getByRole('button', { name: 'Consolidate', exact: true }).click();
  await first.page.getByRole('button', { name: 'Choose output folder…' }).click();
  // The slower digest gives the time to be killed in the middle.
  await first.page.getByText('sha256', { exact: true }).click();
  await expect(first.page.locator('code', { hasText: '--digest sha256' })).toBeVisible();
  await first.page.getByRole('button', { name: 'Start' }).click();
  // When a few tensors have been noted as written.
  const journal = join(out, '.shardloom-partial/journal.jsonl');
  const noted = (): number => (existsSync(journal) ? readFileSync(journal, 'utf8').split('\n').length : 0);
  await expect.poll(noted, { intervals: [5] }).toBeGreaterThan(4);
  await kill(first.app);
  expect(existsSync(join(out, 'model.safetensors'))).toBe(false);

  const { app, page } = await start(home);
  const notice = page.getByRole('complementary', { name: 'A job was interrupted.' });
  await expect(notice).toContainText(/Consolidate checkpoint ?started just now ?into .*llama-hf/);
  await expect(notice).toContainText('Resuming keeps what is written already and has the right digest.');
  await notice.getByRole('button', { name: 'Show in Jobs' }).click();
  await expect(page.getByText('Shardloom ended while it was running.')).toBeVisible();
  await expect(page.getByText('1 job: 1 interrupted.')).toBeVisible();
  await page.getByRole('button', { name: 'Resume' }).click();
  await expect(page.getByRole('button', { name: 'Show in folder' })).toBeVisible({ timeout: 60_000 });
  await expect(page.getByText(/Continued an interrupted run: \d+ tensors/)).toBeVisible();
  await look(app, page, 'resumed');
  expectSameTensors(join(out, 'model.safetensors'), large.original);
  expect(readdirSync(out).filter((name) => name.startsWith('.'))).toEqual([]);
});

test('a folder in which a run was interrupted is said to be one before anything is started', async ({ start }) => {
  test.setTimeout(120_000);
  const { app, page } = await start(temporaryFolder());
  const out = join(temporaryFolder(), 'llama-hf');
  mkdirSync(join(out, '.shardloom-partial'), { recursive: true });
  writeFileSync(join(out, '.shardloom-partial/model.safetensors'), Buffer.alloc(2 ** 20, 1));
  await open(app, page, small.checkpoint);
  await answerFolderDialog(app, out);
  await page.getByRole('button', { name: 'Consolidate', exact: true }).click();
  await page.getByRole('button', { name: 'Choose output folder…' }).click();
  await expect(page.getByText(/A run was interrupted here. What it has written \(1.05 MB\) is kept/)).toBeVisible();
  await look(app, page, 'interrupted-here');
});

test('quitting asks once, and what ran and waited is offered again until it is dismissed', async ({ start }) => {
  test.setTimeout(120_000);
  const home = temporaryFolder();
  const outs = newOutputs(5);
  // Without the proof: what is stopped while it is proved is whole already.
  const first = await resumeAll(start, home, outs, false);
  const asked = join(home, 'asked');
  await first.app.evaluate(({ dialog }, file) => {
    const fs = process.getBuiltinModule('node:fs');
    let answer = 0;
    // Keep running; the second time: stop and quit.
    dialog.showMessageBoxSync = (...args: unknown[]) => {
      fs.appendFileSync(file, `${(args[1] as { message: string }).message}\n`);
      return answer++;
    };
  }, asked);
  await first.app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.close());
  expect(readFileSync(asked, 'utf8')).toBe('A job is still running.\n');
  await expect(first.page.getByText(/1 running/)).toBeVisible();
  await endWith(first.app, () => closeWindow(first.app));
  expect(readFileSync(asked, 'utf8')).toBe('A job is still running.\n'.repeat(2));

  const second = await start(home);
  const notice = second.page.getByRole('complementary', { name: /jobs were interrupted/ });
  await expect(notice.getByRole('listitem').last()).toContainText(/queued.*into/);
  await notice.getByRole('button', { name: 'Show in Jobs' }).click();
  await expect(second.page.getByText(/It was stopped when Shardloom was quit/)).toBeVisible();
  const left = remembered(home).length;
  await second.page.getByRole('button', { name: 'Dismiss', exact: true }).click();
  await expect.poll(() => remembered(home).length).toBe(left - 1);
  await second.page.getByRole('button', { name: 'Dismiss all interrupted' }).click();
  // Nothing is left of what had been begun.
  const partial = (): string[] => outs.filter((out) => existsSync(join(out, '.shardloom-partial')));
  await expect.poll(partial).toEqual([]);
  await expect(second.page.getByText('What you start is shown here')).toBeVisible();
  await quit(second.app);

  const third = await start(home);
  await expect(third.page.getByText('interrupted')).toHaveCount(0);
});

test('several are resumed at once, with the keyboard; a folder that is gone gives its error and the queue goes on', async ({
  start,
}) => {
  test.setTimeout(120_000);
  const home = temporaryFolder();
  const out = join(temporaryFolder(), 'llama-hf');
  writeUnfinished(home, [
    { ...consolidation(join(temporaryFolder(), 'gone'), join(temporaryFolder(), 'x')), name: 'gone' },
    consolidation(small.checkpoint, out),
  ]);
  const { page } = await start(home);
  const resume = page.getByRole('button', { name: 'Resume all' });
  for (let i = 0; i < 40 && !(await resume.evaluate((button) => button === document.activeElement)); i++) {
    await page.keyboard.press('Tab');
  }
  await page.keyboard.press('Enter');
  await expect(page.getByText('2 jobs: 1 done, 1 failed.')).toBeVisible();
  expectSameTensors(join(out, 'model.safetensors'), small.original);
  await page.getByRole('button', { name: /^gone/ }).click();
  await expect(page.getByRole('alert')).toContainText('gone');
});

test('a damaged file of unfinished jobs keeps nothing from starting', async ({ start }) => {
  const home = temporaryFolder();
  writeUnfinished(home, [{ nonsense: true }, consolidation(small.checkpoint, join(temporaryFolder(), 'out'))]);
  const first = await start(home);
  await expect(first.page.getByText('A job was interrupted.')).toBeVisible();
  await quit(first.app);
  writeFileSync(unfinishedFile(home), '{"jobs": [{');
  const { page } = await start(home);
  await expect(page.getByRole('button', { name: 'Try a sample' })).toBeVisible();
  await expect(page.getByText('was interrupted')).toHaveCount(0);
  expect(readFileSync(join(home, 'data/logs/main.log'), 'utf8')).toContain('unfinished jobs could not be read');
});

test('folders of interrupted jobs count as chosen, and no others', async ({ start }) => {
  const home = temporaryFolder();
  const out = join(temporaryFolder(), 'out');
  writeUnfinished(home, [consolidation(small.checkpoint, out)]);
  const { page } = await start(home);
  const sizes = {
    tensorParallelSize: 2,
    pipelineParallelSize: 1,
    virtualPipelineParallelSize: 1,
    kvSizeMultiplier: null,
    fuseQkv: false,
    xser: false,
  };
  const preview = (folder: string, into: string): Promise<unknown> => {
    const request = { from: 'checkpoint', folder, out: into, sizes, config: null, replace: false } as const;
    return page.evaluate((asked) => window.shardloom.request('sharding:preview', asked), request);
  };
  expect(await preview(small.checkpoint, out)).toMatchObject({ ok: true, value: { problem: null } });
  for (const [folder, into] of [
    [small.checkpoint, `${out}-2`],
    [large.checkpoint, out],
  ] as const) {
    expect(await preview(folder, into)).toMatchObject({ ok: false, problem: { what: 'Nobody chose this folder.' } });
  }
});

test('interrupted jobs and notices are fit to be looked at, with long names too', async ({ start }) => {
  test.setTimeout(240_000);
  const home = temporaryFolder();
  const root = '/fsx/experiments-of-the-large-language-models-team/a-run-with-a-name-that-says-everything-about-it';
  const long = 'llama-3-70b-instruct-finetuned-on-everything-checkpoint-000012000';
  const at = Date.now() - 7_200_000;
  const sizes = {
    tensorParallelSize: 32,
    pipelineParallelSize: 4,
    kvSizeMultiplier: null,
    fuseQkv: false,
    xser: true,
  };
  const shard = { kind: 'shard', from: 'checkpoint', out: `${root}/${long}-tp32`, sizes, config: null, replace: false };
  writeUnfinished(home, [
    { ...consolidation(`${root}/${long}`, `${root}/hf`), name: long, startedAt: null },
    { ...consolidation(`${root}/x`, `${root}/y`), name: 'x', work: { kind: 'verify-replicas' }, startedAt: null },
    { ...consolidation(`${root}/${long}`, ''), name: long, work: shard, startedAt: null },
    { ...consolidation(`${root}/${long}`, `${root}/${long}-hf`), name: long, queuedAt: at, endedAt: at + 60_000 },
  ]);
  const { app, page } = await start(home);
  await expect(page.getByText('4 jobs were interrupted.')).toBeVisible();
  await look(app, page, 'interrupted-welcome');
  await open(app, page, small.checkpoint);
  await look(app, page, 'interrupted-overview');
  await page.getByRole('button', { name: 'Show in Jobs' }).click();
  await expect(page.getByText('If you dismiss it')).toBeVisible();
  await app.evaluate(() => {
    setTimeout(() => {
      throw new Error(`ENOENT: no such file or directory, open '/fsx/${'a-folder-with-a-long-name/'.repeat(6)}x.json'`);
    }, 0);
  });
  await expect(page.getByRole('alert')).toBeVisible();
  await look(app, page, 'interrupted-jobs-and-trouble');
});
