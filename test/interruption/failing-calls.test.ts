import fs from 'node:fs';
import path from 'node:path';
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import { isShardloomError, type ErrorTag } from '../../src-core/errors.ts';
import { consolidate } from '../../src-core/jobs/consolidate.ts';
import { merge } from '../../src-core/jobs/merge.ts';
import { finish } from '../../src-core/jobs/parts.ts';
import { reshard, shard } from '../../src-core/jobs/shard.ts';
import { openCheckpoint } from '../../src-core/models/open-checkpoint.ts';
import { WRITING } from '../support/faults.ts';
import { folderForAll, snapshot, temporaryFolder } from '../support/folders.ts';
import { seededRandom } from '../support/seed.ts';
import { drawnFrom, filesIn, inputsOf, looksFinished, type Inputs } from './runs.ts';

const READING = ['readSync', 'fstatSync', 'statSync', 'readdirSync', 'readFileSync', 'opendirSync'] as const;
const CALLS = [...WRITING, ...READING];

/** What an operating system says when a disk fails, is full, or somebody has taken the permission away. */
const CODES = ['EIO', 'ENOSPC', 'EACCES'];

/** What a user may be told then. Anything else would be a fault of ours that comes to light by accident. */
const TOLD: readonly ErrorTag[] = ['read-failed', 'write-failed', 'no-space', 'not-a-checkpoint'];

const made = folderForAll();
let inputs: Inputs;

beforeAll(async () => {
  inputs = await inputsOf(made, 'small');
});

const real = Object.fromEntries(CALLS.map((name) => [name, fs[name]]));
afterEach(() => {
  Object.assign(fs, real);
});

/** Lets the n-th of all these calls fail; returns how many there have been. */
function failAt(at: number, code: string): { count: number; name: string } {
  const seen = { count: 0, name: '' };
  for (const name of CALLS) {
    const call = real[name] as (...args: unknown[]) => unknown;
    Object.assign(fs, {
      [name]: (...args: unknown[]) => {
        if (++seen.count === at) {
          seen.name = `${name}(${String(args[0])})`;
          // A name that leads where this user may not look is passed over: only a disk that fails is trouble.
          const given = name === 'statSync' ? 'EIO' : code;
          throw Object.assign(new Error(`${given}: injected, ${name}`), { code: given });
        }
        return call.apply(fs, args);
      },
    });
  }
  return seen;
}

const QUIET = { workers: 0 };
const SIZES = { tensorParallelSize: 2, pipelineParallelSize: 1, fuseQkv: false };
const JOBS: Record<string, (out: string) => Promise<unknown>> = {
  consolidate: async (out) => consolidate(openCheckpoint(inputs.checkpoint), out, { ...QUIET, maxShardBytes: 12_000 }),
  shard: (out) => shard(inputs.huggingFace, out, { ...SIZES, xser: false }, QUIET),
  'reshard to xser': (out) => reshard(inputs.checkpoint, out, { ...SIZES, xser: true }, QUIET),
  merge: (out) => merge(inputs.huggingFace, inputs.adapter, out, { ...QUIET, maxShardBytes: 12_000 }),
  'consolidate in two parts': async (out) => {
    for (const index of [1, 2]) {
      const part = { index, count: 2 };
      await consolidate(openCheckpoint(inputs.checkpoint), out, { ...QUIET, maxShardBytes: 12_000, part });
    }
    return finish(out);
  },
};

/** Calls that are tried of each job: all of them where there are not more. */
const POINTS = 60;

/** Runs a job in which a call fails, and again when nothing fails any more. Tells what is wrong about it. */
async function tryAt(at: number, job: (out: string) => Promise<unknown>, out: string, whole: Map<string, string>) {
  const seen = failAt(at, CODES[at % CODES.length]!);
  const error = await job(out).then(
    () => null,
    (thrown: unknown) => thrown as Error,
  );
  Object.assign(fs, real);
  const wrong = looksFinished(out, whole);
  if (error !== null && !(isShardloomError(error) && TOLD.includes(error.tag))) {
    wrong.push((error.stack ?? error.message).split('\n').slice(0, 7).join('\n'));
  }
  // The trouble is over: the same again gives what there should be. What was not troubled by it is there already.
  if (error !== null) {
    await job(out).catch((again: unknown) => wrong.push(`again: ${String(again).split('\n')[0]}`));
  }
  const files = filesIn(out);
  wrong.push(...[...whole].filter(([file, bytes]) => files.get(file) !== bytes).map(([file]) => `no whole ${file}`));
  return wrong.map((what) => `call ${at}, ${seen.name}: ${what}`);
}

describe('any call of the operating system that fails', { timeout: 180_000 }, () => {
  test.each(Object.keys(JOBS))('while %s runs: a clear error, nothing half-finished, nothing lost', async (name) => {
    const job = JOBS[name]!;
    const folder = temporaryFolder();
    const counted = failAt(0, '');
    await job(path.join(folder, 'whole'));
    Object.assign(fs, real);
    const whole = filesIn(path.join(folder, 'whole'));
    const before = snapshot(made);
    const wrong: string[] = [];
    for (const at of drawnFrom(counted.count, POINTS, seededRandom())) {
      const out = path.join(folder, `out-${at}`);
      wrong.push(...(await tryAt(at, job, out, whole)));
      fs.rmSync(out, { recursive: true, force: true });
    }
    expect(wrong).toEqual([]);
    expect(snapshot(made)).toEqual(before);
  });
});
