import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readFileSync, readSync, writeSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { expect, type ElectronApplication, type Locator, type Page } from '@playwright/test';
import { test } from './app-under-test.ts';
import { answerFolderDialog, copyOf, sampleCheckpoint, temporaryFolder } from './checkpoints.ts';
import { look, resize } from './look.ts';

const sample = sampleCheckpoint('diff', '--lora');
const original = dirname(sample.original);

function shardloom(...words: string[]): string {
  const folder = join(temporaryFolder(), 'out');
  execFileSync(process.execPath, [resolve('dist/cli.js'), ...words, folder], { stdio: 'pipe' });
  return folder;
}

async function compare(app: ElectronApplication, page: Page, right: string): Promise<void> {
  await answerFolderDialog(app, right);
  await page.getByRole('button', { name: 'Choose right folder…' }).click();
  await expect(page.getByRole('combobox', { name: 'Right' })).toHaveValue(right);
  await page.getByRole('button', { name: 'Compare', exact: true }).click();
}

async function open(app: ElectronApplication, page: Page, folder: string): Promise<void> {
  await answerFolderDialog(app, folder);
  await page.getByRole('button', { name: 'Open a checkpoint', exact: true }).click();
  await expect(page.getByRole('heading', { name: 'Overview' })).toBeVisible();
  await page.getByRole('button', { name: 'Diff', exact: true }).click();
}

/** Zooms in on the changed element with the pointer, reads both sides under it, and chooses it. */
async function findOnPicture(page: Page, picture: Locator): Promise<void> {
  const at = /At \[(\d+), (\d+)\]/.exec(await page.getByLabel('Largest difference').innerText());
  const shape = /BF16 (\d+) × (\d+)/.exec(
    await page
      .getByText(/BF16 \d+ ×/)
      .first()
      .innerText(),
  );
  const box = (await picture.boundingBox())!;
  const middle = (axis: number): number => (Number(at![axis]) + 0.5) / Number(shape![axis]);
  await page.mouse.move(box.x + middle(2) * box.width, box.y + middle(1) * box.height);
  const readout = page.getByText(new RegExp(`\\[${at![1]}, ${at![2]}\\] .+ → .+`));
  await expect(readout).toBeVisible();
  await page.keyboard.down('Control');
  for (let step = 0; step < 8; step++) await page.mouse.wheel(0, -100);
  await page.keyboard.up('Control');
  await expect(page.getByText(/^rows \d+–\d+, columns/)).toBeVisible();
  await expect(picture).toHaveAttribute('data-picture', 'whole');
  // The window keeps whole elements, so that they move a little under the pointer.
  const shown = /^rows (\d+)–(\d+), columns (\d+)–(\d+)/.exec(await page.getByText(/^rows \d/).innerText())!;
  const [row, lastRow, column, lastColumn] = shown.slice(1).map(Number) as [number, number, number, number];
  const share = (index: number, from: number, to: number): number => (index + 0.5 - from) / (to + 1 - from);
  await page.mouse.move(
    box.x + share(Number(at![2]), column, lastColumn) * box.width,
    box.y + share(Number(at![1]), row, lastRow) * box.height,
  );
  await expect(readout).toBeVisible();
  await page.mouse.down();
  await page.mouse.up();
  await expect(page.getByLabel('Chosen element')).toContainText(`[${at![1]}, ${at![2]}]`);
  await expect(page.getByLabel('Chosen element')).toContainText('TP rank 3');
}

test('shards against what they were made from: identical; one changed element: tensor, element and rank', async ({
  shardloom: { app, page, problems },
}) => {
  test.setTimeout(180_000);
  const damaged = copyOf(sample.checkpoint);
  await open(app, page, damaged);
  await look(app, page, 'diff-empty');
  await compare(app, page, original);
  await expect(page.getByText('All 39 tensors are identical, byte for byte.')).toBeVisible();
  await expect(page.getByText('Not compared: adapter default on the left.')).toBeVisible();
  await look(app, page, 'diff-identical');
  // Somewhere in the middle of what rank 3 holds.
  const fd = openSync(join(damaged, 'shards/model/dp_rank_00_tp_rank_03_pp_rank_00.pt'), 'r+');
  const element = Buffer.alloc(2);
  readSync(fd, element, 0, 2, 300_000);
  element[1]! ^= 0x80;
  writeSync(fd, element, 0, 2, 300_000);
  closeSync(fd);
  await page.getByRole('button', { name: 'Compare again' }).click();
  await expect(page.getByText(/Of 39 tensors: 1 differs, 38 identical/)).toBeVisible();
  await expect(page.getByText(/TP rank 3, stage 0/)).toBeVisible();
  const picture = page.getByRole('img', { name: 'Differences as colours' });
  await expect(picture).toHaveAttribute('data-picture', 'whole');
  await look(app, page, 'diff-one-element');
  await findOnPicture(page, picture);
  await look(app, page, 'diff-zoomed');
  await page.keyboard.press('Escape');
  await expect(page.getByLabel('Largest difference')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(picture).toHaveCount(0);
  await page.keyboard.press('Escape');
  await expect(page.getByRole('heading', { name: 'Diff', exact: true })).toBeVisible();
  expect(problems).toEqual([]);
});

test('everything different, missing tensors, other dtypes; swapped, and saved as a report', async ({
  shardloom: { app, page, problems },
}) => {
  test.setTimeout(240_000);
  await open(app, page, sample.checkpoint);
  const merged = shardloom('merge', original, sample.checkpoint);
  await compare(app, page, merged);
  await expect(page.getByText(/28 differ, 11 identical/)).toBeVisible();
  await expect(page.getByText(/moved by \d/)).toBeVisible();
  // The picture says what is chosen in the table; another place in between changes nothing.
  const table = page.getByRole('grid', { name: 'Tensors' });
  await table.focus();
  for (let step = 0; step < 3; step++) await page.keyboard.press('ArrowDown');
  const cell = table.locator('[data-marked] [role=gridcell]').first();
  const [chosen] = (await cell.innerText()).split('\n') as [string];
  await expect(page.getByText(new RegExp(`${chosen}.* moved by`))).toBeVisible();
  await page.keyboard.press('Control+2');
  await page.keyboard.press('Control+7');
  await expect(page.getByText(new RegExp(`${chosen}.* moved by`))).toBeVisible();
  await look(app, page, 'diff-many');
  // Below the picture there are still the table's head and six rows, though all of it may have to be scrolled.
  await resize(app, page, 1024, 640);
  expect((await table.boundingBox())!.height).toBeGreaterThanOrEqual(7 * 28);
  await table.scrollIntoViewIfNeeded();
  await expect(table.getByRole('row').nth(6)).toBeInViewport();
  await page.getByText('By layer').click();
  await expect(page.getByText(/Layer 3/)).toBeVisible();
  await expect(page.getByText('7 of 9 differ').first()).toBeVisible();
  await page.getByRole('textbox', { name: 'Filter by name' }).fill('down_proj');
  await expect(page.getByText('4 of 39 tensors')).toBeVisible();
  await look(app, page, 'diff-grouped');
  await page.getByRole('textbox', { name: 'Filter by name' }).fill('');
  await page.getByText('No groups').click();
  const report = join(temporaryFolder(), 'report.html');
  await app.evaluate(({ dialog }, filePath) => {
    dialog.showSaveDialog = () => Promise.resolve({ canceled: false, filePath });
  }, report);
  await page.getByRole('button', { name: 'Save report…' }).click();
  await expect.poll(() => readFileSync(report, { encoding: 'utf8', flag: 'a+' })).toContain('28 differ');
  await compare(app, page, shardloom('consolidate', sample.checkpoint, '--only', 'model', '--dtype', 'float32', '--'));
  await expect(page.getByText('All 39 tensors hold the same values.')).toBeVisible();
  await look(app, page, 'diff-dtypes');
  const other = sampleCheckpoint('smaller', '--size', 'large');
  await compare(app, page, dirname(other.original));
  await expect(page.getByText(/only on the right/).first()).toBeVisible();
  await look(app, page, 'diff-missing');
  await page.getByRole('button', { name: 'Swap the sides' }).click();
  await expect(page.getByRole('combobox', { name: 'Right' })).toHaveValue(sample.checkpoint);
  expect(problems).toEqual([]);
});

test('a finished consolidation is compared with the original model in one step', async ({
  shardloom: { app, page, problems },
}) => {
  await answerFolderDialog(app, sample.checkpoint);
  await page.getByRole('button', { name: 'Open a checkpoint', exact: true }).click();
  await expect(page.getByRole('heading', { name: 'Overview' })).toBeVisible();
  await page.getByRole('button', { name: 'Consolidate', exact: true }).click();
  await answerFolderDialog(app, join(temporaryFolder(), 'hf'));
  await page.getByRole('button', { name: 'Choose output folder…' }).click();
  await page.getByRole('button', { name: 'Start' }).click();
  await expect(page.getByRole('button', { name: 'Show in folder' })).toBeVisible();
  await answerFolderDialog(app, original);
  await page.getByRole('button', { name: 'Compare with the original model…' }).click();
  await expect(page.getByText('All 39 tensors are identical, byte for byte.')).toBeVisible();
  expect(problems).toEqual([]);
});
