import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

export default defineConfig({
  root: 'renderer',
  plugins: [react()],
  build: {
    outDir: '../.vite/renderer/main_window',
    emptyOutDir: true,
    // For forge.contents.ts.
    license: { fileName: 'licenses.json' },
    // The policy allows no inline data in place of files other than pictures.
    assetsInlineLimit: 0,
    // Chromium has it built in, and the policy has no room for the inline variant.
    modulePreload: { polyfill: false },
  },
});
