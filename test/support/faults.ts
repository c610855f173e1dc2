import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { CLI } from './cli.ts';

/** Functions of node:fs that change something on the disk, as the engine calls them. */
export const WRITING = [
  'appendFileSync',
  'copyFileSync',
  'ftruncateSync',
  'mkdirSync',
  'openSync',
  'renameSync',
  'rmSync',
  'rmdirSync',
  'utimesSync',
  'writeFileSync',
  'writeSync',
] as const;

/** What goes wrong in a run of the command line. */
export interface Fault {
  /** The thread that counts: the main one, or each worker. */
  readonly thread: 'main' | 'worker';
  /** Functions of node:fs that are counted. */
  readonly calls: readonly string[];
  /** Before which of these calls it happens, from 1. */
  readonly at: number;
  /** JavaScript that is run then, with `fs` and `process`. What it throws, the call throws. */
  readonly code: string;
  /** At every one of them instead. */
  readonly every?: boolean;
  /** A file that is to hold how many calls there were. */
  readonly counted?: string;
}

/** The process ends as with kill -9. */
export const KILL = "process.kill(process.pid, 'SIGKILL'); for (;;);";

/** The call fails as the operating system says it. */
export function failing(code: string): string {
  return `throw Object.assign(new Error('${code}: injected'), { code: '${code}' });`;
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Whole milliseconds from its start, or from what `from` says, to its end. */
  readonly lasted: number;
}

export interface RunOptions {
  readonly fault?: Fault;
  /** The user that it runs as, where the tests run as root. */
  readonly uid?: number;
  /** A file or folder: times are counted from when it is there, and not from the start. */
  readonly from?: string;
  /** Ends it after so many milliseconds. */
  readonly kill?: { readonly after: number; readonly signal: NodeJS.Signals };
}

/** Often enough to see what is only there while a run writes. */
const WATCH_EVERY_MS = 2;

/** Runs the bundled command line to its end, whatever end that is. */
export function runToItsEnd(args: readonly string[], { fault, uid, from, kill }: RunOptions = {}): Promise<Ended> {
  const preload = pathToFileURL(path.resolve('test/support/faults.mjs')).href;
  const child = spawn(process.execPath, [...(fault ? ['--import', preload] : []), CLI, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...(fault && { SHARDLOOM_FAULT: JSON.stringify(fault) }) },
    ...(uid !== undefined && { uid }),
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (text: Buffer) => (stdout += text.toString()));
  child.stderr.on('data', (text: Buffer) => (stderr += text.toString()));
  let began = performance.now();
  let timer: NodeJS.Timeout | undefined;
  const begin = (): void => {
    clearInterval(waiting);
    began = performance.now();
    if (kill) timer = setTimeout(() => child.kill(kill.signal), kill.after);
  };
  const waiting = from === undefined ? undefined : setInterval(() => fs.existsSync(from) && begin(), WATCH_EVERY_MS);
  if (from === undefined) begin();
  return new Promise((resolve) => {
    child.on('close', (code, signal) => {
      clearInterval(waiting);
      clearTimeout(timer);
      resolve({ code, signal, stdout, stderr, lasted: Math.ceil(performance.now() - began) });
    });
  });
}
