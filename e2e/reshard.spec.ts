import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { expect } from '@playwright/test';
import { look } from './look.ts';
import { test } from './app-under-test.ts';
import { answerFolderDialog, sampleCheckpoint, temporaryFolder } from './checkpoints.ts';

const sample = sampleCheckpoint('reshard');
const CLI = resolve('dist/cli.js');

function shardloom(...words: string[]): string {
  return execFileSync(process.execPath, [CLI, ...words], { encoding: 'utf8' });
}

/** Every file below a folder with its bytes. */
function contents(folder: string): Map<string, string> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return new Map(
    files.map((entry) => {
      const file = join(entry.parentPath, entry.name);
      return [file.slice(folder.length), readFileSync(file).toString('latin1')];
    }),
  );
}

test('Hugging Face weights become a checkpoint with no checkpoint open, as on the command line', async ({
  shardloom: { app, page, problems },
}) => {
  await page.getByRole('button', { name: 'Reshard', exact: true }).click();
  await expect(page.getByText('to see what would be written')).toBeVisible();
  await answerFolderDialog(app, dirname(sample.original));
  await page.getByRole('button', { name: 'Choose hugging face folder…' }).click();
  const out = join(temporaryFolder(), 'sharded');
  await answerFolderDialog(app, out);
  await page.getByRole('button', { name: 'Choose output folder…' }).click();
  await page.getByRole('textbox', { name: 'Tensor parallel size' }).fill('12');
  await expect(page.getByText(/cannot be split over TP 12/)).toBeVisible();
  await expect(page.getByRole('button', { name: 'Start' })).toBeDisabled();
  await page.getByRole('textbox', { name: 'Tensor parallel size' }).fill('4');
  await page.getByRole('textbox', { name: 'Pipeline parallel size', exact: true }).fill('2');
  await page.getByRole('checkbox', { name: 'One file per tensor' }).check();
  await expect(page.locator('code', { hasText: '--tp 4 --pp 2 --xser' })).toBeVisible();
  await page.getByRole('button', { name: 'Start' }).click();
  await expect(page.getByRole('button', { name: 'Show in folder' })).toBeVisible();
  const other = join(temporaryFolder(), 'sharded');
  shardloom('shard', dirname(sample.original), other, '--tp', '4', '--pp', '2', '--xser');
  expect(contents(out)).toEqual(contents(other));
  expect(problems).toEqual([]);
});

test('an open checkpoint is written with other sizes', async ({ shardloom: { app, page, problems } }) => {
  test.setTimeout(120_000);
  await answerFolderDialog(app, sample.checkpoint);
  await page.getByRole('button', { name: 'Open a checkpoint', exact: true }).click();
  await expect(page.getByRole('heading', { name: 'Overview' })).toBeVisible();
  await page.getByRole('button', { name: 'Reshard', exact: true }).click();
  await page.getByRole('textbox', { name: 'Tensor parallel size' }).fill('2');
  const out = join(temporaryFolder(), 'tp2');
  await answerFolderDialog(app, out);
  await page.getByRole('button', { name: 'Choose output folder…' }).click();
  await expect(page.locator('code', { hasText: out })).toBeVisible();
  await look(app, page, 'reshard');
  await page.getByRole('textbox', { name: 'KV size multiplier' }).fill('3');
  await page.getByRole('textbox', { name: 'Tensor parallel size' }).fill('8');
  await expect(page.getByText(/cannot be repeated 3 times/)).toBeVisible();
  await look(app, page, 'reshard-problem');
  await page.getByRole('textbox', { name: 'KV size multiplier' }).fill('');
  await page.getByRole('textbox', { name: 'Tensor parallel size' }).fill('2');
  await expect(page.getByText('2 weights files')).toBeVisible();
  await page.getByRole('button', { name: 'Start' }).click();
  await expect(page.getByRole('button', { name: 'Show in folder' })).toBeVisible();
  await look(app, page, 'jobs-reshard');
  expect(shardloom('verify', out, dirname(sample.original))).toContain('proved');
  expect(problems).toEqual([]);
});
