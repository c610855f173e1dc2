import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { test as base } from '@playwright/test';
import type { ElectronApplication, Page } from '@playwright/test';
import { launchApp } from './launch.ts';

export interface AppUnderTest {
  readonly app: ElectronApplication;
  readonly page: Page;
  /** Errors in the page and its console, in the order in which they came. */
  readonly problems: readonly string[];
}

export const artifact = (name: string): string => resolve('e2e/artifacts', name);

/** Loads the page anew and waits until it listens: keys that are pressed before would be lost. */
export async function reloadPage(page: Page): Promise<void> {
  await page.reload();
  await page.getByRole('navigation', { name: 'Places' }).waitFor();
}

/** The packaged app with its page, listened to from the start. */
export const test = base.extend<{ shardloom: AppUnderTest }>({
  shardloom: async ({ browserName: _ }, use) => {
    await mkdir(artifact(''), { recursive: true });
    const { app, close } = await launchApp();
    try {
      const problems: string[] = [];
      const page = await app.firstWindow();
      page.on('console', (message) => {
        if (message.type() === 'error' || message.type() === 'warning') problems.push(message.text());
      });
      page.on('pageerror', (error) => {
        problems.push(error.message);
      });
      await page.waitForURL(/^app:/);
      // Once more from the start, so that nothing that the page says is missed.
      await reloadPage(page);
      await use({ app, page, problems });
    } finally {
      await close();
    }
  },
});
