/**
 * What everything needs that drives the packaged app: a runtime, a package that lets itself be driven, and a display, real
 * or virtual.
 */
import process from 'node:process';
import { electronRuntime } from './electron-runtime.mjs';
import { run } from './run.mjs';
import { ensureSystemLibraries, needsVirtualDisplay } from './system-libraries.mjs';

/**
 * The environment in which the app is packaged and driven. Throws, with a text that says what to do, where the app cannot
 * run.
 * @returns {Promise<Record<string, string>>}
 */
export async function desktopEnvironment() {
  const system = await ensureSystemLibraries(needsVirtualDisplay() ? ['display'] : []);
  if (!system.ok) throw new Error(system.why);
  return { ...(await electronRuntime()), E2E: '1' };
}

/**
 * Runs a Node script where windows have a place.
 * @param {string[]} args
 * @param {Record<string, string>} env
 * @returns {Promise<number>} the exit code
 */
export function runWithDisplay(args, env) {
  // Large enough for the largest pictures.
  const virtual = ['-a', '-s', '-screen 0 2000x1300x24', process.execPath];
  return needsVirtualDisplay() ? run('xvfb-run', [...virtual, ...args], { env }) : run(process.execPath, args, { env });
}
