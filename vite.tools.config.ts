import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { defineConfig } from 'vite';
import { nodeBuild, workerEntries } from './vite.shared.ts';

const folder = 'bench';
const tools = existsSync(folder) ? readdirSync(folder).filter((name) => name.endsWith('.ts')) : [];
const entries = Object.fromEntries(tools.map((name) => [basename(name, '.ts'), join(folder, name)]));

/** Developers' tools (benchmarks), bundled like the engine so that they measure what is shipped: dist-tools/. */
export default defineConfig(nodeBuild('dist-tools', { ...entries, ...workerEntries }));
