import { chmodSync } from 'node:fs';
import { defineConfig } from 'vite';
import { nodeBuild, workerEntries } from './vite.shared.ts';

/** The command line and the library, as published: dist/. */
export default defineConfig({
  ...nodeBuild('dist', { cli: 'src-core/cli.ts', index: 'src-core/index.ts', ...workerEntries }),
  plugins: [
    {
      name: 'executable-cli',
      writeBundle: ({ dir }) => {
        chmodSync(`${dir ?? 'dist'}/cli.js`, 0o755);
      },
    },
  ],
});
