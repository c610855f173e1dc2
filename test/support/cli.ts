import { spawn, spawnSync } from 'node:child_process';
import path from 'node:path';

/** The bundled command line. */
export const CLI = path.join(process.env.SHARDLOOM_WORKER_DIR ?? '', 'cli.js');

export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the bundled command line, as a user would, to its end. */
export function shardloom(...args: string[]): Ran {
  const { status, signal, error, stdout, stderr } = spawnSync(process.execPath, [CLI, ...args], { encoding: 'utf8' });
  if (status === null) throw new Error(`shardloom ${args.join(' ')} ended by ${signal}: ${error?.message ?? stderr}`);
  return { code: status, stdout, stderr };
}

/** Starts it, and calls `act` when something has been written below a folder. */
export async function interrupted(args: readonly string[], wait: () => boolean, signal: NodeJS.Signals): Promise<Ran> {
  const child = spawn(process.execPath, [CLI, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (text: Buffer) => (stdout += text.toString()));
  child.stderr.on('data', (text: Buffer) => (stderr += text.toString()));
  const ended = new Promise<number | null>((resolve) => child.on('exit', resolve));
  while (child.exitCode === null && !wait()) await new Promise((resolve) => setTimeout(resolve, 1));
  child.kill(signal);
  return { code: await ended, stdout, stderr };
}
