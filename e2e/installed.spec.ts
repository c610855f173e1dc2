/** What a user gets who installs the package: the command line on the path, without anything of the system's, and the window. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readlinkSync, statSync, symlinkSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { expect, test } from '@playwright/test';
import packageJson from '../package.json' with { type: 'json' };
import { deb } from '../forge.deb.ts';
import { WINDOW } from '../src-core/cli/open-command.ts';
import { sampleCheckpoint, temporaryFolder } from './checkpoints.ts';
import { packagedExecutable, packagedResources } from './launch.ts';
import { allProcesses } from './spawned.ts';

const isWindows = process.platform === 'win32';
const launcher = join(packagedResources(), 'bin', isWindows ? 'shardloom.cmd' : 'shardloom');

interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs an installed command line as a server would: no display, and by default no program on the path but its own. */
function run(program: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Ran {
  const bare = { HOME: temporaryFolder(), ...(isWindows ? process.env : { PATH: '/nowhere' }), ...env };
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8', env: bare, shell: isWindows });
  return { code: status, stdout, stderr };
}

/** The main job, with threads of its own: their code must be found beside the bundle. */
function consolidates(program: string, env?: Readonly<Record<string, string>>): void {
  const folder = temporaryFolder();
  const [sample, out] = [join(folder, 'sample'), join(folder, 'out')];
  expect(run(program, ['sample', sample], env)).toMatchObject({ code: 0 });
  const checkpoint = join(sample, 'checkpoint');
  const inspected = run(program, ['inspect', checkpoint], env);
  expect(inspected.stdout).toContain('sound');
  expect(inspected.code).toBe(0);
  expect(run(program, ['consolidate', checkpoint, out, '--workers', '2'], env)).toMatchObject({ code: 0, stderr: '' });
  const [written, original] = [join(out, 'model.safetensors'), join(sample, 'original/model.safetensors')];
  expect(statSync(written).size).toBeGreaterThan(1_000_000);
  expect(run(program, ['diff', join(out), join(original, '..'), '--quiet'], env)).toMatchObject({ code: 0 });
}

test('the command line of the package needs no Node.js of the system and no display', () => {
  expect(run(launcher, ['--version'])).toEqual({ code: 0, stdout: `${packageJson.version}\n`, stderr: '' });
  consolidates(launcher);
});

test('options for another Node.js do not reach it', () => {
  expect(run(launcher, ['--version'], { NODE_OPTIONS: '--no-such-option' })).toMatchObject({ code: 0 });
});

test('it is found through links, wherever they are', () => {
  test.skip(isWindows, 'Windows has the folder itself on the path');
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'bin'));
  symlinkSync(launcher, join(folder, 'absolute'));
  symlinkSync('../absolute', join(folder, 'bin/shardloom'));
  const path = [join(folder, 'bin'), process.env.PATH].join(delimiter);
  expect(run('shardloom', ['--version'], { PATH: path })).toMatchObject({ code: 0 });
  // As a shell does that finds it in the folder where it is.
  const here = spawnSync('/bin/sh', ['shardloom', '--version'], { cwd: join(launcher, '..'), encoding: 'utf8' });
  expect(here.stdout).toBe(`${packageJson.version}\n`);
});

test('open says where there is no display to open a window on', () => {
  test.skip(process.platform !== 'linux', 'elsewhere there is always one, as far as a program can tell');
  const { code, stderr } = run(launcher, ['open', temporaryFolder()]);
  expect(code).toBe(5);
  expect(stderr).toContain('There is no display');
});

test('open starts the window of the package, which outlives the command', async () => {
  test.skip(process.platform !== 'linux', 'whether it has started is read from /proc');
  const { checkpoint } = sampleCheckpoint('opened');
  const { DISPLAY = '', XAUTHORITY = '', PATH = '' } = process.env;
  const env = { DISPLAY, XAUTHORITY, PATH, HOME: temporaryFolder(), ELECTRON_DISABLE_SANDBOX: '1' };
  const started = () =>
    allProcesses().filter(({ commandLine }) => commandLine.trim() === `${packagedExecutable()} ${checkpoint}`);
  const log = join(env.HOME, '.config/Shardloom/logs/main.log');
  try {
    expect(run(launcher, ['open', checkpoint], env)).toEqual({
      code: 0,
      stdout: `Opened in the window: ${checkpoint}\n`,
      stderr: '',
    });
    expect(started()).toHaveLength(1);
    await expect
      .poll(() => (existsSync(log) ? readFileSync(log, 'utf8') : ''), { timeout: 20_000 })
      .toContain('opened');
    // The window that is there takes the next folder.
    expect(run(launcher, ['open', join(checkpoint, 'shards')], env)).toMatchObject({ code: 0 });
    expect(started()).toHaveLength(1);
  } finally {
    for (const { pid } of started()) process.kill(pid);
  }
});

test('the .deb puts both on the path, and the menu entry starts the window', async () => {
  const makers = ['/usr/bin/dpkg-deb', '/usr/bin/fakeroot'];
  test.skip(!makers.every(existsSync), `needs ${makers.join(' and ')}`);
  const folder = temporaryFolder();
  await deb.prepareConfig('x64');
  const [file = ''] = await deb.make({
    dir: join(packagedExecutable(), '..'),
    makeDir: folder,
    appName: 'Shardloom',
    targetPlatform: 'linux',
    targetArch: process.arch,
    forgeConfig: {} as never,
    packageJSON: packageJson,
  });
  const root = join(folder, 'root');
  expect(spawnSync('dpkg-deb', ['-x', file, root]).status).toBe(0);
  const entry = readFileSync(join(root, 'usr/share/applications/shardloom.desktop'), 'utf8');
  expect(entry).toContain(`\nExec=${WINDOW} %f\n`);
  expect(entry).toContain('\nIcon=shardloom\n');
  expect(existsSync(join(root, 'usr/share/pixmaps/shardloom.png'))).toBe(true);
  const programs = join(root, 'usr/bin');
  expect(readlinkSync(join(programs, WINDOW))).toBe(`../lib/shardloom/${WINDOW}`);
  expect(existsSync(join(programs, WINDOW))).toBe(true);
  // The libraries of the window are not asked of a server.
  const depends = spawnSync('dpkg-deb', ['-f', file, 'Depends'], { encoding: 'utf8' }).stdout;
  expect(depends).toBe('libc6 (>= 2.28), libstdc++6\n');
  consolidates('shardloom', { PATH: [programs, '/usr/bin', '/bin'].join(delimiter) });
});
