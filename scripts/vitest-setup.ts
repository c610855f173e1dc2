import { randomInt } from 'node:crypto';
import { rmSync } from 'node:fs';
import { resolve } from 'node:path';
import { build } from 'vite';
import { nodeBuild, workerEntries } from '../vite.shared.ts';

const folder = resolve('node_modules/.cache/shardloom-test-build');

/**
 * Node cannot start a thread or a program from a TypeScript file, so the workers and the command line are bundled once per
 * run. SHARDLOOM_WORKER_DIR tells the engine under test, and tests that start `cli.js`, where they are; a built engine
 * finds its workers beside itself and does not look at the environment.
 */
export default async function setup(): Promise<void> {
  chooseSeed();
  rmSync(folder, { recursive: true, force: true });
  for (const entries of [workerEntries, { cli: 'src-core/cli.ts' }]) await bundle(entries);
  process.env.SHARDLOOM_WORKER_DIR = folder;
}

/**
 * What tests draw at random comes from one seed, the same in every run, so that a run that fails says something about the change
 * that it tests. SHARDLOOM_TEST_SEED is another seed, or `random`.
 */
function chooseSeed(): void {
  const wanted = process.env.SHARDLOOM_TEST_SEED ?? '1';
  const seed = wanted === 'random' ? randomInt(1, 2 ** 31) : Number(wanted);
  if (!Number.isSafeInteger(seed)) throw new Error(`SHARDLOOM_TEST_SEED is neither an integer nor "random": ${wanted}`);
  process.env.SHARDLOOM_TEST_SEED = String(seed);
  console.log(`Random tests draw from SHARDLOOM_TEST_SEED=${seed}`);
}

async function bundle(entries: Record<string, string>): Promise<void> {
  const config = nodeBuild(folder, entries);
  try {
    await build({ ...config, build: { ...config.build, emptyOutDir: false }, configFile: false, logLevel: 'error' });
  } catch (error) {
    // Tests that need the bundle fail for want of it. All others still have something to say.
    console.error(`Not bundled: ${Object.keys(entries).join(', ')}.`, error instanceof Error ? error.message : error);
  }
}
