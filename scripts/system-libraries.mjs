/**
 * The system's libraries and programs that the desktop app needs on Linux. They are looked up by what the app loads and not
 * by package name, so that this holds on every distribution; where they can be installed (Debian and its kin, as root)
 * they are, with a line that says so. Elsewhere the caller learns the command that somebody has to run.
 */
import { execFileSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import process from 'node:process';
import { run } from './run.mjs';

/** Shared libraries that Electron loads, with the Debian package of each. The .deb recommends these. */
export const LIBRARIES = {
  'libgtk-3.so.0': 'libgtk-3-0',
  'libnss3.so': 'libnss3',
  'libatk-1.0.so.0': 'libatk1.0-0',
  'libatk-bridge-2.0.so.0': 'libatk-bridge2.0-0',
  'libcups.so.2': 'libcups2',
  'libgbm.so.1': 'libgbm1',
  'libasound.so.2': 'libasound2',
  'libxkbcommon.so.0': 'libxkbcommon0',
};

/** Programs by what they are for, with the Debian package of each. */
const PROGRAMS = {
  display: { 'xvfb-run': 'xvfb', xauth: 'xauth' },
  runtime: { unzip: 'unzip', zip: 'zip' },
  make: { fakeroot: 'fakeroot', dpkg: 'dpkg', zip: 'zip' },
};

/** @param {string} name */
function isProgram(name) {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, name), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function missingLibraries() {
  const ldconfig = ['/sbin/ldconfig', '/usr/sbin/ldconfig'].find((path) => existsSync(path));
  // Systems without ldconfig keep their libraries elsewhere; the app itself will say what it does not find.
  if (ldconfig === undefined) return [];
  const cache = execFileSync(ldconfig, ['-p'], { encoding: 'utf8' });
  return Object.entries(LIBRARIES)
    .filter(([library]) => !cache.includes(`${library} `))
    .map(([, name]) => name);
}

/** @param {(keyof typeof PROGRAMS)[]} purposes */
function missingPackages(purposes) {
  const programs = purposes.flatMap((purpose) => Object.entries(PROGRAMS[purpose]));
  const packages = programs.filter(([program]) => !isProgram(program)).map(([, name]) => name);
  return [...new Set([...packages, ...missingLibraries()])];
}

/** Whether windows need a display of their own, because there is none. */
export const needsVirtualDisplay = () =>
  process.platform === 'linux' && !process.env.DISPLAY && !process.env.WAYLAND_DISPLAY;

/**
 * Sees to it that what the purposes need is there.
 * @param {(keyof typeof PROGRAMS)[]} purposes
 * @returns {Promise<{ ok: true } | { ok: false, why: string }>}
 */
export async function ensureSystemLibraries(purposes) {
  if (process.platform !== 'linux') return { ok: true };
  const missing = missingPackages(purposes);
  if (missing.length === 0) return { ok: true };
  const names = missing.join(' ');
  const canInstall = isProgram('apt-get') && process.getuid?.() === 0;
  if (canInstall) {
    console.log(`The desktop app needs system packages that are not here. Installing: ${names}`);
    const env = { DEBIAN_FRONTEND: 'noninteractive' };
    await run('apt-get', ['update', '-qq'], { env });
    await run('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...missing], { env });
    if (missingPackages(purposes).length === 0) return { ok: true };
  }
  const command = `apt-get update && apt-get install -y --no-install-recommends ${names}`;
  return { ok: false, why: `The system lacks ${names}. On Debian and Ubuntu, as root: ${command}` };
}
