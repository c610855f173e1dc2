import { expect } from '@playwright/test';
import { reloadPage, test } from './app-under-test.ts';

test.beforeEach(async ({ shardloom: { page } }) => {
  await page.getByRole('button', { name: 'Try a sample' }).click();
  await expect(page.getByRole('heading', { name: 'Overview' })).toBeVisible();
  await page.keyboard.press('Control+2');
  await expect(page.getByText('39 rows')).toBeVisible();
});

test('filter by words, by what was done, and clear', async ({ shardloom: { page, problems } }) => {
  await page.keyboard.press('Control+F');
  await page.keyboard.type('layers.2 proj');
  await expect(page.getByText('7 of 39 rows')).toBeVisible();
  await page.getByRole('button', { name: /^KV replicated/ }).click();
  await expect(page.getByText('2 of 39 rows')).toBeVisible();
  await page.getByPlaceholder(/Filter/).fill('no such');
  await page.getByRole('button', { name: 'Clear the filter' }).last().click();
  await expect(page.getByText('39 rows', { exact: true })).toBeVisible();
  expect(problems).toEqual([]);
});

test('sort, group, choose columns; what was chosen is still there after a new start of the page', async ({
  shardloom: { page, problems },
}) => {
  await page.getByRole('button', { name: 'Size' }).click();
  await page.getByRole('button', { name: 'Size' }).click();
  await expect(page.getByRole('row').nth(1)).toContainText('model.embed_tokens.weight');
  await page.getByRole('button', { name: 'Size' }).click();
  await page.getByText('By layer').click();
  await expect(page.getByText('Layer 0', { exact: true })).toBeVisible();
  await page.getByText('Layer 0', { exact: true }).click();
  await expect(page.getByText('model.layers.0.mlp.up_proj.weight')).toHaveCount(0);
  await page.getByRole('button', { name: 'Columns' }).click();
  await page.getByRole('checkbox', { name: 'Dtype' }).uncheck();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('columnheader', { name: 'Dtype' })).toHaveCount(0);
  await reloadPage(page);
  await page.keyboard.press('Control+2');
  await expect(page.getByText('Layer 0', { exact: true })).toBeVisible();
  await expect(page.getByRole('columnheader', { name: 'Dtype' })).toHaveCount(0);
  expect(problems).toEqual([]);
});

test('with the keyboard: down, open, walk on, copy, close', async ({ shardloom: { app, page, problems } }) => {
  await page.getByTestId('parameters-scroll').focus();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('complementary', { name: /q_proj/ })).toBeVisible();
  await expect(page.getByText(/16 query heads are spread/)).toBeVisible();
  await page.keyboard.press('ArrowDown');
  await expect(page.getByRole('complementary', { name: /k_proj/ })).toBeVisible();
  await page.keyboard.press('Control+C');
  await expect
    .poll(() => app.evaluate(({ clipboard }) => clipboard.readText()))
    .toMatch(/^part\tname\t.*\nmodel\tmodel\.layers\.0\.self_attn\.k_proj\.weight\t64x256\tBF16\t32768\t0\t/);
  await page.keyboard.press('Escape');
  await expect(page.getByRole('complementary')).toHaveCount(0);
  await expect(page.getByRole('heading', { name: 'Parameters' })).toBeVisible();
  await page.getByRole('button', { name: 'Copy as TSV' }).click();
  await expect
    .poll(async () => (await app.evaluate(({ clipboard }) => clipboard.readText())).split('\n').length)
    .toBe(41);
  expect(problems).toEqual([]);
});
