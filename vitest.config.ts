import { defineConfig } from 'vitest/config';
import { versionDefine } from './vite.shared.ts';

export default defineConfig({
  define: versionDefine,
  test: {
    environment: 'node',
    include: ['test/**/*.test.ts'],
    globalSetup: ['scripts/vitest-setup.ts'],
    setupFiles: ['test/support/seed.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    // Two cores are what CI has; more forks would only wait for each other.
    maxWorkers: 2,
  },
});
