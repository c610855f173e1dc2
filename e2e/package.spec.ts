/** What is in the package: the app, and nothing that it does not need. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { extractFile, listPackage, statFile } from '@electron/asar';
import { expect, test } from '@playwright/test';
import { packagedExecutable, packagedResources } from './launch.ts';
import { spawnApp } from './spawned.ts';

const runtime = dirname(packagedExecutable());
const resources = packagedResources();
const archive = join(resources, 'app.asar');

/** Files in the archive, without the slash at the start. */
const files = listPackage(archive, { isPack: false })
  .map((path) => path.replaceAll('\\', '/').slice(1))
  .filter((path) => !('files' in statFile(archive, path)));
const textOf = (path: string): string => extractFile(archive, path).toString('utf8');

/** What each file of the app is there for. */
const WANTED: readonly RegExp[] = [
  /^package\.json$/,
  /^\.vite\/build\/(main|inspect-worker|job-worker|copy-worker|worker)\.js$/,
  /^\.vite\/build\/chunk-[\w-]+\.js$/,
  /^\.vite\/build\/preload\.cjs$/,
  /^\.vite\/renderer\/main_window\/index\.html$/,
  /^\.vite\/renderer\/main_window\/assets\/index-[\w-]+\.(js|css)$/,
  /^\.vite\/renderer\/main_window\/assets\/(inter|jetbrains-mono)-[\w-]+\.woff2$/,
];

/** Licences that ask for no more than to be named. */
const PERMISSIVE = ['0BSD', 'Apache-2.0', 'BSD-2-Clause', 'BSD-3-Clause', 'ISC', 'MIT', 'OFL-1.1'];

test('the archive holds the bundles and what Electron reads of package.json', () => {
  expect(files.filter((path) => !WANTED.some((wanted) => wanted.test(path)))).toEqual([]);
  for (const wanted of WANTED)
    expect(
      files.some((path) => wanted.test(path)),
      String(wanted),
    ).toBe(true);
  expect(Object.keys(JSON.parse(textOf('package.json')) as object).sort()).toEqual([
    'author',
    'description',
    'license',
    'main',
    'name',
    'productName',
    'type',
    'version',
  ]);
});

const OF_THE_MACHINE = [process.cwd(), `${homedir()}/`, 'sourceMappingURL'];
const OF_DEVELOPMENT = ['localhost:', '127.0.0.1', '@vite/client'];

test('the bundles tell nothing of the machine that made them, and know no development server', () => {
  for (const path of files.filter((name) => !name.endsWith('.woff2'))) {
    const text = textOf(path);
    const traces = [...OF_THE_MACHINE, ...OF_DEVELOPMENT].filter((trace) => text.includes(trace));
    expect(traces, path).toEqual([]);
  }
  // commander brings the address of Node's debugger.
  for (const name of readdirSync(join(resources, 'cli')).filter((file) => file.endsWith('.js'))) {
    const text = readFileSync(join(resources, 'cli', name), 'utf8');
    expect(
      OF_THE_MACHINE.filter((trace) => text.includes(trace)),
      name,
    ).toEqual([]);
  }
});

test('the command line is its bundle, its workers, and a Node.js', () => {
  const isWindows = process.platform === 'win32';
  expect(readdirSync(join(resources, 'bin'))).toEqual([isWindows ? 'shardloom.cmd' : 'shardloom']);
  const chunks = /^chunk-[\w-]+\.js$/;
  const others = readdirSync(join(resources, 'cli')).filter((name) => !chunks.test(name));
  const scripts = ['cli.js', 'copy-worker.js', 'package.json', 'worker.js'];
  expect(others.sort()).toEqual([...scripts, ...(isWindows ? ['node.exe', 'path.ps1'] : ['node'])].sort());
});

test('beside the archive are the command line, the icon and the licences', () => {
  test.skip(process.platform === 'darwin', 'macOS keeps the menu’s languages there');
  expect(readdirSync(resources).sort()).toEqual([
    'LICENSE',
    'THIRD-PARTY-LICENSES.txt',
    'app.asar',
    'bin',
    'cli',
    'icon.png',
  ]);
  expect(readFileSync(join(resources, 'LICENSE'), 'utf8')).toBe(readFileSync('LICENSE', 'utf8'));
  for (const name of ['LICENSE', 'LICENSES.chromium.html'])
    expect(statSync(join(runtime, name)).size).toBeGreaterThan(0);
  expect(readdirSync(join(runtime, 'locales'))).toEqual(['en-US.pak']);
});

test('every bundled package is named with its licence, and each is a permissive one', () => {
  const sections = readFileSync(join(resources, 'THIRD-PARTY-LICENSES.txt'), 'utf8')
    .split(`${'-'.repeat(80)}\n\n`)
    .slice(1);
  const named = new Map(
    sections.map((section) => {
      const [title = '', identifier = '', , ...text] = section.split('\n');
      return [title.replace(/ [\d.]+$/, ''), { identifier, text: text.join('\n').trim() }] as const;
    }),
  );
  const foreign = [...named].filter(([, { identifier }]) => !PERMISSIVE.includes(identifier));
  expect(foreign).toEqual([]);
  const withoutText = [...named].filter(([, { text }]) => text.length < 200).map(([name]) => name);
  expect(withoutText).toEqual(['react-remove-scroll-bar']);
  const imported = ['renderer', 'electron', 'src-core'].flatMap(packagesImportedBy);
  expect(imported).toEqual(
    expect.arrayContaining(['react', 'zod', 'piscina', 'commander', '@fontsource-variable/inter']),
  );
  expect(imported.filter((name) => !named.has(name))).toEqual([]);
});

/** Packages that the sources of a room import, other than for their types. */
function packagesImportedBy(room: string): readonly string[] {
  const sources = readdirSync(room, { recursive: true, encoding: 'utf8' }).filter((name) => /\.tsx?$/.test(name));
  const imported = /^(?:import (?!type )[^;]*?from |import )'((?:@[^/']+\/)?[^./'][^/']*)/gm;
  const names = sources.flatMap((name) =>
    [...readFileSync(join(room, name), 'utf8').matchAll(imported)].map(([, from]) => from!),
  );
  return [...new Set(names)].filter((name) => name !== 'electron' && !name.startsWith('node:'));
}

test('it starts in a language that Chromium has no words for any more', async () => {
  test.skip(process.platform !== 'linux', 'whether it has started is read from /proc');
  const german = { LANG: 'de_DE.UTF-8', LC_ALL: 'de_DE.UTF-8', LANGUAGE: 'de' };
  const spawned = await spawnApp({ args: ['--lang=de'], env: german });
  try {
    expect(spawned.processes('renderer')).toHaveLength(1);
  } finally {
    await spawned.close();
  }
});
