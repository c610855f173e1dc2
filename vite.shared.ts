import { readFileSync } from 'node:fs';
import type { UserConfig } from 'vite';

const packageJson = JSON.parse(readFileSync(new URL('./package.json', import.meta.url), 'utf8')) as { version: string };

/** What the code may ask at run time about the build it is in. Tests get the same. */
export const versionDefine = { __SHARDLOOM_VERSION__: JSON.stringify(packageJson.version) };

/**
 * The files that worker threads start from. They must lie beside whatever bundle holds the engine: the engine finds its
 * own worker relative to `import.meta.url`, and Piscina finds `worker.js` beside itself.
 */
export const workerEntries = {
  'copy-worker': 'src-core/execute/copy-worker.ts',
  worker: 'node_modules/piscina/dist/worker.js',
};

/** A build for Node: ES modules with everything inside, so that what is shipped needs no node_modules; but for `external`. */
export function nodeBuild(outDir: string, entry: Record<string, string>, external: readonly string[] = []): UserConfig {
  return {
    define: {
      ...versionDefine,
      // Piscina is CommonJS and looks for its worker in __dirname, which ES modules do not have.
      __dirname: 'import.meta.dirname',
      // Only tests say where the workers are. What is shipped must not take code from a folder named by the environment.
      'process.env.SHARDLOOM_WORKER_DIR': 'undefined',
    },
    ssr: { noExternal: true },
    build: {
      ssr: true,
      target: 'node20',
      outDir,
      emptyOutDir: true,
      minify: false,
      sourcemap: false,
      lib: { entry, formats: ['es'] },
      rolldownOptions: {
        // Piscina can do without @napi-rs/nice, which is native code: it only sets a thread's priority.
        external: ['electron', '@napi-rs/nice', ...external],
        output: {
          entryFileNames: '[name].js',
          // Flat, because of the paths relative to the bundle that workerEntries tells of.
          chunkFileNames: 'chunk-[name]-[hash].js',
          banner: (chunk) => (chunk.isEntry && chunk.name === 'cli' ? '#!/usr/bin/env node' : ''),
        },
      },
    },
  };
}
