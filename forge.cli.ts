/**
 * The command line in a package: resources/bin/shardloom, which every packaging puts on the path or says how to, and
 * resources/cli/ with its bundle and a Node.js to run it on. Servers have neither a display nor the libraries of one, which
 * Electron loads even where it runs as Node, and often no Node.js; and the fuse for running as Node stays off.
 */
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { build } from 'vite';
import { nodeBuild, workerEntries } from './vite.shared.ts';

/** Where its build leaves the licences of what it bundled, from `resources`. For forge.contents.ts. */
export const CLI_LICENSES = 'cli/licenses.json';

const isWindows = (platform: string): boolean => platform === 'win32';

/** Builds the command line into a package's `resources` folder, with launcher and runtime. */
export async function addCommandLine(resources: string, platform: string, arch: string): Promise<void> {
  requireOwnPlatform(platform, arch);
  const cli = join(resources, 'cli');
  const { build: bundle, ...shared } = nodeBuild(cli, { cli: 'src-core/cli.ts', ...workerEntries });
  await build({
    ...shared,
    configFile: false,
    logLevel: 'warn',
    build: { ...bundle, license: { fileName: 'licenses.json' } },
  });
  writeFileSync(join(cli, 'package.json'), '{ "type": "module" }\n');
  copyFileSync(process.execPath, join(cli, isWindows(platform) ? 'node.exe' : 'node'));
  if (isWindows(platform)) copyFileSync('build/path.ps1', join(cli, 'path.ps1'));
  const launcher = isWindows(platform) ? 'shardloom.cmd' : 'shardloom';
  mkdirSync(join(resources, 'bin'));
  copyFileSync(join('build/bin', launcher), join(resources, 'bin', launcher));
}

/** The Node.js that packages is the one that is packaged: the tests have run on it, and it is there for every platform. */
function requireOwnPlatform(platform: string, arch: string): void {
  if (platform === process.platform && arch === process.arch) return;
  throw new Error(
    `A package for ${platform} ${arch} carries a Node.js for it, and this one is for ${process.platform} ${process.arch}. Package it there.`,
  );
}

/**
 * Throws if the Node.js that packages needs libraries of its own from the system, as those of some distributions do: what is
 * made for users must run without them.
 */
export function requireSelfContainedNode(): void {
  const shared = Object.entries(process.config.variables)
    .filter(([name, value]) => name.startsWith('node_shared') && value === true)
    .map(([name]) => name.replace(/^node_shared_?/, '') || 'node');
  if (shared.length === 0) return;
  throw new Error(
    `Packages carry the Node.js that makes them, and ${process.execPath} needs libraries of this system (${shared.join(', ')}). Make them with a Node.js from nodejs.org.`,
  );
}
