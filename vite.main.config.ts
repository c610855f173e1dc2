import { defineConfig, mergeConfig } from 'vite';
import { nodeBuild, workerEntries } from './vite.shared.ts';

/** Electron's main process, with the engine's workers beside it. Forge puts the preload script into the same folder. */
export default defineConfig(
  mergeConfig(nodeBuild('.vite/build', { main: 'electron/main.ts', ...workerEntries }), {
    build: { emptyOutDir: false },
  }),
);
