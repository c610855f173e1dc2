import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { _electron } from '@playwright/test';
import type { ElectronApplication } from '@playwright/test';
import { WINDOW } from '../src-core/cli/open-command.ts';

const EXECUTABLES: Readonly<Record<string, string>> = {
  linux: `out/Shardloom-linux-{arch}/${WINDOW}`,
  darwin: `out/Shardloom-darwin-{arch}/Shardloom.app/Contents/MacOS/${WINDOW}`,
  win32: `out/Shardloom-win32-{arch}/${WINDOW}.exe`,
};

/** Chromium's sandbox does not run as root. */
export const isRoot = process.platform === 'linux' && process.getuid?.() === 0;

export interface LaunchedApp {
  readonly app: ElectronApplication;
  /** Closes the app, and removes its home folder if it was made for it. */
  readonly close: () => Promise<void>;
}

/** The program that users start. */
export function packagedExecutable(): string {
  const executable = EXECUTABLES[process.platform]?.replace('{arch}', process.arch);
  if (executable === undefined) throw new Error(`There is no package for ${process.platform}.`);
  return resolve(executable);
}

/** Where the package keeps what is not the runtime's. */
export function packagedResources(): string {
  const runtime = dirname(packagedExecutable());
  return process.platform === 'darwin' ? join(runtime, '..', 'Resources') : join(runtime, 'resources');
}

export interface LaunchOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** A home folder that an earlier start has used. */
  readonly home?: string;
}

/** Starts the packaged app, as users get it but for Node's inspector, with a home folder of its own. */
export async function launchApp({ args = [], env = {}, home: used }: LaunchOptions = {}): Promise<LaunchedApp> {
  const home = used ?? (await mkdtemp(join(tmpdir(), 'shardloom-e2e-')));
  const app = await _electron.launch({
    executablePath: packagedExecutable(),
    args: [`--user-data-dir=${join(home, 'data')}`, ...args],
    chromiumSandbox: !isRoot,
    env: { ...definedEnvironment(), HOME: home, ...env },
  });
  const close = async (): Promise<void> => {
    await app.close();
    if (used === undefined) await rm(home, { recursive: true, force: true });
  };
  return { app, close };
}

function definedEnvironment(): Record<string, string> {
  return Object.fromEntries(
    Object.entries(process.env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
