import type { ElectronApplication, Page } from '@playwright/test';
import { median } from '../../bench/measure.ts';
import { answerFolderDialog } from '../checkpoints.ts';
import { launchApp } from '../launch.ts';
import { secondsUntil } from './in-page.ts';

export interface Window {
  readonly app: ElectronApplication;
  readonly page: Page;
}

/** Runs something in a fresh app. */
export async function inApp<Result>(run: (window: Window) => Promise<Result>): Promise<Result> {
  const { app, close } = await launchApp();
  try {
    const page = await app.firstWindow();
    await page.getByRole('button', { name: 'Try a sample' }).waitFor();
    return await run({ app, page });
  } finally {
    await close();
  }
}

/** Seconds from the click to the place that tells what was opened. */
export async function open({ app, page }: Window, folder: string): Promise<number> {
  await answerFolderDialog(app, folder);
  return page.evaluate(secondsUntil, { click: 'Open a checkpoint|Open folder…', heading: 'Overview' });
}

/** Median, smallest and largest, as text. */
export function inSeconds(seconds: readonly number[]): string {
  const [low, high] = [Math.min(...seconds), Math.max(...seconds)];
  return `${median(seconds).toFixed(2)} s (${low.toFixed(2)} to ${high.toFixed(2)})`;
}
