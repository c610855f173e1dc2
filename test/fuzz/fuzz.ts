/**
 * `npm run fuzz [-- TARGET …] [--seconds N] [--seed N]`: minutes over all targets, or over those named. What is found is written into the
 * attack corpus, without a name yet.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { makeBases } from '../attacks/kinds.ts';
import { fuzz, type Finding, type Stats, type Target } from './loop.ts';
import { MAX_INPUT_BYTES } from './mutate-bytes.ts';
import { targetsIn } from './targets.ts';

const SECONDS_PER_TARGET = 20;

/** CI has two cores. */
const AT_ONCE = 2;

/** Who is silent for so long hangs. */
const HANG_MS = 30_000;

/** JavaScript memory of one target, the inputs that it keeps among it. */
const MAX_HEAP_MB = 400;

/** What a thread is told, and where it leaves the input that it is at: a number of it, its length, its bytes. */
interface Task {
  readonly name: string;
  readonly bases: string;
  readonly room: string;
  readonly seconds: number;
  readonly seed: number;
  readonly at: SharedArrayBuffer;
}

const HEAD = 2;

/** Fuzzes one target, in a thread that can be ended where it hangs. */
async function inThread({ name, bases, room, seconds, seed, at }: Task): Promise<void> {
  const target = targetsIn(bases, room).find((one) => one.name === name)!;
  const head = new Int32Array(at, 0, HEAD);
  const bytes = new Uint8Array(at, HEAD * 4);
  const before = (input: Uint8Array): void => {
    bytes.set(input.subarray(0, bytes.length));
    head[1] = Math.min(input.length, bytes.length);
    Atomics.add(head, 0, 1);
  };
  parentPort!.postMessage(await fuzz(target, { seconds, seed, before }));
}

/** Runs a target in a thread of its own; a thread that hangs or runs out of memory is a finding too. */
function watched(target: Target, task: Omit<Task, 'at'>): Promise<Stats> {
  const at = new SharedArrayBuffer(HEAD * 4 + MAX_INPUT_BYTES);
  const head = new Int32Array(at, 0, HEAD);
  const started = performance.now();
  return new Promise((resolve) => {
    const thread = new Worker(new URL(import.meta.url), {
      workerData: { ...task, at },
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MB },
    });
    const died = (what: string): void => {
      const input = Uint8Array.from(new Uint8Array(at, HEAD * 4, head[1]));
      const seconds = (performance.now() - started) / 1000;
      resolve({ executions: head[0]!, seconds, blocks: 0, kept: 0, findings: [{ target: target.name, input, what }] });
    };
    let last = -1;
    const watch = setInterval(() => {
      const now = Atomics.load(head, 0);
      if (now === last) {
        died('It does not come to an end.');
        void thread.terminate();
      }
      last = now;
    }, HANG_MS);
    thread.once('message', resolve);
    thread.once('error', (error) => died(error.message));
    thread.once('exit', () => clearInterval(watch));
  });
}

/** Puts what was found where the attack corpus's test sees it. */
function written({ input }: Finding, { kind, extension, name }: Target): string {
  const digest = createHash('sha256').update(input).digest('hex').slice(0, 8);
  const file = path.join('test/attacks', kind, `unnamed--found-by-${name}-${digest}${extension}`);
  fs.writeFileSync(file, input);
  return file;
}

function report(target: Target, stats: Stats): void {
  const { executions, seconds, blocks, kept, findings } = stats;
  const rate = Math.round(executions / seconds);
  console.log(
    `${target.name.padEnd(18)}${String(executions).padStart(9)} executions  ${String(rate).padStart(6)}/s  ` +
      `${String(blocks).padStart(5)} blocks  ${String(kept).padStart(4)} kept  ${findings.length} findings`,
  );
  for (const finding of findings) console.log(`  ${finding.what}\n    ${written(finding, target)}`);
}

async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { seconds: { type: 'string' }, seed: { type: 'string', default: '1' } },
  });
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'shardloom-fuzz-'));
  const bases = path.join(folder, 'bases');
  try {
    await makeBases(bases);
    const all = targetsIn(bases, path.join(folder, 'list'));
    const unknown = positionals.find((name) => !all.some((target) => target.name === name));
    if (unknown !== undefined)
      throw new Error(`No target ${unknown}. There are ${all.map(({ name }) => name).join(', ')}.`);
    const waiting = positionals.length === 0 ? [...all] : all.filter(({ name }) => positionals.includes(name));
    const seconds = Number(values.seconds ?? SECONDS_PER_TARGET);
    const totals = { executions: 0, findings: 0 };
    const work = async (): Promise<void> => {
      for (let target = waiting.shift(); target; target = waiting.shift()) {
        const { name } = target;
        const room = path.join(folder, 'rooms', name);
        const stats = await watched(target, { name, bases, room, seconds, seed: Number(values.seed) });
        report(target, stats);
        totals.executions += stats.executions;
        totals.findings += stats.findings.length;
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    console.log(`${totals.executions} executions, ${totals.findings} findings.`);
    process.exitCode = totals.findings === 0 ? 0 : 1;
  } finally {
    fs.rmSync(folder, { recursive: true, force: true });
  }
}

await (isMainThread ? main() : inThread(workerData as Task));
