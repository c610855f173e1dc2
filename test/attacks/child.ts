/** Runs the bundled command line in a child process, two at a time, and measures what it takes. */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { CLI } from '../support/cli.ts';

/** What a run left behind. */
export interface Ended {
  readonly args: readonly string[];
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** User and system time of all its threads, in seconds. */
  readonly cpuSeconds: number;
  readonly peakBytes: number;
}

/** Who hangs is killed after this time: far above what a loaded machine needs for a run. */
const HANG_MS = 30_000;

/** CI has two cores: more children would only wait for each other. */
const AT_ONCE = 2;

/** Loaded into the child before the program: reports what it took. Peak memory is the program's own, not that of who started it. */
const REPORT = `
import fs from 'node:fs';
import { isMainThread } from 'node:worker_threads';
if (isMainThread) process.on('exit', () => {
  const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
  let peak = maxRSS;
  try { peak = Number(/VmHWM:\\s*(\\d+)/.exec(fs.readFileSync('/proc/self/status', 'utf8'))[1]); } catch {}
  fs.writeSync(3, JSON.stringify({ cpuSeconds: (userCPUTime + systemCPUTime) / 1e6, peakBytes: peak * 1024 }));
});`;
const PRELOAD = `data:text/javascript,${encodeURIComponent(REPORT)}`;

const waiting: (() => void)[] = [];
let running = 0;

async function inTurn<Result>(action: () => Promise<Result>): Promise<Result> {
  if (running >= AT_ONCE) await new Promise<void>((resolve) => waiting.push(resolve));
  else running++;
  try {
    return await action();
  } finally {
    const next = waiting.shift();
    if (next) next();
    else running--;
  }
}

/** Another user's program must be where that user may read it. */
export interface Runner {
  readonly uid?: number;
  readonly cli?: string;
}

/** `shardloom ...args`, as a user would run it. */
export function shardloomChild(args: readonly string[], { uid, cli = CLI }: Runner = {}): Promise<Ended> {
  return inTurn(
    () =>
      new Promise((resolve, reject) => {
        const child = spawn(process.execPath, ['--import', PRELOAD, cli, ...args], {
          stdio: ['ignore', 'pipe', 'pipe', 'pipe'],
          timeout: HANG_MS,
          killSignal: 'SIGKILL',
          cwd: path.dirname(cli),
          ...(uid !== undefined && { uid, gid: uid }),
        });
        const texts = ['', '', '', ''];
        for (const stream of [1, 2, 3] as const) {
          const pipe = child.stdio[stream] as NodeJS.ReadableStream;
          pipe.setEncoding('utf8').on('data', (text: string) => (texts[stream] += text));
        }
        child.once('error', reject);
        child.once('close', (code, signal) => {
          const taken = JSON.parse(texts[3] || '{"cpuSeconds":0,"peakBytes":0}') as Pick<
            Ended,
            'cpuSeconds' | 'peakBytes'
          >;
          resolve({ args, code, signal, stdout: texts[1]!, stderr: texts[2]!, ...taken });
        });
      }),
  );
}

/** All that lies below a folder, with what shows that something was changed. Links are not followed, nothing is opened. */
export function traces(folder: string): string[] {
  const walk = (at: string): string[] =>
    fs.readdirSync(at, { withFileTypes: true }).flatMap((entry) => {
      const file = path.join(at, entry.name);
      const { size, mtimeMs, ctimeMs, mode } = fs.lstatSync(file);
      const line = `${path.relative(folder, file)} ${mode} ${size} ${mtimeMs} ${ctimeMs}`;
      return entry.isDirectory() ? [line, ...walk(file)] : [line];
    });
  return walk(folder).sort();
}
