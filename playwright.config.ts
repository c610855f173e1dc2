import { defineConfig } from '@playwright/test';

export default defineConfig({
  testDir: 'e2e',
  outputDir: 'test-results/e2e',
  timeout: 60_000,
  // Each test starts a whole app.
  workers: 1,
  forbidOnly: process.env.CI !== undefined,
  // On a busy machine a window may be slower than a test waits. What passes only the second time is told at the end.
  retries: process.env.CI === undefined ? 0 : 1,
  reporter: [['list'], ['json', { outputFile: 'test-results/e2e.json' }]],
});
