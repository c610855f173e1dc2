import { copyFileSync, existsSync, readdirSync, readFileSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { expect, type Page } from '@playwright/test';
import { test } from './app-under-test.ts';
import { answerFolderDialog, copyOf, sampleCheckpoint, temporaryFolder } from './checkpoints.ts';
import { expectSameTensors, FIXTURES } from './weights.ts';

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
const sample = sampleCheckpoint('small');

test('starts with how to open something, and says which version it is', async ({
  shardloom: { app, page, problems },
}) => {
  await expect(page.getByRole('heading', { name: 'Open a checkpoint', level: 1 })).toBeVisible();
  await expect(page.getByRole('button', { name: 'Try a sample' })).toBeVisible();
  await expect(page.getByText(version)).toBeVisible();
  await page.getByRole('button', { name: 'Parameters' }).click();
  await expect(page.getByText('Open a checkpoint folder first.')).toBeVisible();
  expect(app.windows()).toHaveLength(1);
  expect(problems).toEqual([]);
});

test('the sample is one click away, and consolidates with its proof', async ({ shardloom: { page, problems } }) => {
  await page.getByRole('button', { name: 'Try a sample' }).click();
  await expect(page.getByText('All 8 ranks are whole and fit together.')).toBeVisible();
  await page.getByRole('button', { name: 'Consolidate…' }).click();
  await page.getByRole('checkbox', { name: 'Prove the round trip' }).check();
  await expect(page.locator('code', { hasText: '--verify' })).toBeVisible();
  await expect(page.getByText('1 weights file, 6.69 MB')).toBeVisible();
  await page.getByRole('button', { name: 'Start' }).click();
  await expect(page.getByText('Proved', { exact: true })).toBeVisible();
  await expect(
    page.getByText('Sharding the result again gives all 280 tensors on 8 ranks, byte for byte'),
  ).toBeVisible();
  await expect(page.getByText('All 71 copies on other ranks equal what was taken, byte for byte')).toBeVisible();
  await page.getByRole('button', { name: 'Show the digests of all tensors' }).click();
  await expect(page.getByText(/^xxh64:[0-9a-f]{16}$/).first()).toBeVisible();
  expect(problems).toEqual([]);
});

test('from the folder dialog to weights that equal what was sharded', async ({
  shardloom: { app, page, problems },
}) => {
  await answerFolderDialog(app, sample.checkpoint);
  await page.keyboard.press('Control+O');
  await expect(page.getByRole('heading', { name: 'Overview' })).toBeVisible();
  await expect(page.getByText('Llama · 3.34 M · bf16 · TP 8 × PP 1 · 6.98 MB')).toBeVisible();
  const out = join(temporaryFolder(), 'out');
  await answerFolderDialog(app, out);
  await page.getByRole('button', { name: 'Consolidate…' }).click();
  await page.getByRole('button', { name: 'Choose output folder…' }).click();
  await expect(page.locator('code', { hasText: out })).toBeVisible();
  await page.getByRole('button', { name: 'Start' }).click();
  await expect(page.getByRole('button', { name: 'Show in folder' })).toBeVisible();
  expectSameTensors(join(out, 'model.safetensors'), sample.original);
  expect(problems).toEqual([]);
});

for (const fixture of ['llama-tp8-kv4-fused-xser', 'lora-tp2-two-adapters']) {
  test(`${fixture}: the window's result is the expected one`, async ({ shardloom: { app, page, problems } }) => {
    await answerFolderDialog(app, join(FIXTURES, fixture, 'checkpoint'));
    await page.getByRole('button', { name: 'Open folder…' }).click();
    await expect(page.getByRole('heading', { name: 'Overview' })).toBeVisible();
    const out = join(temporaryFolder(), 'out');
    await answerFolderDialog(app, out);
    await page.getByRole('button', { name: 'Consolidate', exact: true }).click();
    await page.getByRole('button', { name: 'Choose output folder…' }).click();
    await expect(page.locator('code', { hasText: out })).toBeVisible();
    await page.getByRole('button', { name: 'Start' }).click();
    await expect(page.getByRole('button', { name: 'Show in folder' })).toBeVisible();
    const expected = join(FIXTURES, fixture, 'expected');
    const files = readdirSync(expected, { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.safetensors'),
    );
    expect(files.length).toBeGreaterThan(0);
    for (const file of files) expectSameTensors(join(out, file), join(expected, file));
    expect(problems).toEqual([]);
  });
}

test('a job that is cancelled half-way leaves nothing', async ({ shardloom: { app, page, problems } }) => {
  const large = sampleCheckpoint('large', '--size', 'large');
  await answerFolderDialog(app, large.checkpoint);
  await page.getByRole('button', { name: 'Open folder…' }).click();
  await expect(page.getByRole('heading', { name: 'Overview' })).toBeVisible();
  const out = join(temporaryFolder(), 'out');
  await answerFolderDialog(app, out);
  await page.getByRole('button', { name: 'Consolidate', exact: true }).click();
  await page.getByRole('button', { name: 'Choose output folder…' }).click();
  // The slower digest gives the time to cancel.
  await page.getByText('sha256', { exact: true }).click();
  await expect(page.locator('code', { hasText: '--digest sha256' })).toBeVisible();
  await page.getByRole('button', { name: 'Start' }).click();
  await page.getByRole('button', { name: 'Cancel', exact: true }).click();
  await expect(page.getByText('Cancelled. Nothing was left in the output folder.')).toBeVisible();
  expect(existsSync(out) ? readdirSync(out) : []).toEqual([]);
  await page.getByRole('button', { name: 'Try again' }).click();
  await expect(page.getByRole('button', { name: 'Show in folder' })).toBeVisible({ timeout: 60_000 });
  expectSameTensors(join(out, 'model.safetensors'), large.original);
  expect(problems).toEqual([]);
});

test('a damaged folder says which file to fetch, and opens once that is there', async ({
  shardloom: { app, page, problems },
}) => {
  const folder = copyOf(sample.checkpoint);
  const rank = (tp: number): string => join(folder, `shards/model/dp_rank_00_tp_rank_0${tp}_pp_rank_00.pt`);
  rmSync(rank(5));
  truncateSync(rank(2), 1000);
  await answerFolderDialog(app, folder);
  await page.getByRole('button', { name: 'Open folder…' }).click();
  await expect(page.getByText('1 of 8 ranks is missing, 1 is damaged.', { exact: false })).toBeVisible();
  await expect(page.getByText('Shard for TP rank 5 is missing.')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Consolidate…' })).toBeDisabled();
  await expect(page.getByRole('button', { name: /^TP 5, PP 0: missing/ })).toBeVisible();
  await expect(page.getByRole('button', { name: /^TP 2, PP 0: damaged/ })).toBeVisible();
  await page.keyboard.press('Control+2');
  await expect(page.getByText('The shards cannot be joined, so there is no mapping to show.')).toBeVisible();
  await page.getByRole('button', { name: 'Replicas', exact: true }).click();
  await expect(page.getByText('The copies cannot be compared')).toBeVisible();
  await expect(page.getByRole('button', { name: /^Compare/ })).toHaveCount(0);
  await page.keyboard.press('Control+1');
  const whole = join(sample.checkpoint, 'shards/model');
  for (const tp of [2, 5]) copyFileSync(join(whole, `dp_rank_00_tp_rank_0${tp}_pp_rank_00.pt`), rank(tp));
  await page.getByRole('button', { name: 'Read again' }).click();
  await expect(page.getByText('All 8 ranks are whole and fit together.')).toBeVisible();
  expect(problems).toEqual([]);
});

test('a folder that is no checkpoint is said to be none', async ({ shardloom: { app, page, problems } }) => {
  await answerFolderDialog(app, temporaryFolder());
  await page.getByRole('button', { name: 'Open folder…' }).click();
  await expect(page.getByText('No sharded checkpoint was found in this folder.')).toBeVisible();
  expect(problems).toEqual([]);
});

test('everything with the keyboard alone', async ({ shardloom: { app, page, problems } }) => {
  await answerFolderDialog(app, sample.checkpoint);
  await page.keyboard.press('Control+O');
  await expect(page.getByRole('heading', { name: 'Overview' })).toBeVisible();
  const out = join(temporaryFolder(), 'out');
  await answerFolderDialog(app, out);
  await page.keyboard.press('Control+K');
  await page.keyboard.type('consolidate');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', { name: 'Consolidate' })).toBeVisible();
  await tabTo(page, 'Choose…');
  await page.keyboard.press('Enter');
  await expect(page.locator('code', { hasText: out })).toBeVisible();
  await tabTo(page, 'Start');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('button', { name: 'Show in folder' })).toBeVisible();
  await page.keyboard.press('Control+1');
  await expect(page.getByRole('heading', { name: 'Overview' })).toBeVisible();
  expectSameTensors(join(out, 'model.safetensors'), sample.original);
  expect(problems).toEqual([]);
});

/** Goes on with Tab until the element with this text has the focus, at most once around. */
async function tabTo(page: Page, text: string): Promise<void> {
  for (let i = 0; i < 60; i++) {
    await page.keyboard.press('Tab');
    if ((await page.evaluate(() => document.activeElement?.textContent.trim())) === text) return;
  }
  throw new Error(`Tab never came to ${text}.`);
}

test('remembers what was open', async ({ shardloom: { app, page, problems } }) => {
  await answerFolderDialog(app, sample.checkpoint);
  await page.getByRole('button', { name: 'Open folder…' }).click();
  await expect(page.getByRole('heading', { name: 'Overview' })).toBeVisible();
  await page.reload();
  // The checkpoint is open in the main process: a page that is loaded again shows it at once.
  await expect(page.getByText('All 8 ranks are whole and fit together.')).toBeVisible();
  await page.getByRole('button', { name: 'More' }).click();
  await page.getByRole('menuitem', { name: 'Close the checkpoint' }).click();
  await page.getByRole('button', { name: /^checkpoint/ }).click();
  await expect(page.getByText('All 8 ranks are whole and fit together.')).toBeVisible();
  expect(problems).toEqual([]);
});
