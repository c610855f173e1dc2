import { join } from 'node:path';
import { expect, type Locator, type Page } from '@playwright/test';
import { test } from './app-under-test.ts';
import { answerFolderDialog, sampleCheckpoint } from './checkpoints.ts';

const sample = sampleCheckpoint('steps', '--lora');
const Q_PROJ = 'model.layers.1.self_attn.q_proj.weight';

test.beforeEach(async ({ shardloom: { app, page } }) => {
  await answerFolderDialog(app, sample.checkpoint);
  await page.keyboard.press('Control+O');
  await expect(page.getByRole('heading', { name: 'Overview' })).toBeVisible();
});

async function go(page: Page, key: number, place: string): Promise<void> {
  await page.keyboard.press(`Control+${key}`);
  await expect(page.getByRole('heading', { name: place, level: 1 })).toBeVisible();
}

/** Escape closes what is open, and the place stays; once more, there is nothing to undo, and it stays all the same. */
async function closes(page: Page, place: string, opened: Locator): Promise<void> {
  await expect(opened).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(opened).toHaveCount(0);
  await page.keyboard.press('Escape');
  await expect(page.getByRole('heading', { name: place, level: 1, exact: true })).toBeVisible();
}

test('Escape closes the innermost thing that is open, then unselects, and never leaves the place', async ({
  shardloom: { page, problems },
}) => {
  test.setTimeout(120_000);
  await go(page, 8, 'Consolidate');
  const more = page.getByRole('button', { name: 'More' });
  await more.click();
  await closes(page, 'Consolidate', page.getByRole('menu'));
  for (const item of ['About Shardloom', 'Export diagnostics…']) {
    await more.click();
    await page.getByRole('menuitem', { name: item }).click();
    await closes(page, 'Consolidate', page.getByRole('dialog'));
  }
  await page.keyboard.press('Control+K');
  await closes(page, 'Consolidate', page.getByRole('dialog', { name: 'Command palette' }));
  const selects = page.getByRole('main').getByRole('combobox');
  await expect(selects).not.toHaveCount(0);
  for (const select of await selects.all()) {
    await select.click();
    await closes(page, 'Consolidate', page.getByRole('listbox').or(page.getByText('No options')));
  }
  await go(page, 7, 'Diff');
  await page.getByRole('combobox', { name: 'Left' }).click();
  await closes(page, 'Diff', page.getByRole('listbox'));
  await go(page, 3, 'Layout');
  const picker = page.getByRole('combobox', { name: 'Parameter' });
  await picker.click();
  await closes(page, 'Layout', page.getByRole('listbox'));
  await page.locator('svg [data-block="2"]').first().click();
  await closes(page, 'Layout', page.getByRole('region', { name: 'Element' }));
  await go(page, 4, 'Shards');
  await page.getByRole('combobox', { name: 'TP rank' }).click();
  await expect(page.getByRole('listbox')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.getByRole('listbox')).toHaveCount(0);
  await closes(page, 'Shards', page.getByRole('complementary'));
  await page.getByRole('row', { name: /layers\.0\.mlp\.gate_up/ }).click();
  await expect(page.getByRole('complementary', { name: /gate_up/ })).toBeVisible();
  await go(page, 2, 'Parameters');
  await page.getByRole('button', { name: 'Columns' }).click();
  await closes(page, 'Parameters', page.getByRole('dialog'));
  await page.getByRole('row', { name: Q_PROJ }).click();
  await page.getByRole('textbox', { name: 'Filter by name' }).fill('layers.1 q_proj');
  await page.keyboard.press('Escape');
  await expect(page.getByRole('textbox', { name: 'Filter by name' })).toHaveValue('');
  await closes(page, 'Parameters', page.getByRole('complementary'));
  expect(problems).toEqual([]);
});

test('a place is found as it was left, and names have their layer number and are whole for screen readers', async ({
  shardloom: { app, page, problems },
}) => {
  test.setTimeout(120_000);
  await go(page, 2, 'Parameters');
  await page.getByRole('textbox', { name: 'Filter by name' }).fill('lora_A');
  await page.getByRole('button', { name: 'Size' }).click();
  await page.getByTestId('parameters-scroll').focus();
  await page.keyboard.press('End');
  await page.keyboard.press('Enter');
  const panel = page.getByRole('complementary', { name: /^Parameter base_model/ });
  await expect(panel).toBeVisible();
  const scrolled = (): Promise<number> => page.getByTestId('parameters-scroll').evaluate((grid) => grid.scrollTop);
  const before = await scrolled();
  expect(before).toBeGreaterThan(0);
  await go(page, 3, 'Layout');
  await page.getByRole('combobox', { name: 'Parameter' }).fill('layers.2 gate_proj');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('combobox', { name: 'Parameter' })).toHaveValue(
    /^model: model\.layers\.2\.mlp\.gate_proj/,
  );
  await page.locator('svg [data-block="2"]').first().click();
  await go(page, 4, 'Shards');
  await page.getByRole('textbox', { name: 'Filter by name' }).fill('layers.3');
  await page.getByRole('row', { name: /layers\.3\.mlp\.gate_up/ }).click();
  await app.evaluate(({ BrowserWindow }) => BrowserWindow.getAllWindows()[0]?.setContentSize(1024, 640));
  const file = join(sample.checkpoint, 'shards/model/dp_rank_00_tp_rank_00_pp_rank_00.pt');
  await expect(page.getByRole('button', { name: file, exact: true })).toBeVisible();
  // What is seen has the layer, what is read out is the whole name, and nothing is cut off.
  const cell = page.getByRole('gridcell', { name: 'model.layers.3.self_attn.qkv_proj.weight_q', exact: true });
  await expect(cell.locator('[aria-hidden]')).toHaveText(/^layers\.3…qkv_proj\.weight_q$/);
  expect(await cell.evaluate((own) => own.firstElementChild!.scrollWidth - own.clientWidth)).toBeLessThanOrEqual(0);
  await go(page, 3, 'Layout');
  await expect(page.getByRole('region', { name: 'Element' })).toContainText('Copy as Python');
  await expect(page.getByRole('heading', { name: 'model.layers.2.mlp.gate_proj.weight', exact: true })).toBeVisible();
  await go(page, 2, 'Parameters');
  await expect(panel).toBeVisible();
  await expect(page.getByRole('textbox', { name: 'Filter by name' })).toHaveValue('lora_A');
  await expect(page.getByRole('columnheader', { name: 'Size' })).toHaveAttribute('aria-sort', 'ascending');
  expect(await scrolled()).toBe(before);
  await go(page, 4, 'Shards');
  await expect(page.getByRole('complementary', { name: /layers\.3\.mlp\.gate_up/ })).toBeVisible();
  await expect(page.getByRole('textbox', { name: 'Filter by name' })).toHaveValue('layers.3');
  expect(problems).toEqual([]);
});

test('a column is as wide as its edge was dragged, also after a new start', async ({
  shardloom: { page, problems },
}) => {
  await go(page, 4, 'Shards');
  const shape = page.getByRole('columnheader', { name: 'Shape' });
  const width = async (): Promise<number> => (await shape.boundingBox())!.width;
  const { x, y, width: before } = (await shape.boundingBox())!;
  await page.mouse.move(x + before + 5, y + 8);
  await page.mouse.down();
  await page.mouse.move(x + before + 45, y + 8, { steps: 4 });
  await page.mouse.up();
  expect(Math.round((await width()) - before)).toBe(40);
  await page.reload();
  await page.getByRole('button', { name: 'Shards', exact: true }).click();
  expect(Math.round((await width()) - before)).toBe(40);
  expect(problems).toEqual([]);
});
