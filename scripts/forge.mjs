/**
 * npm start, npm run package, npm run make: Electron Forge with an Electron that this machine can have.
 */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { electronRuntime } from './electron-runtime.mjs';
import { run } from './run.mjs';
import { ensureSystemLibraries } from './system-libraries.mjs';

const [command = 'start', ...args] = process.argv.slice(2);

/** @param {string} why */
function stop(why) {
  console.error(why);
  process.exit(1);
}

const system = await ensureSystemLibraries(command === 'make' ? ['make'] : []);
if (!system.ok) stop(system.why);
const env = await electronRuntime().catch((/** @type {unknown} */ error) =>
  stop(error instanceof Error ? error.message : String(error)),
);
const forge = join(
  dirname(createRequire(import.meta.url).resolve('@electron-forge/cli/package.json')),
  'dist',
  'electron-forge.js',
);
// Chromium refuses to run as root with its sandbox. Who develops as root does so in a container.
const isRoot = process.platform === 'linux' && process.getuid?.() === 0;
const withoutSandbox = command === 'start' && isRoot ? { ELECTRON_DISABLE_SANDBOX: '1' } : {};
process.exitCode = await run(process.execPath, [forge, command, ...args], { env: { ...env, ...withoutSandbox } });
