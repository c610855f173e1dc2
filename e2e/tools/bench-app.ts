/**
 * `npm run bench:app`: how quick the window is, on the packaged app. Makes its own checkpoints in a temporary folder.
 *
 *   npm run bench:app -- --pairs 7 --folder /data/bench
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { measure, spread } from '../../bench/measure.ts';
import { manyFiles, manyParameters, mediumModel } from '../../bench/models.ts';
import { formatBytes } from '../../src-core/units.ts';
import { answerFolderDialog } from '../checkpoints.ts';
import { lookingAtRanks } from './bench-ranks.ts';
import { inApp, inSeconds, open } from './bench-window.ts';
import { framesWhile, secondsUntil, type Frames } from './in-page.ts';
import { residentBytes } from './memory.ts';

const { values } = parseArgs({ options: { pairs: { type: 'string', default: '6' }, folder: { type: 'string' } } });
const PAIRS = Number(values.pairs);
const CLI = path.resolve('dist/cli.js');
const root = fs.mkdtempSync(path.join(values.folder ?? os.tmpdir(), 'shardloom-bench-'));
process.on('exit', () => {
  fs.rmSync(root, { recursive: true, force: true });
});

async function launchTime(): Promise<void> {
  const seconds: number[] = [];
  for (let i = 0; i <= PAIRS; i++) {
    const started = performance.now();
    await inApp(() => {
      seconds.push((performance.now() - started) / 1000);
      return Promise.resolve();
    });
  }
  console.log(`launch to first usable window (the driver's attaching included): ${inSeconds(seconds.slice(1))}`);
}

async function openTime(): Promise<void> {
  const checkpoint = await manyFiles(root);
  const seconds: number[] = [];
  for (let i = 0; i <= PAIRS; i++) seconds.push(await inApp((window) => open(window, checkpoint)));
  console.log(`open to Overview, TP 32 × PP 8, xser: ${inSeconds(seconds.slice(1))}   aim: 1 s`);
}

async function scrolling(): Promise<void> {
  const checkpoint = await manyParameters(root);
  await inApp(async (window) => {
    const { page } = window;
    const seconds = await open(window, checkpoint);
    await page.keyboard.press('Control+2');
    await page.getByText(/^[\d,.\s]+ rows$/).waitFor({ timeout: 60_000 });
    const rows = await page.getByText(/^[\d,.\s]+ rows$/).innerText();
    const area = '[data-testid="parameters-scroll"]';
    console.log(`${rows} (opened in ${seconds.toFixed(2)} s): frames over 20 ms   aim: none`);
    for (const [name, pixels] of [
      ['nothing moves', 0],
      ['a line a frame', 28],
      ['a screen a frame', 700],
      ['from top to end in 10 s', 4700],
    ] as const) {
      const frames = await page.evaluate(framesWhile, { area, pixels, milliseconds: 10_000 });
      console.log(`  ${name.padEnd(24)} ${describeFrames(frames)}`);
    }
    console.log(`  memory of all processes  ${formatBytes(await residentBytes(window.app))}`);
  });
}

function describeFrames({ count, slow, longest }: Frames): string {
  return `${String(slow)} of ${String(count)}, longest ${longest.toFixed(0)} ms`;
}

/** The same checkpoint in the window and on the command line, in turn. From the click, and from the process's start. */
async function consolidating(): Promise<void> {
  const checkpoint = await mediumModel(root);
  const ratios: number[] = [];
  await inApp(async (window) => {
    const { app, page } = window;
    await open(window, checkpoint);
    const idle = await residentBytes(app);
    let most = 0;
    const slowest: Frames[] = [];
    for (let i = 0; i <= PAIRS; i++) {
      const out = path.join(root, `window-${String(i)}`);
      await answerFolderDialog(app, out);
      await page.getByRole('button', { name: 'Consolidate', exact: true }).click();
      await page.getByRole('button', { name: 'Choose output folder…' }).click();
      await page.locator('code', { hasText: out }).waitFor();
      const watching = setInterval(() => {
        void residentBytes(app).then((bytes) => (most = Math.max(most, bytes)));
      }, 100);
      const inWindow = (): Promise<number> => page.evaluate(secondsUntil, { click: 'Start', button: 'Show in folder' });
      const onCommandLine = async (): Promise<number> => {
        const copy = path.join(root, 'command-line');
        const run = await measure(process.execPath, [CLI, 'consolidate', checkpoint, copy, '--quiet']);
        fs.rmSync(copy, { recursive: true });
        return run.seconds;
      };
      const before = i % 2 === 0 ? await onCommandLine() : null;
      const [seconds, frames] = await Promise.all([
        inWindow(),
        page.evaluate(framesWhile, { area: 'body', pixels: 0, milliseconds: 500 }),
      ]);
      clearInterval(watching);
      fs.rmSync(out, { recursive: true });
      const commandLine = before ?? (await onCommandLine());
      if (i === 0) continue;
      ratios.push(seconds / commandLine);
      slowest.push(frames);
    }
    console.log(`consolidate, window / command line: ${spread(ratios)}   aim: at most 1.1`);
    const worst = slowest.reduce((a, b) => (a.longest > b.longest ? a : b));
    console.log(`  frames meanwhile         longest ${worst.longest.toFixed(0)} ms`);
    console.log(`  memory of all processes  ${formatBytes(idle)} open, ${formatBytes(most)} at work`);
  });
}

console.log(`${String(PAIRS)} runs each, median (minimum to maximum); ${String(os.availableParallelism())} processors`);
await launchTime();
await openTime();
await scrolling();
await consolidating();
await lookingAtRanks(root, PAIRS);
