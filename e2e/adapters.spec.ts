import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { expect } from '@playwright/test';
import { test } from './app-under-test.ts';
import { answerFolderDialog, sampleCheckpoint, temporaryFolder } from './checkpoints.ts';
import { look } from './look.ts';
import { FIXTURES } from './weights.ts';

const sample = sampleCheckpoint('lora', '--lora');

test('an adapter: its updates, its config in both worlds, export', async ({ shardloom: { app, page, problems } }) => {
  test.setTimeout(180_000);
  await answerFolderDialog(app, sample.checkpoint);
  await page.getByRole('button', { name: 'Open a checkpoint', exact: true }).click();
  await expect(page.getByRole('heading', { name: 'Overview' })).toBeVisible();
  await page.getByRole('button', { name: 'Adapters', exact: true }).click();
  await expect(page.getByText(/Changes 28 weights in 4 layers/)).toBeVisible();
  await expect(page.getByText(/q_proj, k_proj, v_proj; and gate_proj, up_proj/)).toBeVisible();
  await expect(page.getByText(/‖scaling · B·A‖ = \d/)).toBeVisible();
  await page.getByRole('img', { name: /Norms of the updates/ }).press('ArrowRight');
  await expect(page.getByText('model.layers.1.mlp.down_proj', { exact: true })).toBeVisible();
  await look(app, page, 'adapters');
  await page.getByText('Config', { exact: true }).click();
  await expect(page.getByRole('row', { name: /target_modules/ })).toContainText('"qkv_proj", "o_proj"');
  await look(app, page, 'adapters-config');
  await page.getByRole('button', { name: 'Export…' }).click();
  await expect(page.getByRole('checkbox', { name: 'Adapter default' })).toBeChecked();
  await expect(page.getByRole('checkbox', { name: 'Model' })).not.toBeChecked();
  await expect(page.getByText('adapter_model.safetensors')).toBeVisible();
  expect(problems).toEqual([]);
});

test('merging in the window gives what the command line gives', async ({ shardloom: { app, page, problems } }) => {
  test.setTimeout(120_000);
  await answerFolderDialog(app, sample.checkpoint);
  await page.getByRole('button', { name: 'Open a checkpoint', exact: true }).click();
  await expect(page.getByRole('heading', { name: 'Overview' })).toBeVisible();
  await page.getByRole('button', { name: 'Adapters', exact: true }).click();
  await page.getByText('Merge', { exact: true }).click();
  await answerFolderDialog(app, dirname(sample.original));
  await page.getByRole('button', { name: 'Choose base model…' }).click();
  const out = join(temporaryFolder(), 'merged');
  await answerFolderDialog(app, out);
  await page.getByRole('button', { name: 'Choose output folder…' }).click();
  await expect(page.locator('code', { hasText: out })).toBeVisible();
  await look(app, page, 'adapters-merge');
  await page.getByRole('button', { name: 'Merge', exact: true }).click();
  await expect(page.getByText(/Added to 28 weights/)).toBeVisible();
  await look(app, page, 'jobs-merge');
  const other = join(temporaryFolder(), 'merged');
  const words = ['merge', dirname(sample.original), sample.checkpoint, other];
  execFileSync(process.execPath, [resolve('dist/cli.js'), ...words], { stdio: 'pipe' });
  const file = 'model.safetensors';
  expect(readFileSync(join(out, file)).equals(readFileSync(join(other, file)))).toBe(true);
  expect(problems).toEqual([]);
});

test('two adapters are told apart; a model without any says so', async ({ shardloom: { app, page, problems } }) => {
  await answerFolderDialog(app, join(FIXTURES, 'lora-tp2-two-adapters/checkpoint'));
  await page.getByRole('button', { name: 'Open a checkpoint', exact: true }).click();
  await expect(page.getByRole('heading', { name: 'Overview' })).toBeVisible();
  await page.getByRole('button', { name: 'Adapters', exact: true }).click();
  await expect(page.getByRole('combobox', { name: 'Adapter' })).toHaveValue('default');
  await page.getByRole('combobox', { name: 'Adapter' }).click();
  await page.getByRole('option', { name: 'test' }).click();
  await expect(page.getByText(/‖scaling · B·A‖ = \d/)).toBeVisible();
  await page.getByText('Merge', { exact: true }).click();
  await expect(page.getByText('Choose the base model to see what would be written.')).toBeVisible();
  await answerFolderDialog(app, sampleCheckpoint('plain').checkpoint);
  await page.keyboard.press('Control+O');
  await expect(page.getByRole('heading', { name: 'Overview' })).toBeVisible();
  await page.getByRole('button', { name: 'Adapters', exact: true }).click();
  await expect(page.getByText('holds a full model and no LoRA adapters')).toBeVisible();
  expect(problems).toEqual([]);
});
