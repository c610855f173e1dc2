import { defineConfig, mergeConfig } from 'vite';
import { nodeBuild, workerEntries } from './vite.shared.ts';

/** The app's own threads: one that inspects, and one that runs jobs. */
const threads = {
  'inspect-worker': 'electron/engine/inspect-worker.ts',
  'job-worker': 'electron/engine/job-worker.ts',
};

/** Electron's main process, with the engine's workers beside it. Forge puts the preload script into the same folder. */
export default defineConfig(
  mergeConfig(nodeBuild('.vite/build', { main: 'electron/main.ts', ...threads, ...workerEntries }), {
    build: {
      emptyOutDir: false,
      // For forge.contents.ts.
      license: { fileName: 'licenses.json' },
    },
  }),
);
