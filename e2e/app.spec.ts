import { readFileSync } from 'node:fs';
import { expect } from '@playwright/test';
import { artifact, test } from './app-under-test.ts';

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };

test('opens one window that says what the app is and how to use it', async ({ shardloom: { app, page, problems } }) => {
  await expect(page.getByRole('heading', { name: 'Shardloom', level: 1 })).toBeVisible();
  await expect(page.getByText('shardloom consolidate FOLDER OUT')).toBeVisible();
  await expect(page.getByText(`Version ${version}`)).toBeVisible();
  expect(app.windows()).toHaveLength(1);
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ path: artifact(`start-${colorScheme}.png`) });
  }
  expect(problems).toEqual([]);
});
