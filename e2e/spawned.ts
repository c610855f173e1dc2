import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, chownSync, copyFileSync, mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from '@playwright/test';
import { temporaryFolder } from './checkpoints.ts';
import { isRoot, packagedExecutable } from './launch.ts';

/** The packaged app, started as a desktop starts it: nobody drives it from inside. Linux only. */
export interface SpawnedApp {
  readonly home: string;
  /** Its processes of a kind, as /proc tells of them. */
  readonly processes: (type: 'renderer' | 'gpu-process') => readonly ProcessStatus[];
  readonly close: () => Promise<void>;
}

export interface ProcessStatus {
  readonly pid: number;
  readonly commandLine: string;
  /** /proc/PID/status */
  readonly status: string;
}

/** Chromium's sandbox does not run as root, so that root starts it as somebody else. */
const NOBODY = 65534;

/** Whether the user that root starts it as may come to it: the project may lie where only root goes. */
export function nobodyMayRunIt(): boolean {
  for (let path = packagedExecutable(); ; path = dirname(path)) {
    if ((statSync(path).mode & 0o001) === 0) return false;
    if (path === dirname(path)) return true;
  }
}

interface SpawnOptions {
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly sandbox?: boolean;
}

/** Starts it and waits until it has a page. */
export async function spawnApp({ args = [], env = {}, sandbox = false }: SpawnOptions = {}): Promise<SpawnedApp> {
  const home = join(temporaryFolder(), 'home');
  mkdirSync(home);
  const asNobody = sandbox && isRoot;
  const data = `--user-data-dir=${join(home, 'data')}`;
  const child = spawn(packagedExecutable(), [data, ...(sandbox ? [] : ['--no-sandbox']), ...args], {
    env: { ...process.env, HOME: home, ...env, ...(asNobody && displayFor(home)) },
    stdio: 'ignore',
    ...(asNobody && { uid: NOBODY, gid: NOBODY }),
  });
  await once(child, 'spawn');
  const processes = (type: string): readonly ProcessStatus[] =>
    allProcesses().filter(({ commandLine }) => commandLine.includes(data) && commandLine.includes(`--type=${type}`));
  const close = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill();
    await once(child, 'exit');
  };
  try {
    await expect.poll(() => processes('renderer').length, { timeout: 20_000 }).toBeGreaterThan(0);
  } catch (error) {
    await close();
    throw error;
  }
  return { home, processes, close };
}

/** The home folder and the key to the display, handed to the other user. */
function displayFor(home: string): Record<string, string> {
  chmodSync(join(home, '..'), 0o755);
  chownSync(home, NOBODY, NOBODY);
  const key = process.env.XAUTHORITY;
  if (key === undefined) return {};
  const copy = join(home, '.Xauthority');
  copyFileSync(key, copy);
  chownSync(copy, NOBODY, NOBODY);
  return { XAUTHORITY: copy };
}

/** All that run on this machine. */
export function allProcesses(): ProcessStatus[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const commandLine = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
        return [{ pid: Number(pid), commandLine, status: readFileSync(`/proc/${pid}/status`, 'utf8') }];
      } catch {
        // It has ended meanwhile.
        return [];
      }
    });
}
