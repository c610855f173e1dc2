/**
 * `npm run bench`: speed and memory of the command line, each figure beside what it is compared to, in turn within one run,
 * because machines change their speed from minute to minute. Makes its own checkpoints in a temporary folder.
 *
 *   npm run bench -- --pairs 7 --folder /data/bench
 */
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { formatBytes } from '../src-core/units.ts';
import { conversionLoops } from './convert.ts';
import { lookingAtTensors } from './inspect.ts';
import { makeAdapter, productLoops } from './merge.ts';
import { measure, median, spread, type Run } from './measure.ts';
import { manyFiles, sample } from './models.ts';
import { makeSparseCheckpoint, makeSparseModel } from './sparse.ts';

const { values } = parseArgs({ options: { pairs: { type: 'string', default: '8' }, folder: { type: 'string' } } });
const PAIRS = Number(values.pairs);
const CLI = path.resolve('dist/cli.js');

const root = fs.mkdtempSync(path.join(values.folder ?? os.tmpdir(), 'shardloom-bench-'));
process.on('exit', () => {
  fs.rmSync(root, { recursive: true, force: true });
});

function bytesBelow(folder: string): number {
  return fs
    .readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .reduce((sum, entry) => sum + fs.statSync(path.join(entry.parentPath, entry.name)).size, 0);
}

/** Stands for the output folder in a command. */
const OUT = '{out}';

/** Both commands in turn, into fresh folders, after one run of each that only warms the page cache. */
async function paired(
  name: string,
  copied: string,
  command: readonly string[],
  aim: number | null = 1.15,
): Promise<readonly Run[]> {
  const ours: Run[] = [];
  const theirs: Run[] = [];
  for (let i = 0; i <= PAIRS; i++) {
    const out = path.join(root, 'out');
    const copy = path.join(root, 'copy');
    const us = (): Promise<Run> =>
      measure(process.execPath, [CLI, ...command.map((word) => (word === OUT ? out : word)), '--quiet']);
    const them = (): Promise<Run> => measure('cp', ['-r', copied, copy]);
    // Who goes first alternates: the second finds memory that the first has just given back.
    const first = i % 2 === 0 ? await us() : null;
    const cp = await them();
    const run = first ?? (await us());
    fs.rmSync(out, { recursive: true });
    fs.rmSync(copy, { recursive: true });
    if (i === 0) continue;
    ours.push(run);
    theirs.push(cp);
  }
  const ratios = ours.map((run, i) => run.seconds / theirs[i]!.seconds);
  const seconds = (runs: readonly Run[]): string => `${median(runs.map((run) => run.seconds)).toFixed(2)} s`;
  console.log(`${name}: ${formatBytes(bytesBelow(copied))}`);
  const ratio = `${command[0]!} / cp -r`.padEnd(21);
  console.log(
    `  ${ratio} ${spread(ratios)}   ${aim === null ? '' : `aim: at most ${aim}   `}(${seconds(ours)}, ${seconds(theirs)})`,
  );
  console.log(`  peak memory           ${formatBytes(Math.max(...ours.map((run) => run.peakBytes)))}   aim: 200 MB`);
  return ours;
}

/** Weights of bfloat16 written as float32, and the other way, beside copying what is written. */
async function converting(bfloat16: string): Promise<void> {
  const [wide, wideShards] = ['float32', 'float32-tp8'].map((name) => path.join(root, name)) as [string, string];
  const narrow = path.join(bfloat16, '../original');
  await measure(process.execPath, [CLI, 'consolidate', bfloat16, wide, '--dtype', 'float32', '--quiet']);
  await measure(process.execPath, [CLI, 'shard', wide, wideShards, '--tp', '8', '--quiet']);
  for (const [from, to, dtype, checkpoint] of [
    [narrow, wide, 'float32', bfloat16],
    [wide, narrow, 'bfloat16', wideShards],
  ] as const) {
    const command = ['consolidate', checkpoint, OUT, '--dtype', dtype];
    const runs = await paired(`TP 8, --dtype ${dtype}`, to, command, null);
    const rate = (folder: string, seconds: (run: Run) => number): string => {
      return spread(runs.map((run) => bytesBelow(folder) / seconds(run) / 1e9));
    };
    const cores = Math.min(2, os.availableParallelism());
    for (const [label, folder] of [
      ['of input', from],
      ['of output', to],
    ] as const) {
      // What is read or written as float32 is most of the work.
      const aim = folder === wide ? 'aim: 1   ' : '';
      const perCore = rate(folder, ({ seconds }) => seconds * cores);
      const perProcessorSecond = rate(folder, ({ processorSeconds }) => processorSeconds);
      console.log(
        `  ${label.padEnd(21)} ${perCore} GB/s per core   ${aim}(${perProcessorSecond} GB per second of processor time)`,
      );
    }
  }
  for (const folder of [wide, wideShards]) fs.rmSync(folder, { recursive: true });
}

async function openTime(): Promise<void> {
  const checkpoint = await manyFiles(root);
  const files = fs.readdirSync(checkpoint, { recursive: true, withFileTypes: true }).filter((e) => e.isFile()).length;
  const runs: Run[] = [];
  for (let i = 0; i <= PAIRS; i++) runs.push(await measure(process.execPath, [CLI, 'inspect', checkpoint, '--json']));
  const node = await measure(process.execPath, ['--version']);
  const text = median(runs.slice(1).map((run) => run.seconds)).toFixed(2);
  console.log(`open (inspect): TP 32 x PP 8, xser, ${files} files`);
  console.log(
    `  time                  ${text} s   aim: under 1 s   (starting Node alone: ${node.seconds.toFixed(2)} s)`,
  );
}

/** Two folders with the same weights beside cmp, and one whose every element is another. */
async function comparing(original: string): Promise<void> {
  const [same, other] = ['same', 'other'].map((name) => path.join(root, name)) as [string, string];
  fs.cpSync(original, same, { recursive: true });
  fs.mkdirSync(other);
  changeEveryElement(path.join(original, 'model.safetensors'), path.join(other, 'model.safetensors'));
  const file = (folder: string): string => path.join(folder, 'model.safetensors');
  const bytes = fs.statSync(file(original)).size;
  const ratios: number[] = [];
  const rates: number[] = [];
  let peak = 0;
  for (let i = 0; i <= PAIRS; i++) {
    const cmp = await measure('cmp', [file(original), file(same)]);
    const equal = await measure(process.execPath, [CLI, 'diff', original, same, '--quiet']);
    const different = await measure(process.execPath, [CLI, 'diff', original, other, '--quiet'], [1]);
    if (i === 0) continue;
    ratios.push(equal.seconds / cmp.seconds);
    rates.push((2 * bytes) / different.seconds / Math.min(2, os.availableParallelism()) / 1e9);
    peak = Math.max(peak, different.peakBytes);
  }
  console.log(`comparing two folders of ${formatBytes(bytes)}`);
  console.log(`  identical: diff / cmp ${spread(ratios)}   aim: at most 1.5`);
  console.log(`  different             ${spread(rates)} GB/s per core, both sides together   aim: 0.5`);
  console.log(`  peak memory           ${formatBytes(peak)}`);
  for (const folder of [same, other]) fs.rmSync(folder, { recursive: true });
}

function changeEveryElement(from: string, to: string): void {
  const bytes = fs.readFileSync(from);
  for (let at = 8 + Number(bytes.readBigUInt64LE(0)); at < bytes.length; at += 2) bytes[at]! ^= 1;
  fs.writeFileSync(to, bytes);
}

/** Two models of seven billion parameters as sparse files, with one changed element in each tensor, so that all values are looked at. */
async function comparingSevenBillion(): Promise<void> {
  const folders = ['left', 'right'].map((name, side) => makeSparseModel(path.join(root, name), side === 1));
  const run = await measure(process.execPath, [CLI, 'diff', folders[0]!, folders[1]!, '--quiet'], [1]);
  console.log(
    `  7 B against 7 B       ${run.seconds.toFixed(0)} s, peak ${formatBytes(run.peakBytes)}   to beat: 18 minutes, 6.6 GB`,
  );
  for (const folder of folders) fs.rmSync(folder, { recursive: true });
}

/** The same model ten times as long, as sparse files: memory must not follow the size. */
async function memoryAtSize(): Promise<void> {
  const peaks: number[] = [];
  for (const factor of [1, 10]) {
    const checkpoint = makeSparseCheckpoint(path.join(root, `sparse-${factor}`), factor);
    const out = path.join(root, 'out');
    const run = await measure(process.execPath, [CLI, 'consolidate', checkpoint.folder, out, '--quiet']);
    fs.rmSync(out, { recursive: true });
    fs.rmSync(checkpoint.folder, { recursive: true });
    peaks.push(run.peakBytes);
    console.log(
      `  sparse ${formatBytes(checkpoint.bytes)}: peak ${formatBytes(run.peakBytes)}, ${run.seconds.toFixed(1)} s`,
    );
  }
  console.log(`  ten times the size    ${(peaks[1]! / peaks[0]!).toFixed(2)} of the memory   aim: 1.0`);
}

console.log(
  `${PAIRS} pairs each, median (minimum to maximum); Node ${process.version}, ${os.availableParallelism()} processors`,
);
const tp8 = await sample(root, 'tp8', 8, 1, false);
await paired('TP 8, plain', path.join(tp8, 'shards'), ['consolidate', tp8, OUT]);
await paired(
  'to TP 8, plain',
  path.join(tp8, '../original'),
  ['shard', path.join(tp8, '../original'), OUT, '--tp', '8'],
  1.25,
);
await paired('TP 8 to TP 4 x PP 2', path.join(tp8, 'shards'), ['reshard', tp8, OUT, '--tp', '4', '--pp', '2'], 1.25);
await converting(tp8);
conversionLoops(PAIRS);
const adapter = makeAdapter(path.join(root, 'adapter'));
await paired(
  'merge, rank 16',
  path.join(tp8, '../original'),
  ['merge', path.join(tp8, '../original'), adapter, OUT],
  null,
);
productLoops(PAIRS);
await comparing(path.join(tp8, '../original'));
await comparingSevenBillion();
fs.rmSync(path.dirname(tp8), { recursive: true });
const tp32 = await sample(root, 'tp32', 32, 1, true);
await paired('TP 32, xser', path.join(tp32, 'shards'), ['consolidate', tp32, OUT]);
fs.rmSync(path.dirname(tp32), { recursive: true });
await openTime();
await lookingAtTensors(root, PAIRS);
console.log('memory at ten times the size (sparse files)');
await memoryAtSize();
