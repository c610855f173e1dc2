import { app, dialog, type BrowserWindow } from 'electron';
import type { Problem } from '../src-core/app-door.ts';
import { log } from './log.ts';

/** A page that fails again within this time, in milliseconds, would do so for ever. */
const AGAIN_MS = 30_000;

const PAGE_CRASHED: Problem = {
  tag: 'internal',
  what: 'The window failed and was loaded again.',
  advice: 'Jobs went on meanwhile. If it happens again, export diagnostics and report it.',
};

/**
 * Loads the page anew when its process has ended, and says so in it. Where it ends again soon it is not loaded without being
 * asked for: jobs go on all the same.
 */
export function reviveCrashedPage(window: BrowserWindow, tell: (problem: Problem) => void): void {
  let last = -Infinity;
  const revive = (): void => {
    last = Date.now();
    tell(PAGE_CRASHED);
    window.webContents.reload();
  };
  window.webContents.on('render-process-gone', (_event, { reason, exitCode }) => {
    log.error('page ended', reason, { exitCode });
    if (reason === 'clean-exit' || window.isDestroyed()) return;
    if (Date.now() - last > AGAIN_MS) revive();
    else void offer(window, revive);
  });
}

async function offer(window: BrowserWindow, revive: () => void): Promise<void> {
  const { response } = await dialog.showMessageBox(window, {
    type: 'error',
    message: 'The window has failed again.',
    detail: 'Jobs go on without it. What happened is in the log.',
    buttons: ['Load It Again', 'Quit'],
    defaultId: 0,
    cancelId: 0,
  });
  if (response === 1) app.quit();
  else if (!window.isDestroyed()) revive();
}

/** Writes down what nothing else has caught, and tells it: the app goes on with what it has. */
export function reportFaults(tell: (problem: Problem) => void): void {
  const report = (what: string, error: unknown): void => {
    log.error(what, error);
    tell({
      tag: 'internal',
      what: 'Something failed, and Shardloom went on without it.',
      found: error instanceof Error ? error.message : String(error),
      advice: 'Jobs go on. Export diagnostics and report this with what you did before.',
    });
  };
  process.on('uncaughtException', (error) => {
    report('uncaught exception', error);
  });
  process.on('unhandledRejection', (error) => {
    report('unhandled rejection', error);
  });
  app.on('child-process-gone', (_event, { type, reason, exitCode }) => {
    // Chromium starts its own helpers again.
    log.error('process ended', reason, { type, exitCode });
  });
}
