import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { _electron, test as base } from '@playwright/test';
import type { ElectronApplication, Page } from '@playwright/test';

const EXECUTABLES: Readonly<Record<string, string>> = {
  linux: 'out/Shardloom-linux-{arch}/shardloom',
  darwin: 'out/Shardloom-darwin-{arch}/Shardloom.app/Contents/MacOS/shardloom',
  win32: 'out/Shardloom-win32-{arch}/shardloom.exe',
};

/** Chromium's sandbox does not run as root. */
const isRoot = process.platform === 'linux' && process.getuid?.() === 0;

export interface AppUnderTest {
  readonly app: ElectronApplication;
  readonly page: Page;
  /** Errors in the page and its console, in the order in which they came. */
  readonly problems: readonly string[];
}

export const artifact = (name: string): string => resolve('e2e/artifacts', name);

/** The packaged app, as users get it but for Node's inspector, with a home folder of its own. */
export const test = base.extend<{ shardloom: AppUnderTest }>({
  shardloom: async ({ browserName: _ }, use) => {
    const executable = EXECUTABLES[process.platform]?.replace('{arch}', process.arch);
    if (executable === undefined) throw new Error(`There is no package for ${process.platform}.`);
    const home = await mkdtemp(join(tmpdir(), 'shardloom-e2e-'));
    await mkdir(artifact(''), { recursive: true });
    const app = await _electron.launch({
      executablePath: resolve(executable),
      args: [`--user-data-dir=${join(home, 'data')}`],
      chromiumSandbox: !isRoot,
      env: { ...definedEnvironment(), HOME: home },
    });
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
      await page.reload();
      await use({ app, page, problems });
    } finally {
      await app.close();
      await rm(home, { recursive: true, force: true });
    }
  },
});

function definedEnvironment(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
