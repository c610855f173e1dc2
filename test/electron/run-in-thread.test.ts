import fs from 'node:fs';
import path from 'node:path';
import { Piscina } from 'piscina';
import { describe, expect, test } from 'vitest';
import { runInThread, ThreadEnded } from '../../electron/engine/run-in-thread.ts';
import { problemOfThread } from '../../electron/problems.ts';
import { temporaryFolder } from '../support/folders.ts';

type Task = 'answer' | 'throw' | 'exit' | 'fill memory';

/** What the thread does with its tasks; while it loads it ends, if the file beside it says so. */
const WORKER = `
const fs = require('node:fs');
if (fs.existsSync(__dirname + '/end-at-start')) process.exit(1);
module.exports = (task) => {
  if (task === 'throw') throw new RangeError('on purpose');
  if (task === 'exit') process.exit(1);
  const kept = [];
  while (task === 'fill memory') kept.push(new Array(100_000).fill({}));
  return 'answered';
};`;

async function withPool(use: (pool: Piscina<Task, string>, folder: string) => Promise<void>): Promise<void> {
  const folder = temporaryFolder();
  const filename = path.join(folder, 'worker.cjs');
  fs.writeFileSync(filename, WORKER);
  const pool = new Piscina<Task, string>({
    filename,
    minThreads: 0,
    maxThreads: 1,
    concurrentTasksPerWorker: 2,
    resourceLimits: { maxOldGenerationSizeMb: 16 },
  });
  try {
    await use(pool, folder);
  } finally {
    await pool.destroy();
  }
}

const failure = (run: Promise<unknown>): Promise<unknown> => run.catch((error: unknown) => error);

describe('a thread', () => {
  test.each([
    ['exit', 'The job’s thread ended unexpectedly.'],
    ['fill memory', 'The job’s thread ran out of memory.'],
  ] as const)('that ends by %s is told as ended, and another one takes its place', async (task, what) => {
    await withPool(async (pool) => {
      const error = await failure(runInThread(pool, task));
      expect(error).toBeInstanceOf(ThreadEnded);
      expect(problemOfThread(error, 'job’s')).toMatchObject({ tag: 'internal', what });
      expect(await runInThread(pool, 'answer')).toBe('answered');
    });
  });

  test('that ends while it starts keeps nobody waiting', async () => {
    await withPool(async (pool, folder) => {
      fs.writeFileSync(path.join(folder, 'end-at-start'), '');
      const error = await failure(runInThread(pool, 'answer'));
      expect(problemOfThread(error, 'job’s')).toMatchObject({ found: 'it ended before it took up the task' });
      fs.rmSync(path.join(folder, 'end-at-start'));
      expect(await runInThread(pool, 'answer')).toBe('answered');
    });
  });

  test('that throws goes on, and its error stays what it is', async () => {
    await withPool(async (pool) => {
      const error = await failure(runInThread(pool, 'throw'));
      expect(error).toMatchObject({ name: 'RangeError', message: 'on purpose' });
      expect(problemOfThread(error, 'job’s')).toBeNull();
      expect(await runInThread(pool, 'answer')).toBe('answered');
    });
  });
});
