import { spawn } from 'node:child_process';
import process from 'node:process';

/**
 * The command that runs npm with these arguments: with Node, by the script that npm itself was started from. By its name npm is
 * a batch file on Windows, which is not started without a shell.
 * @param {...string} args
 * @returns {[command: string, args: string[]]}
 */
export function npm(...args) {
  const script = process.env.npm_execpath;
  return script === undefined ? ['npm', args] : [process.execPath, [script, ...args]];
}

/**
 * Runs a command with its output passed through, and gives its exit code.
 * @param {string} command
 * @param {string[]} args
 * @param {{ env?: Record<string, string | undefined>, cwd?: string }} [options]
 * @returns {Promise<number>}
 */
export function run(command, args, { env = {}, cwd } = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      stdio: 'inherit',
      env: { ...process.env, ...env },
      ...(cwd !== undefined && { cwd }),
    });
    child.once('error', reject);
    child.once('close', (code) => {
      resolve(code ?? 1);
    });
  });
}

/**
 * Runs a command and fails if it fails.
 * @param {string} command
 * @param {string[]} args
 * @param {{ env?: Record<string, string | undefined>, cwd?: string }} [options]
 */
export async function mustRun(command, args, options) {
  const code = await run(command, args, options);
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} ended with exit code ${String(code)}.`);
}
