import { readFileSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, type ElectronApplication, type Page } from '@playwright/test';
import { reloadPage, test } from './app-under-test.ts';
import { answerFolderDialog, copyOf, sampleCheckpoint } from './checkpoints.ts';
import { bfloat16At } from './weights.ts';

const sample = sampleCheckpoint('ranks');
const K_PROJ = 'model.layers.0.self_attn.k_proj.weight';

async function open(app: ElectronApplication, page: Page, folder: string): Promise<void> {
  await answerFolderDialog(app, folder);
  await page.keyboard.press('Control+O');
  await expect(page.getByRole('heading', { name: 'Overview' })).toBeVisible();
}

async function showLayout(page: Page, name: string): Promise<void> {
  await page.getByRole('button', { name: 'Layout', exact: true }).click();
  await page.getByRole('combobox', { name: 'Parameter' }).fill(name);
  await page.getByRole('option', { name }).click();
  await expect(page.getByRole('complementary')).toContainText(name);
}

test('layout: a region stands out with its copies, and its element is the one on disk, there and back', async ({
  shardloom: { app, page, problems },
}) => {
  await open(app, page, sample.checkpoint);
  await showLayout(page, K_PROJ);
  const regions = page.getByRole('grid', { name: 'Regions of the parameter' });
  await regions.focus();
  for (let i = 0; i < 4; i++) await page.keyboard.press('ArrowDown');
  await expect(page.getByText('TP rank 3 holds KV head 3 (replica 1 of 2): rows 48–63 of k_proj.')).toBeVisible();
  await expect(page.getByText('Also on')).toBeVisible();
  await page.getByRole('textbox', { name: 'Column' }).fill('17');
  const element = page.getByRole('region', { name: 'Element' });
  await expect(element).toContainText(`[48, 17] =`);
  await expect(element).toContainText(String(bfloat16At(sample.original, K_PROJ, 48, 17)));
  await element.getByRole('button', { name: 'Copy as Python' }).first().click();
  await expect.poll(() => app.evaluate(({ clipboard }) => clipboard.readText())).toContain('np.memmap');
  const python = await app.evaluate(({ clipboard }) => clipboard.readText());
  const [, file, offset] = /memmap\("([^"]+)".*offset=(\d+)/.exec(python)!;
  expect(readFileSync(file!).readUInt16LE(Number(offset))).toBe(
    new Uint16Array(Float32Array.of(bfloat16At(sample.original, K_PROJ, 48, 17)).buffer)[1],
  );
  await element
    .getByRole('button', { name: /weight_k/ })
    .first()
    .click();
  await expect(page.getByText(/TP rank 3 has stored 35 tensors/)).toBeVisible();
  await expect(page.getByRole('complementary', { name: /weight_k/ })).toBeVisible();
  await expect(page.getByRole('button', { name: /k_proj\.weight\[48, 0\]/ })).toBeVisible();
  expect(problems).toEqual([]);
});

test('layout: pointing joins both sides, a whole layer is on one page', async ({
  shardloom: { app, page, problems },
}) => {
  await open(app, page, sample.checkpoint);
  await showLayout(page, K_PROJ);
  await page.locator('svg [data-block="1"]').first().hover();
  await expect(page.getByText('TP rank 1 holds KV head 1 (replica 1 of 2): rows 16–31 of k_proj.')).toBeVisible();
  await page.getByText('Layer 0', { exact: true }).click();
  await expect(page.getByText('9 parameters, each as the original')).toBeVisible();
  await page.getByRole('button', { name: /mlp\.gate_proj\.weight/ }).click();
  await expect(page.getByText('8 tensors on the ranks, each 176 × 256 (same scale)')).toBeVisible();
  expect(problems).toEqual([]);
});

test('shards: values, statistics and a heatmap of what a rank has stored', async ({
  shardloom: { app, page, problems },
}) => {
  await open(app, page, sample.checkpoint);
  await page.getByRole('button', { name: 'Shards', exact: true }).click();
  await expect(page.getByText('TP rank 0 has stored 35 tensors, 873 kB, in 1 file.')).toBeVisible();
  await page.keyboard.press('Control+F');
  await page.keyboard.type('layers.0 gate_up');
  await expect(page.getByText('1 of 35 tensors')).toBeVisible();
  await page.getByRole('row', { name: /gate_up/ }).click();
  await expect(page.locator('canvas[data-picture="whole"]')).toBeVisible();
  await expect(page.getByText('45 056', { exact: true })).toBeVisible();
  await page.getByRole('textbox', { name: 'Row' }).fill('88');
  const element = page.getByRole('region', { name: 'Element' });
  // The rank's row 88 is where up_proj begins.
  await expect(element).toContainText(String(bfloat16At(sample.original, 'model.layers.0.mlp.up_proj.weight', 0, 0)));
  await element.getByRole('button', { name: /up_proj\.weight\[0, 0\]/ }).click();
  await expect(page.getByRole('heading', { name: 'Layout' })).toBeVisible();
  expect(problems).toEqual([]);
});

test('replicas: a copy that differs is found, shown where it is, and remembered until the files change', async ({
  shardloom: { app, page, problems },
}) => {
  const folder = copyOf(sample.checkpoint);
  const file = join(folder, 'shards/model/dp_rank_00_tp_rank_07_pp_rank_00.pt');
  await open(app, page, folder);
  await showLayout(page, K_PROJ);
  await page.getByRole('grid', { name: 'Regions of the parameter' }).focus();
  await page.keyboard.press('End');
  const bytes = await page.getByText('Bytes', { exact: true }).locator('xpath=following-sibling::dd').innerText();
  const content = readFileSync(file);
  const at = Number(bytes.split(' to ')[0]!.replace(/\D/g, ''));
  content[at] = content[at]! ^ 1;
  writeFileSync(file, content);
  await page.getByRole('button', { name: 'Replicas', exact: true }).click();
  await page.getByRole('button', { name: 'Compare all copies' }).click();
  await expect(
    page.getByText('1 copy differs, on TP rank 7. 17 parameters with 71 copies were compared.'),
  ).toBeVisible();
  await reloadPage(page);
  await page.getByRole('button', { name: 'Replicas', exact: true }).click();
  await page.getByRole('row', { name: /differs on TP 7: 1 element/ }).click();
  await expect(page.getByText('1 copy differs from what is taken, on TP 7.')).toBeVisible();
  await expect(page.getByText('≠')).toBeVisible();
  content[at] = content[at] ^ 1;
  writeFileSync(file, content);
  const later = new Date(Date.now() + 5_000);
  utimesSync(file, later, later);
  await reloadPage(page);
  await page.getByRole('button', { name: 'Replicas', exact: true }).click();
  await page.getByRole('button', { name: 'Compare all copies' }).click();
  await expect(page.getByText('17 parameters with 71 copies: all equal what consolidation takes')).toBeVisible();
  await expect(page.getByText('KV heads of model: copies tiled over the ranks')).toBeVisible();
  expect(problems).toEqual([]);
});
