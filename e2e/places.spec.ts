import { cpSync, mkdirSync, renameSync, rmSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { expect, type ElectronApplication, type Page } from '@playwright/test';
import { test } from './app-under-test.ts';
import { answerFolderDialog, copyOf, sampleCheckpoint, temporaryFolder } from './checkpoints.ts';
import { look, resize } from './look.ts';

async function open(app: ElectronApplication, page: Page, folder: string): Promise<void> {
  await answerFolderDialog(app, folder);
  await page.getByRole('button', { name: 'Open a checkpoint', exact: true }).click();
  await expect(page.getByRole('heading', { name: 'Overview' })).toBeVisible();
}

const sample = sampleCheckpoint('sample');

test('welcome', async ({ shardloom: { app, page, problems } }) => {
  test.setTimeout(120_000);
  await look(app, page, 'welcome');
  await open(app, page, sample.checkpoint);
  await page.getByRole('button', { name: 'More' }).click();
  await page.getByRole('menuitem', { name: 'Close the checkpoint' }).click();
  await answerFolderDialog(app, temporaryFolder());
  await page.keyboard.press('Control+O');
  await expect(page.getByText('No sharded checkpoint was found')).toBeVisible();
  await look(app, page, 'welcome-recent-and-error');
  // The folder of a run leads to what is in it.
  const run = temporaryFolder();
  for (const step of [500, 1000]) cpSync(sample.checkpoint, join(run, `checkpoint-${step}`), { recursive: true });
  await answerFolderDialog(app, run);
  await page.keyboard.press('Control+O');
  await expect(page.getByText('checkpoint-500, checkpoint-1000')).toBeVisible();
  await page.getByRole('button', { name: 'Open checkpoint-1000' }).click();
  await expect(page.getByRole('heading', { name: 'Overview' })).toBeVisible();
  expect(problems).toEqual([]);
});

test('overview', async ({ shardloom: { app, page, problems } }) => {
  test.setTimeout(120_000);
  await open(app, page, sample.checkpoint);
  await look(app, page, 'overview');
  const damaged = copyOf(sample.checkpoint);
  const rank = (tp: number): string => join(damaged, `shards/model/dp_rank_00_tp_rank_0${tp}_pp_rank_00.pt`);
  rmSync(rank(5));
  truncateSync(rank(2), 1000);
  rmSync(join(damaged, 'shards/done'));
  await open(app, page, damaged);
  await expect(page.getByText('Shard for TP rank 5 is missing.')).toBeVisible();
  await look(app, page, 'overview-damaged');
  expect(problems).toEqual([]);
});

test('overview of many ranks under a long name', async ({ shardloom: { app, page, problems } }) => {
  test.setTimeout(120_000);
  const many = sampleCheckpoint('many', '--tp', '16', '--pp', '4', '--xser');
  const parent = join(
    temporaryFolder(),
    'experiments-of-the-large-language-models-team',
    'a-run-with-a-name-that-says-everything-about-it',
  );
  mkdirSync(parent, { recursive: true });
  const long = join(parent, 'llama-3-70b-instruct-finetuned-on-everything-checkpoint-000012000');
  renameSync(many.checkpoint, long);
  await open(app, page, long);
  await look(app, page, 'overview-many');
  await seenInTheLeastWindow(app, page);
  expect(problems).toEqual([]);
});

test('parameters, consolidate, jobs, palette', async ({ shardloom: { app, page, problems } }) => {
  test.setTimeout(240_000);
  await open(app, page, sample.checkpoint);
  await page.keyboard.press('Control+2');
  await expect(page.getByText('39 rows')).toBeVisible();
  await look(app, page, 'parameters');
  const groups = page.getByRole('radiogroup', { name: 'Groups' });
  const place = await groups.boundingBox();
  await page.getByRole('button', { name: 'Copy as TSV' }).click();
  await expect(page.getByRole('button', { name: '39 copied' })).toBeVisible();
  expect(await groups.boundingBox()).toEqual(place);
  await page.getByText('By layer').click();
  await page.getByText('model.layers.0.self_attn.q_proj.weight').click();
  await expect(page.getByText('Comes from 8 stored tensors')).toBeVisible();
  await look(app, page, 'parameters-panel');
  await page.getByPlaceholder(/Filter/).fill('nothing like this');
  await expect(page.getByText('Nothing matches')).toBeVisible();
  await look(app, page, 'parameters-nothing');
  const out = join(temporaryFolder(), 'llama-hf');
  await answerFolderDialog(app, out);
  await page.getByRole('button', { name: 'Consolidate', exact: true }).click();
  await page.getByRole('button', { name: 'Choose output folder…' }).click();
  await expect(page.locator('code', { hasText: out })).toBeVisible();
  await look(app, page, 'consolidate');
  await page.getByRole('button', { name: 'Start' }).click();
  await expect(page.getByRole('button', { name: 'Show in folder' })).toBeVisible();
  await look(app, page, 'jobs');
  await page.getByRole('button', { name: 'Consolidate', exact: true }).click();
  await expect(page.getByText('The output folder holds files of the same names.')).toBeVisible();
  await look(app, page, 'consolidate-problem');
  await page.keyboard.press('Control+K');
  await look(app, page, 'palette');
  const field = page.getByPlaceholder(/Type a command/);
  const before = await field.boundingBox();
  await field.fill('about');
  await expect(page.getByText('Go to Overview')).toBeHidden();
  expect(await field.boundingBox()).toEqual(before);
  expect(problems).toEqual([]);
});

/** At the window's own minimum all places are above the status line, figures fill their rows, and a hint holds its text. */
async function seenInTheLeastWindow(app: ElectronApplication, page: Page): Promise<void> {
  await resize(app, page, 720, 480);
  const jobs = (await page.getByRole('button', { name: 'Jobs', exact: true }).boundingBox())!;
  const status = (await page.getByRole('contentinfo').boundingBox())!;
  expect(jobs.y + jobs.height).toBeLessThanOrEqual(status.y);
  const figures = await page
    .locator('dl > div')
    .evaluateAll((boxes) => boxes.map((box) => box.getBoundingClientRect().y));
  const inRows = [...new Set(figures)].map((y) => figures.filter((other) => other === y).length);
  expect(new Set(inRows).size).toBe(1);
  await page.getByRole('gridcell').first().hover();
  const hint = page.getByRole('tooltip');
  await expect(hint).toContainText('TP 0, PP 0');
  expect(await hint.evaluate((box) => box.scrollWidth - box.clientWidth)).toBe(0);
}

const LAYOUTS = {
  'replicated-kv': ['model.layers.0.self_attn.k_proj.weight', /KV head/],
  'gqa-query': ['model.layers.0.self_attn.q_proj.weight', /KV head/],
  'fused-gate-up': ['model.layers.0.mlp.gate_proj.weight', /up_proj/],
  'row-parallel': ['model.layers.0.self_attn.o_proj.weight', /KV head/],
  copied: ['model.layers.0.input_layernorm.weight', /copy, must be equal/],
} as const;

test('layout of each kind, of a layer, and with a region chosen', async ({ shardloom: { app, page, problems } }) => {
  test.setTimeout(240_000);
  await open(app, page, sample.checkpoint);
  await page.getByRole('button', { name: 'Layout', exact: true }).click();
  for (const [kind, [name, legend]] of Object.entries(LAYOUTS)) {
    await page.getByRole('combobox', { name: 'Parameter' }).fill(name);
    await page.getByRole('option', { name }).click();
    await expect(page.getByRole('list', { name: 'Legend' })).toContainText(legend);
    await page.getByRole('heading', { name: 'Layout' }).hover();
    await look(app, page, `layout-${kind}`);
  }
  await page.getByRole('combobox', { name: 'Parameter' }).fill('model.layers.0.self_attn.v_proj.weight');
  await page.getByRole('option', { name: 'model.layers.0.self_attn.v_proj.weight' }).click();
  await page.locator('svg [data-block="2"]').first().click();
  // Which ranks are meant is said twice: faintly with all others, and over them.
  await expect(page.locator('svg').getByText('TP 6', { exact: true })).toHaveCount(2);
  await expect(page.getByRole('region', { name: 'Element' })).toContainText('Copy as Python');
  await look(app, page, 'layout-chosen');
  await page.getByText('Layer 0', { exact: true }).click();
  await expect(page.getByText('9 parameters, each as the original')).toBeVisible();
  await look(app, page, 'layout-layer');
  expect(problems).toEqual([]);
});

test('layout of a fused qkv, shards and replicas', async ({ shardloom: { app, page, problems } }) => {
  test.setTimeout(240_000);
  const fused = sampleCheckpoint('fused', '--fuse-qkv');
  await open(app, page, fused.checkpoint);
  await page.getByRole('button', { name: 'Layout', exact: true }).click();
  await expect(page.getByRole('list', { name: 'Legend' })).toContainText('other parameters');
  await page.getByText('Projection', { exact: true }).click();
  await look(app, page, 'layout-fused-qkv');
  await page.getByRole('button', { name: 'Shards', exact: true }).click();
  await expect(page.locator('canvas[data-picture="whole"]')).toBeVisible();
  await look(app, page, 'shards');
  await page.getByRole('button', { name: 'Replicas', exact: true }).click();
  await expect(page.getByRole('button', { name: 'Compare all copies' })).toBeVisible();
  await look(app, page, 'replicas-empty');
  await page.getByRole('button', { name: 'Compare all copies' }).click();
  await expect(page.getByText(/all equal what consolidation takes/)).toBeVisible();
  await look(app, page, 'replicas');
  expect(problems).toEqual([]);
});
