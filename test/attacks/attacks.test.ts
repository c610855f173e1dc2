import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { CLI } from '../support/cli.ts';
import { readFolder } from '../support/weights.ts';
import { shardloomChild, traces, type Ended, type Runner } from './child.ts';

import type { FolderAttack } from './folders.ts';
import { KINDS, makeBases } from './kinds.ts';
import { madeFiles } from './make.ts';

const HERE = path.resolve('test/attacks');

/** What a run may take beyond one on a valid folder. */
const MAX_EXTRA_CPU_SECONDS = 1;
/** Who shares its core makes a run slower, in processor time too; what is slow by itself is slow each time. */
const MAX_TRIES = 3;
const MAX_PEAK_BYTES = 300 * 1024 * 1024;
/** Nobody reads more, and a log fills up. */
const MAX_PRINTED = 128 * 1024;
/** Waiting for its turn belongs to a test's time. */
const TIMEOUT_MS = 180_000;

/** Characters that move the cursor, hide text, or turn its direction. */
// eslint-disable-next-line no-control-regex
const CONTROL = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/;

const room = fs.mkdtempSync(path.join(os.tmpdir(), 'shardloom-attacks-'));
let usualCpuSeconds = 0;

beforeAll(async () => {
  await makeBases(path.join(room, 'bases'));
  const folder = path.join(room, 'bases/lora/checkpoint');
  const usual = await shardloomChild(['consolidate', folder, path.join(room, 'usual'), '--json', '--workers', '1']);
  expect(usual.code, usual.stderr).toBe(0);
  usualCpuSeconds = usual.cpuSeconds;
});
afterAll(() => {
  fs.rmSync(room, { recursive: true, force: true });
});

/** A copy of a valid folder in a room of its own. */
function copyOf(base: string, part: string): { readonly own: string; readonly folder: string } {
  const own = fs.mkdtempSync(path.join(room, 'case-'));
  const folder = path.join(own, 'input', 'folder');
  fs.cpSync(path.join(room, 'bases', base, part), folder, { recursive: true });
  return { own, folder };
}

/** The tag that a name begins with, or "ok". */
function expectedOf(name: string): string {
  return name.slice(0, name.indexOf('--'));
}

/** What every run must keep to, whatever it was given. */
function expectHarmless(ended: Ended): void {
  const about = `shardloom ${ended.args.join(' ')}\n${ended.stdout.slice(0, 2000)}\n${ended.stderr.slice(0, 4000)}`;
  expect(ended.signal, `killed because it hung: ${about}`).toBeNull();
  // The exit codes of diff are those of diff(1): there 1 means that something differs.
  expect(ended.args[0] === 'diff' ? [0, 2] : [0, 2, 3, 4], about).toContain(ended.code);
  expect(ended.stderr, about).not.toMatch(/fault of its own|\n {4}at /);
  expect(CONTROL.exec(ended.stdout + ended.stderr)?.[0], about).toBeUndefined();
  expect(ended.stdout.length + ended.stderr.length).toBeLessThan(MAX_PRINTED);
  expect(ended.cpuSeconds, about).toBeLessThan(usualCpuSeconds + MAX_EXTRA_CPU_SECONDS);
  expect(ended.peakBytes, about).toBeLessThan(MAX_PEAK_BYTES);
}

/** Runs a command in the room `own`, and once more, without what the last try made there, where that took long. */
async function tried(command: readonly string[], own: string, runner?: Runner): Promise<Ended> {
  const before = fs.readdirSync(own);
  for (let left = MAX_TRIES - 1; ; left--) {
    const ended = await shardloomChild(command, runner);
    if (left === 0 || ended.cpuSeconds < usualCpuSeconds + MAX_EXTRA_CPU_SECONDS) return ended;
    for (const name of fs.readdirSync(own).filter((name) => !before.includes(name))) {
      fs.rmSync(path.join(own, name), { recursive: true });
    }
  }
}

/** "ok", or the tag of the error that was printed as JSON. */
function outcomeOf({ code, stdout }: Ended): string {
  if (code === 0) return 'ok';
  return (JSON.parse(stdout) as { error: { tag: string } }).error.tag;
}

async function attack(
  expected: string,
  own: string,
  commands: readonly (readonly string[])[],
  runner?: Runner,
): Promise<Ended> {
  const input = path.join(own, 'input');
  const before = traces(input);
  let last: Ended | undefined;
  for (const command of commands) {
    last = await tried(command, own, runner);
    expectHarmless(last);
  }
  expect(outcomeOf(last!), last!.stdout.slice(0, 4000)).toBe(expected);
  expect(traces(input)).toEqual(before);
  const writes = commands.some(([name]) => name === 'consolidate' || name === 'shard');
  expect(fs.readdirSync(own).sort()).toEqual(writes && expected === 'ok' ? ['input', 'out'] : ['input']);
  return last!;
}

describe.concurrent.each(Object.entries(KINDS))('%s', (kind, { base, part, place, commands }) => {
  const names = fs.readdirSync(path.join(HERE, kind)).sort();

  test.each(names)('%s', { timeout: TIMEOUT_MS }, async (name) => {
    const { own, folder } = copyOf(base, part);
    place(folder, fs.readFileSync(path.join(HERE, kind, name)));
    const out = path.join(own, 'out');
    const expected = expectedOf(name);
    await attack(expected, own, commands(folder, out));
    if (expected !== 'ok' || !fs.existsSync(path.join(out, 'shardloom.json'))) return;
    readFolder(out);
    expectHarmless(await tried(['inspect', folder], own));
    expectHarmless(await tried(['consolidate', folder, path.join(own, 'not-written'), '--dry-run'], own));
  });
});

test('what is committed is what make/ makes', () => {
  const made = madeFiles(path.join(room, 'bases'));
  const differs = [...made].filter(([name, bytes]) => {
    const file = path.join(HERE, name);
    return !fs.existsSync(file) || !fs.readFileSync(file).equals(bytes);
  });
  expect(differs.map(([name]) => name)).toEqual([]);
});

/** Who root lets run a program that must not read everything. */
const NOBODY = 65_534;

/** Another user, with a program and folders that he may read. */
function otherUser(own: string): Runner {
  if (process.getuid?.() !== 0) return {};
  const program = path.join(room, 'program');
  if (!fs.existsSync(program)) fs.cpSync(path.dirname(CLI), program, { recursive: true });
  for (const folder of [room, own, path.join(own, 'input')]) fs.chmodSync(folder, 0o755);
  fs.chownSync(own, NOBODY, NOBODY);
  for (const name of ['input', ...fs.readdirSync(path.join(own, 'input'), { recursive: true, encoding: 'utf8' })]) {
    fs.lchownSync(path.join(own, name === 'input' ? '' : 'input', name), NOBODY, NOBODY);
  }
  return { uid: NOBODY, cli: path.join(program, path.basename(CLI)) };
}

const modules = await Promise.all(
  fs
    .readdirSync(path.join(HERE, 'folders'))
    .sort()
    .map(async (name) => {
      const { attacks } = (await import(path.join(HERE, 'folders', name))) as {
        attacks: Readonly<Record<string, FolderAttack>>;
      };
      return [path.parse(name).name, Object.entries(attacks)] as const;
    }),
);

// Windows has no FIFOs, sockets and permissions of this kind, and lets only administrators make links.
const describeWhereThereAreSuch = process.platform === 'win32' ? describe.skip : describe.concurrent;

describeWhereThereAreSuch.each(modules)('folders: %s', (_, attacks) => {
  test.each(attacks)('%s', { timeout: TIMEOUT_MS }, async (_name, { base, expected, asOtherUser, make, check }) => {
    const { own, folder } = copyOf(base, 'checkpoint');
    const { open = folder, out = path.join(own, 'out') } = make(folder, path.dirname(folder)) ?? {};
    const runner = asOtherUser === true ? otherUser(own) : {};
    const commands = [
      ['inspect', open],
      ['consolidate', open, out, '--json', '--workers', '0'],
    ];
    const ended = await attack(expected, own, commands, runner);
    check?.(out, ended);
  });
});
