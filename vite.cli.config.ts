import { chmodSync } from 'node:fs';
import { defineConfig } from 'vite';
import { nodeBuild, workerEntries } from './vite.shared.ts';

const { build, ...shared } = nodeBuild('dist', {
  cli: 'src-core/cli.ts',
  index: 'src-core/index.ts',
  ...workerEntries,
});

/** The command line and the library, as published: dist/. */
export default defineConfig({
  ...shared,
  // What is bundled is shipped, and so is its licence.
  build: { ...build, license: { fileName: 'THIRD-PARTY-LICENSES.md' } },
  plugins: [
    {
      name: 'executable-cli',
      writeBundle: ({ dir }) => {
        chmodSync(`${dir ?? 'dist'}/cli.js`, 0o755);
      },
    },
  ],
});
