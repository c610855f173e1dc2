import fs from 'node:fs';
import path from 'node:path';
import { ViewReader } from '../src-core/execute/view-reader.ts';
import { differenceHeatmapOf } from '../src-core/inspect/difference-heatmap.ts';
import { heatmapOf } from '../src-core/inspect/heatmap.ts';
import { statisticsOf } from '../src-core/inspect/statistics.ts';
import { DEFAULT_BAND_BYTES } from '../src-core/limits.ts';
import { viewOf, type View } from '../src-core/tensor/view.ts';
import { median, spread } from './measure.ts';

const ROWS = 32_000;
const COLUMNS = 4_096;

/** What looking at one large bfloat16 tensor costs: statistics beside reading alone, and how soon there is a picture. */
export async function lookingAtTensors(folder: string, pairs: number): Promise<void> {
  const view = largeTensor(path.join(folder, 'tensor.bin'));
  const bytes = ROWS * COLUMNS * 2;
  const rates: number[] = [];
  const ratios: number[] = [];
  for (let i = 0; i <= pairs; i++) {
    const reading = await timed(() => readOnly(view));
    const counting = await timed(() => statisticsOf(view));
    if (i === 0) continue;
    rates.push(bytes / counting / 1e9);
    ratios.push(counting / reading);
  }
  console.log(`looking at a ${ROWS} × ${COLUMNS} bfloat16 tensor, one thread`);
  console.log(
    `  statistics            ${spread(rates)} GB/s   aim: 1 GB/s   (${median(ratios).toFixed(2)} of reading alone)`,
  );
  const slice = { leading: [], row: 0, column: 0, rows: ROWS, columns: COLUMNS };
  const size = { width: 640, height: 640 };
  await drawn('first picture        ', pairs, (onUpdate) => heatmapOf('tensor', view, slice, size, { onUpdate }));
  const other = largeTensor(path.join(folder, 'other.bin'), 0x85ebca6b);
  await drawn('first of differences ', pairs, (onUpdate) =>
    differenceHeatmapOf('tensor', { left: view, right: other }, slice, size, { onUpdate }),
  );
}

/** When the first picture was there, and when the exact one. */
async function drawn(label: string, pairs: number, draw: (onUpdate: () => void) => Promise<unknown>): Promise<void> {
  const first: number[] = [];
  const whole: number[] = [];
  for (let i = 0; i <= pairs; i++) {
    let firstAt = 0;
    const started = performance.now();
    await draw(() => {
      if (firstAt === 0) firstAt = performance.now() - started;
    });
    if (i === 0) continue;
    first.push(firstAt);
    whole.push(performance.now() - started);
  }
  console.log(`  ${label} ${spread(first)} ms   aim: 200 ms   (exact after ${median(whole).toFixed(0)} ms)`);
}

function largeTensor(file: string, factor = 0x9e3779b1): View {
  // Bits as trained weights have them: two signs, eight exponents, all fractions.
  const block = Uint16Array.from({ length: 1_048_583 }, (_, i) => {
    const mixed = Math.imul(i + 1, factor) >>> 0;
    return ((mixed & 0x8000) | ((115 + ((mixed >>> 16) & 7)) << 7) | ((mixed >>> 20) & 0x7f)) & 0xffff;
  });
  const bytes = new Uint8Array(block.buffer);
  const fd = fs.openSync(file, 'w');
  const total = ROWS * COLUMNS * 2;
  for (let at = 0; at < total; at += bytes.length) fs.writeSync(fd, bytes, 0, Math.min(bytes.length, total - at), at);
  fs.closeSync(fd);
  const shape = [ROWS, COLUMNS];
  return viewOf({ name: 'tensor', file, byteOffset: 0, dtype: 'BF16', shape, strides: [COLUMNS, 1] });
}

async function timed(run: () => unknown): Promise<number> {
  const started = performance.now();
  await run();
  return (performance.now() - started) / 1000;
}

function readOnly(view: View): void {
  const reader = new ViewReader([view], DEFAULT_BAND_BYTES);
  for (const band of reader.bands(view)) void band;
  reader.close();
}
