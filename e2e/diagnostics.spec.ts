import { readFileSync, rmSync } from 'node:fs';
import { userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { expect, type ElectronApplication, type Page } from '@playwright/test';
import { test } from './app-under-test.ts';
import { answerFolderDialog, copyOf, sampleCheckpoint, temporaryFolder } from './checkpoints.ts';
import { look } from './look.ts';
import { textsOfZip } from '../test/support/zip.ts';

const sample = sampleCheckpoint('diagnosed');

/** Makes the system's dialog for saving answer with this file, and remembers what is shown in the file manager. */
async function answerSaveDialog(app: ElectronApplication, file: string): Promise<void> {
  await app.evaluate(({ dialog, shell }, chosen) => {
    dialog.showSaveDialog = () => Promise.resolve({ canceled: false, filePath: chosen });
    shell.showItemInFolder = (shown) => {
      Reflect.set(globalThis, 'shown', shown);
    };
  }, file);
}

async function openFailing(app: ElectronApplication, page: Page): Promise<{ folder: string; out: string }> {
  const folder = copyOf(sample.checkpoint);
  await answerFolderDialog(app, folder);
  await page.keyboard.press('Control+O');
  await expect(page.getByRole('heading', { name: 'Overview' })).toBeVisible();
  const out = join(temporaryFolder(), 'llama-hf');
  await answerFolderDialog(app, out);
  await page.getByRole('button', { name: 'Consolidate', exact: true }).click();
  await page.getByRole('button', { name: 'Choose output folder…' }).click();
  await expect(page.locator('code', { hasText: out })).toBeVisible();
  rmSync(join(folder, 'shards/model/dp_rank_00_tp_rank_03_pp_rank_00.pt'));
  await page.getByRole('button', { name: 'Start' }).click();
  await expect(page.getByText('Shard for TP rank 3 is missing.')).toBeVisible();
  return { folder, out };
}

test('a failed job is one click away from a bundle without paths and weights', async ({
  shardloom: { app, page, problems },
}) => {
  const { folder, out } = await openFailing(app, page);
  await page.getByRole('button', { name: 'Export diagnostics…' }).click();
  const dialog = page.getByRole('dialog', { name: 'Export diagnostics' });
  await expect(dialog.getByText('error.txt')).toBeVisible();
  await expect(dialog.getByRole('checkbox', { name: 'Shorten paths' })).toBeChecked();
  const file = join(temporaryFolder(), 'diagnostics.zip');
  await answerSaveDialog(app, file);
  await dialog.getByRole('button', { name: 'Save…' }).click();
  await dialog.getByRole('button', { name: 'Show in folder' }).click();
  expect(await app.evaluate(() => Reflect.get(globalThis, 'shown') as string)).toBe(file);
  const texts = await textsOfZip(readFileSync(file));
  expect([...texts.keys()]).toEqual([
    'README.txt',
    'versions.json',
    'error.txt',
    'checkpoint.json',
    'jobs.json',
    'log.txt',
  ]);
  expect(texts.get('error.txt')).toContain('Shard for TP rank 3 is missing.');
  expect(texts.get('error.txt')).toContain('<checkpoint>/shards/model/dp_rank_00_tp_rank_03_pp_rank_00.pt');
  expect(texts.get('jobs.json')).toContain('shardloom consolidate <checkpoint> <output>');
  expect(texts.get('log.txt')).toContain('job failed {"id":1,');
  expect(texts.get('versions.json')).toMatch(/"electron": "\d+\.\d+/);
  const data = await app.evaluate(({ app: electron }) => electron.getPath('userData'));
  const user = userInfo().username;
  for (const [name, text] of texts) {
    for (const private_ of [folder, dirname(folder), out, dirname(out), dirname(data)]) {
      expect(text, `${private_} in ${name}`).not.toContain(private_);
    }
    expect(text.split(/[^\p{L}\p{N}]+/u), `${user} in ${name}`).not.toContain(user);
  }
  expect(problems).toEqual([]);
});

test('from the menu, the palette and the header; with whole paths if that is asked for', async ({
  shardloom: { app, page, problems },
}) => {
  await answerFolderDialog(app, sample.checkpoint);
  await page.keyboard.press('Control+O');
  await expect(page.getByRole('heading', { name: 'Overview' })).toBeVisible();
  const dialog = page.getByRole('dialog', { name: 'Export diagnostics' });
  await page.getByRole('button', { name: 'More' }).click();
  await page.getByRole('menuitem', { name: 'Export diagnostics…' }).click();
  await expect(dialog).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(dialog).toHaveCount(0);
  await page.keyboard.press('Control+K');
  await page.keyboard.type('diagnostics');
  await page.keyboard.press('Enter');
  await expect(dialog).toBeVisible();
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await expect(dialog).toHaveCount(0);
  await app.evaluate(({ Menu, BrowserWindow }) => {
    const help = Menu.getApplicationMenu()?.items.at(-1)?.submenu?.items[0];
    help?.click(undefined, BrowserWindow.getAllWindows()[0], undefined);
  });
  await expect(dialog.getByText('plan.txt')).toBeVisible();
  await look(app, page, 'diagnostics');
  await dialog.getByText('Shorten paths').click();
  const file = join(temporaryFolder(), 'diagnostics.zip');
  await answerSaveDialog(app, file);
  await dialog.getByRole('button', { name: 'Save…' }).click();
  await expect(dialog.getByText('Saved.')).toBeVisible();
  await look(app, page, 'diagnostics-saved');
  const texts = await textsOfZip(readFileSync(file));
  expect(texts.get('checkpoint.json')).toContain(sample.checkpoint);
  expect(texts.get('plan.txt')).toContain('model.safetensors  6.69 MB');
  expect(problems).toEqual([]);
});
