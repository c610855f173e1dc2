import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { WINDOW } from '../../src-core/cli/open-command.ts';
import { CLI, type Ran } from '../support/cli.ts';

const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'shardloom-open-'));
afterAll(() => fs.rmSync(folder, { recursive: true }));

/** As where there is a display, and on the path what is in `programs`. */
function open(programs: string, env: Readonly<Record<string, string>>, ...args: readonly string[]): Ran {
  const all = { ...process.env, PATH: programs, DISPLAY: ':9', ELECTRON_DISABLE_SANDBOX: '1', ...env };
  const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, 'open', ...args], {
    encoding: 'utf8',
    env: all,
  });
  return { code: status, stdout, stderr };
}

/** A program that takes the window's place and does what a shell script says. */
function windowThat(name: string, script: string): string {
  const programs = path.join(folder, name);
  fs.mkdirSync(programs);
  fs.writeFileSync(path.join(programs, WINDOW), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
  return programs;
}

describe('shardloom open', () => {
  test('refuses a folder that is not there', () => {
    const { code, stderr } = open(folder, {}, path.join(folder, 'nothing'));
    expect(code).toBe(3);
    expect(stderr).toContain(path.join(folder, 'nothing'));
  });

  test('says that the app is not installed', () => {
    const { code, stderr } = open(folder, {}, folder);
    expect(code).toBe(5);
    expect(stderr).toContain('The window is not installed.');
  });
});

describe.runIf(process.platform === 'linux')('shardloom open, on Linux', () => {
  test('hands an absolute path to the window that is on the path', () => {
    const programs = windowThat('records', `echo "$# $1" > ${folder}/arguments`);
    const { code, stdout } = open(programs, {}, path.relative(process.cwd(), folder));
    expect(code).toBe(0);
    expect(stdout).toBe(`Opened in the window: ${folder}\n`);
    expect(fs.readFileSync(path.join(folder, 'arguments'), 'utf8')).toBe(`1 ${folder}\n`);
    expect(open(programs, {}).stdout).toBe('Opened in the window\n');
    expect(fs.readFileSync(path.join(folder, 'arguments'), 'utf8')).toBe('0 \n');
  });

  test('does not wait for the window to be closed', () => {
    const programs = windowThat('stays', `echo $$ > ${folder}/pid; exec /bin/sleep 60`);
    expect(open(programs, {}, folder).code).toBe(0);
    process.kill(Number(fs.readFileSync(path.join(folder, 'pid'), 'utf8')));
  });

  test('says how a window ended that could not be shown', () => {
    const { code, stderr } = open(windowThat('lacks', 'exit 127'), {}, folder);
    expect(code).toBe(5);
    expect(stderr).toContain('exit code 127');
    expect(open(windowThat('dies', 'kill -TRAP $$'), {}, folder).stderr).toContain('ended by SIGTRAP');
  });

  test('says that there is no display', () => {
    const { code, stderr } = open(folder, { DISPLAY: '', WAYLAND_DISPLAY: '' }, folder);
    expect(code).toBe(5);
    expect(stderr).toContain('There is no display');
  });

  test.runIf(process.getuid?.() === 0)('says that root has no window', () => {
    const { code, stderr } = open(folder, { ELECTRON_DISABLE_SANDBOX: '' }, folder);
    expect(code).toBe(5);
    expect(stderr).toContain('does not run as root');
  });
});
