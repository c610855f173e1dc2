/**
 * `npm run endurance`: what takes too long for the tests. A checkpoint of 40 GB and one of 200,000 files, with memory and file handles
 * watched, and a run of the large one that is killed half-way and continued. Needs 45 GB of free space.
 *
 *   npm run endurance -- --gigabytes 10 --folder /data
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { formatBytes } from '../src-core/units.ts';
import { measure, type Run } from './measure.ts';
import { filesBeyondCounting } from './models.ts';
import { makeSparseCheckpoint } from './sparse.ts';

const { values } = parseArgs({ options: { gigabytes: { type: 'string', default: '40' }, folder: { type: 'string' } } });
const CLI = path.resolve('dist/cli.js');

/** Of the large checkpoint to the small one: as wide as a model of 70 billion parameters. */
const WIDER = 4;

const root = fs.mkdtempSync(path.join(values.folder ?? os.tmpdir(), 'shardloom-endurance-'));
process.on('exit', () => {
  fs.rmSync(root, { recursive: true, force: true });
});
const out = path.join(root, 'out');

function shardloom(...words: string[]): Promise<Run> {
  return measure(process.execPath, [CLI, ...words]);
}

function told(run: Run): string {
  return `${run.seconds.toFixed(1)} s, peak memory ${formatBytes(run.peakBytes)}, at most ${run.peakHandles} file handles`;
}

async function size(): Promise<void> {
  const small = makeSparseCheckpoint(path.join(root, 'small'), 1);
  const little = await shardloom('consolidate', small.folder, out, '--quiet');
  fs.rmSync(out, { recursive: true });
  console.log(`consolidate, ${formatBytes(small.bytes)}: ${told(little)}`);
  const longer = Math.max(1, Math.round((Number(values.gigabytes) * 1e9) / (small.bytes * WIDER ** 2)));
  const large = makeSparseCheckpoint(path.join(root, 'large'), longer, WIDER);
  const much = await shardloom('consolidate', large.folder, out, '--quiet');
  fs.rmSync(out, { recursive: true });
  console.log(`consolidate, ${formatBytes(large.bytes)}: ${told(much)}`);
  console.log(
    `  ${(much.peakBytes / little.peakBytes).toFixed(2)} of the memory for ${(large.bytes / small.bytes).toFixed(0)} times the size`,
  );
  await killedHalfWay(large.folder, large.bytes, much.seconds);
  fs.rmSync(large.folder, { recursive: true });
}

async function killedHalfWay(folder: string, bytes: number, seconds: number): Promise<void> {
  const child = spawn(process.execPath, [CLI, 'consolidate', folder, out, '--quiet'], { stdio: 'inherit' });
  const ended = once(child, 'exit');
  while (child.exitCode === null && writtenBelow(out) < bytes / 2)
    await new Promise((resolve) => setTimeout(resolve, 50));
  child.kill('SIGKILL');
  await ended;
  const again = await shardloom('consolidate', folder, out, '--quiet');
  fs.rmSync(out, { recursive: true });
  console.log(
    `  killed half-way and run again: ${told(again)}, ${(again.seconds / seconds).toFixed(2)} of the time of a whole run`,
  );
}

/** Bytes on the disk: files have their full length from the start. */
function writtenBelow(folder: string): number {
  if (!fs.existsSync(folder)) return 0;
  return fs
    .readdirSync(folder, { recursive: true })
    .reduce((sum, name) => sum + fs.statSync(path.join(folder, String(name))).blocks * 512, 0);
}

async function files(): Promise<void> {
  const checkpoint = await filesBeyondCounting(root);
  const count = fs
    .readdirSync(checkpoint, { recursive: true })
    .filter((name) => String(name).includes('tensor_')).length;
  console.log(`${count} files of one tensor each`);
  console.log(`  inspect: ${told(await shardloom('inspect', checkpoint))}`);
  console.log(`  consolidate: ${told(await shardloom('consolidate', checkpoint, out, '--quiet'))}`);
}

await size();
await files();
