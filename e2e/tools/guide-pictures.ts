/**
 * `npm run pictures`: the pictures of README and guide, taken of the packaged app: docs/images/. Checkpoints are made in a
 * folder whose name is fit to be seen.
 */
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { ElectronApplication, Page } from '@playwright/test';
import { answerFolderDialog } from '../checkpoints.ts';
import { launchApp } from '../launch.ts';

const IMAGES = path.resolve('docs/images');
const SIZE = [1280, 800] as const;
const root = path.join(os.tmpdir(), 'training');
fs.rmSync(root, { recursive: true, force: true });
process.on('exit', () => {
  fs.rmSync(root, { recursive: true, force: true });
});

function checkpoint(name: string, ...options: readonly string[]): string {
  const made = path.join(root, 'making');
  execFileSync(process.execPath, [path.resolve('dist/cli.js'), 'sample', made, ...options], { stdio: 'pipe' });
  const folder = path.join(root, name);
  fs.mkdirSync(path.dirname(folder), { recursive: true });
  fs.renameSync(path.join(made, 'checkpoint'), folder);
  fs.rmSync(made, { recursive: true });
  return folder;
}

/** The last checkpoint's model with its adapter merged in. */
function mergedModel(): string {
  const from = path.join(root, 'lora-tp8/checkpoint-500');
  const folder = path.join(root, 'lora-tp8/merged');
  execFileSync(process.execPath, [path.resolve('dist/cli.js'), 'merge', from, from, folder], { stdio: 'pipe' });
  return folder;
}

interface Window {
  readonly app: ElectronApplication;
  readonly page: Page;
}

async function setTheme(page: Page, theme: 'light' | 'dark'): Promise<void> {
  await page.evaluate((chosen) => window.shardloom.request('app:change-settings', { theme: chosen }), theme);
  await page.locator(`html[data-mantine-color-scheme=${theme}]`).waitFor();
}

async function picture({ page }: Window, name: string): Promise<void> {
  // What fades in would be half there.
  await page.waitForTimeout(400);
  await page.screenshot({ path: path.join(IMAGES, `${name}.png`) });
}

async function open({ app, page }: Window, folder: string): Promise<void> {
  await answerFolderDialog(app, folder);
  await page.keyboard.press('Control+O');
  await page.getByRole('heading', { name: 'Overview' }).waitFor();
  await page.getByText(folder.split(path.sep).at(-1)!, { exact: true }).first().waitFor();
}

async function takeAll(shown: Window): Promise<void> {
  const { app, page } = shown;
  await setTheme(page, 'light');
  await open(shown, checkpoint('llama-tp8/checkpoint-1000'));
  await picture(shown, 'overview');
  await setTheme(page, 'dark');
  await picture(shown, 'overview-dark');
  await setTheme(page, 'light');
  await page.keyboard.press('Control+2');
  await page.getByText('model.layers.0.self_attn.q_proj.weight').first().click();
  await page.getByRole('complementary', { name: /q_proj/ }).waitFor();
  await picture(shown, 'parameters');
  await page.getByRole('navigation').getByRole('button', { name: 'Layout' }).click();
  await page.getByRole('combobox', { name: 'Parameter' }).fill('layers.0.self_attn.k_proj');
  await page.getByRole('option', { name: 'layers.0.self_attn.k_proj' }).click();
  await page.locator('svg [data-block="2"]').first().hover();
  await picture(shown, 'layout');
  await page.getByText('Layer 0', { exact: true }).click();
  await page.getByText('9 parameters, each as the original').waitFor();
  await picture(shown, 'layer');
  await page.getByRole('button', { name: 'Shards', exact: true }).click();
  await page.locator('canvas[data-picture="whole"]').waitFor();
  await picture(shown, 'shards');
  await page.getByRole('button', { name: 'Replicas', exact: true }).click();
  await page.getByRole('button', { name: 'Compare all copies' }).click();
  await page.getByText(/all equal what consolidation takes/).waitFor();
  await picture(shown, 'replicas');
  await page.getByRole('button', { name: 'Consolidate', exact: true }).click();
  await answerFolderDialog(app, path.join(root, 'llama-tp8/hugging-face'));
  await page.getByRole('button', { name: 'Choose output folder…' }).click();
  await page.getByText('1 weights file, 6.69 MB').waitFor();
  await picture(shown, 'consolidate');
  await page.getByRole('button', { name: 'Start' }).click();
  await page.getByRole('button', { name: 'Show in folder' }).waitFor();
  await picture(shown, 'result');
  await page.getByRole('button', { name: 'Reshard', exact: true }).click();
  await page.getByRole('textbox', { name: 'Tensor parallel size' }).fill('4');
  await answerFolderDialog(app, path.join(root, 'llama-tp8/tp4'));
  await page.getByRole('button', { name: 'Choose output folder…' }).click();
  await page.getByText('4 weights files').waitFor();
  await picture(shown, 'reshard');
  await open(shown, checkpoint('lora-tp8/checkpoint-500', '--lora'));
  await page.getByRole('button', { name: 'Adapters', exact: true }).click();
  await page.getByText(/‖scaling · B·A‖ = \d/).waitFor();
  await picture(shown, 'adapters');
  await page.getByRole('button', { name: 'Diff', exact: true }).click();
  await answerFolderDialog(app, mergedModel());
  await page.getByRole('button', { name: 'Choose right folder…' }).click();
  await page.getByRole('button', { name: 'Compare', exact: true }).click();
  await page.getByText(/28 differ/).waitFor();
  await picture(shown, 'diff');
  const damaged = checkpoint('llama-tp8/checkpoint-2000');
  fs.truncateSync(path.join(damaged, 'shards/model/dp_rank_00_tp_rank_03_pp_rank_00.pt'), 100_000);
  fs.rmSync(path.join(damaged, 'shards/model/dp_rank_00_tp_rank_05_pp_rank_00.pt'));
  await page.keyboard.press('Control+1');
  await open(shown, damaged);
  await picture(shown, 'damaged');
}

/** What the last start has left, as the app remembers it. */
function leaveUnfinished(home: string, folder: string): void {
  const choices = { format: 'safetensors', maxShardBytes: 5e9, dtype: null, digest: 'xxh64', verify: false };
  const at = Date.now() - 2 * 3_600_000;
  const jobs = ['hugging-face', 'float32'].map((name, place) => {
    const out = path.join(path.dirname(folder), name);
    const work = { kind: 'consolidate', out, choices: { ...choices, parts: ['model'], replace: false } };
    const command = `shardloom consolidate ${folder} ${out}`;
    const startedAt = place === 1 ? at : null;
    return { name: path.basename(folder), folder, work, command, queuedAt: at, startedAt, endedAt: null };
  });
  fs.mkdirSync(path.join(home, 'data'), { recursive: true });
  fs.writeFileSync(path.join(home, 'data/unfinished-jobs.json'), JSON.stringify({ jobs }));
}

async function takeOfTrouble(): Promise<void> {
  const home = path.join(root, 'home');
  leaveUnfinished(home, checkpoint('llama-tp8/checkpoint-3000'));
  const { app, close } = await launchApp({ home });
  try {
    const page = await app.firstWindow();
    await page.getByText('2 jobs were interrupted.').waitFor();
    await app.evaluate(({ BrowserWindow }, [w, h]) => BrowserWindow.getAllWindows()[0]?.setContentSize(w, h), SIZE);
    await setTheme(page, 'light');
    await picture({ app, page }, 'interrupted');
    await open({ app, page }, path.join(root, 'llama-tp8/checkpoint-3000'));
    await page.getByRole('button', { name: 'Dismiss all' }).click();
    await page.getByText('2 jobs were interrupted.').waitFor({ state: 'detached' });
    await page.getByRole('button', { name: 'More' }).click();
    await page.getByRole('menuitem', { name: 'Export diagnostics…' }).click();
    await page.getByText('plan.txt').waitFor();
    await picture({ app, page }, 'diagnostics');
  } finally {
    await close();
  }
}

const { app, close } = await launchApp();
try {
  fs.mkdirSync(IMAGES, { recursive: true });
  const page = await app.firstWindow();
  await page.getByRole('button', { name: 'Try a sample' }).waitFor();
  await app.evaluate(({ BrowserWindow }, [w, h]) => BrowserWindow.getAllWindows()[0]?.setContentSize(w, h), SIZE);
  await takeAll({ app, page });
} finally {
  await close();
}
await takeOfTrouble();
