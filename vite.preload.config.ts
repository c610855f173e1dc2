import { defineConfig } from 'vite';
import { versionDefine } from './vite.shared.ts';

export default defineConfig({
  define: versionDefine,
  build: {
    // A sandboxed preload script is CommonJS, which in a package of ES modules needs the extension.
    rolldownOptions: { output: { entryFileNames: '[name].cjs' } },
  },
});
