import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { defineConfig } from 'vite';
import { nodeBuild, workerEntries } from './vite.shared.ts';

const benchmarks = readdirSync('bench')
  .filter((name) => name.endsWith('.ts'))
  .map((name) => join('bench', name));
const driveTheApp = ['e2e/tools/bench-app.ts', 'e2e/tools/guide-pictures.ts'];
const entries = {
  ...Object.fromEntries([...benchmarks, ...driveTheApp].map((file) => [basename(file, '.ts'), file])),
  'write-attacks': 'test/attacks/write.ts',
  fuzz: 'test/fuzz/fuzz.ts',
};

/** Developers' tools, bundled like the engine so that benchmarks measure what is shipped: dist-tools/. */
export default defineConfig(nodeBuild('dist-tools', { ...entries, ...workerEntries }, ['@playwright/test']));
