import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { defineConfig } from 'vite';
import { nodeBuild, workerEntries } from './vite.shared.ts';

const benchmarks = readdirSync('bench')
  .filter((name) => name.endsWith('.ts'))
  .map((name) => join('bench', name));
const entries = Object.fromEntries(
  [...benchmarks, 'e2e/bench/bench-app.ts'].map((file) => [basename(file, '.ts'), file]),
);

/** Developers' tools (benchmarks), bundled like the engine so that they measure what is shipped: dist-tools/. */
export default defineConfig(nodeBuild('dist-tools', { ...entries, ...workerEntries }, ['@playwright/test']));
