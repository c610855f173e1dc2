import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { runToItsEnd, type Ended, type Fault } from '../support/faults.ts';
import { folderForAll, snapshot, temporaryFolder } from '../support/folders.ts';
import { filesIn, inputsOf, looksFinished, type Inputs } from './runs.ts';

const isRoot = process.getuid?.() === 0;

/** Nobody in particular: the tests may run as root, whom no permission stops. */
const NOBODY = 65_534;

const made = folderForAll();
let inputs: Inputs;
let whole: Map<string, string>;

beforeAll(async () => {
  inputs = await inputsOf(made, 'small');
  const out = path.join(made, 'whole');
  expect(await consolidate(out)).toMatchObject({ code: 0, stderr: '' });
  whole = filesIn(out);
});

/** All in one thread, so that the n-th call is the same one every time. */
function consolidate(out: string, fault?: Fault, uid?: number): Promise<Ended> {
  const words = ['consolidate', inputs.checkpoint, out, '--max-shard-size', '12KB', '--workers', '0', '--quiet'];
  return runToItsEnd(words, { ...(fault && { fault }), ...(uid !== undefined && { uid }) });
}

/** Something that happens to the disk while tensors are written. */
function whileWriting(code: string): Fault {
  return { thread: 'main', calls: ['writeSync'], at: 8, code };
}

/** The trouble is over: the same again gives what there should be. */
async function expectAgain(out: string): Promise<void> {
  expect(await consolidate(out)).toMatchObject({ code: 0, stderr: '' });
  expect(filesIn(out)).toEqual(whole);
}

describe('the disk of the output', () => {
  test('is full: said so, nothing is left, and with room it goes through', async ({ skip }) => {
    const disk = temporaryFolder();
    const mounted = isRoot && spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=512k', 'tmpfs', disk]).status === 0;
    if (!mounted) skip('A disk of its own needs root, who may mount one.');
    try {
      const out = path.join(disk, 'out');
      const filler = JSON.stringify(path.join(disk, 'filler'));
      // Somebody else fills it up after the space was looked at.
      const fill = `const fd = fs.openSync(${filler}, 'w'); try { for (;;) fs.writevSync(fd, [Buffer.alloc(4096)]); } catch {} fs.closeSync(fd);`;
      const full = await consolidate(
        out,
        whileWriting(`const { Buffer } = process.getBuiltinModule('buffer'); ${fill}`),
      );
      expect(full).toMatchObject({ code: 4 });
      expect(full.stderr).toContain('The disk is full.');
      expect(full.stderr).toContain('Free some space');
      expect(fs.readdirSync(disk)).toEqual(['filler']);
      const before = await consolidate(out);
      expect(before).toMatchObject({ code: 4 });
      expect(before.stderr).toMatch(/not enough space|disk is full/);
      fs.rmSync(path.join(disk, 'filler'));
      await expectAgain(out);
    } finally {
      execFileSync('umount', [disk]);
    }
  });

  test('loses its permission: said so, and nothing looks finished', async ({ skip }) => {
    if (!isRoot) skip('Only root can run as somebody whose permission it then takes away.');
    const folder = temporaryFolder();
    fs.chmodSync(made, 0o755);
    fs.chownSync(folder, NOBODY, NOBODY);
    const out = path.join(folder, 'out');
    const lose = `fs.chmodSync(${JSON.stringify(out)}, 0o500);`;
    const { code, stderr } = await consolidate(out, whileWriting(lose), NOBODY);
    expect(code).toBe(4);
    expect(stderr).toContain('The output could not be written');
    expect(stderr).toContain('EACCES');
    expect(looksFinished(out, whole)).toEqual([]);
    fs.chmodSync(out, 0o700);
    const { code: again } = await consolidate(out, undefined, NOBODY);
    expect(again).toBe(0);
    expect(new Map([...filesIn(out)].filter(([name]) => !name.startsWith('.')))).toEqual(whole);
  });

  test('is not ours to begin with: said so at once', async ({ skip }) => {
    if (!isRoot) skip('Only root can run as somebody who may not write.');
    const folder = temporaryFolder();
    fs.chmodSync(folder, 0o755);
    const { code, stderr } = await consolidate(path.join(folder, 'out'), undefined, NOBODY);
    expect(code).toBe(4);
    expect(stderr).toContain('permission denied');
  });
});

describe('the output folder', () => {
  test('is removed while it is written: said so, and the same again goes through', async () => {
    const out = path.join(temporaryFolder(), 'out');
    const remove = `fs.rmSync(${JSON.stringify(out)}, { recursive: true });`;
    const { code, stderr } = await consolidate(out, whileWriting(remove));
    expect(code).toBe(4);
    expect(stderr).toContain(out);
    expect(filesIn(out).size).toBe(0);
    await expectAgain(out);
  });

  test('gets somebody else’s weights while it is written: they stay, and nothing is mixed', async () => {
    const out = path.join(temporaryFolder(), 'out');
    const name = [...whole.keys()].find((file) => file.endsWith('.safetensors'))!;
    const intrude = `fs.writeFileSync(${JSON.stringify(path.join(out, name))}, 'theirs');`;
    const { code, stderr } = await consolidate(out, whileWriting(intrude));
    expect(code).toBe(4);
    expect(stderr).toContain('already holds a file of this name');
    expect([...filesIn(out)]).toEqual([[name, 'theirs']]);
  });

  test('is written by two runs at once: one is refused, and the other one’s result is whole', async () => {
    const out = path.join(temporaryFolder(), 'out');
    const both = await Promise.all([consolidate(out), consolidate(out), consolidate(out)]);
    const codes = both.map(({ code }) => code).sort();
    expect(codes[0]).toBe(0);
    // Busy while the first one writes, or there already when it has.
    expect(codes.slice(1)).toEqual([4, 4]);
    expect(new Map([...filesIn(out)].filter(([file]) => !file.startsWith('.')))).toEqual(whole);
  });
});

describe('a file of the checkpoint', () => {
  const rankFile = (folder: string): string => path.join(folder, 'shards/model/dp_rank_00_tp_rank_03_pp_rank_00.pt');

  test.each([
    ['is shortened', 'fs.truncateSync(FILE, 900);'],
    ['grows', "fs.appendFileSync(FILE, 'more');"],
    ['is written anew with the same length', 'fs.writeFileSync(FILE, fs.readFileSync(FILE));'],
    ['is removed', 'fs.rmSync(FILE);'],
  ])('%s while it is read: the run stops and names it', async (_, code) => {
    const folder = path.join(temporaryFolder(), 'checkpoint');
    fs.cpSync(inputs.checkpoint, folder, { recursive: true });
    const file = rankFile(folder);
    const out = path.join(path.dirname(folder), 'out');
    const words = ['consolidate', folder, out, '--max-shard-size', '12KB', '--workers', '0', '--quiet'];
    const fault = whileWriting(code.replaceAll('FILE', JSON.stringify(file)));
    const { code: exit, stderr } = await runToItsEnd(words, { fault });
    expect(exit).toBe(3);
    expect(stderr).toContain(file);
    expect(stderr).toContain('to do:');
    expect(fs.existsSync(out)).toBe(false);
  });

  test('is never written to, whatever happens', async () => {
    const before = snapshot(inputs.checkpoint);
    for (const at of [1, 5, 20, 40]) {
      const fault = {
        thread: 'main',
        calls: ['writeSync', 'renameSync'],
        at,
        code: 'throw new Error("broken")',
      } as const;
      await consolidate(path.join(temporaryFolder(), 'out'), fault);
    }
    expect(snapshot(inputs.checkpoint)).toEqual(before);
  });
});

describe('a file that goes beside the weights', () => {
  test('and is too large for that is told of before anything is copied', async () => {
    const folder = path.join(temporaryFolder(), 'checkpoint');
    fs.cpSync(inputs.checkpoint, folder, { recursive: true });
    const tokenizer = path.join(folder, 'tokenizer.json');
    fs.writeFileSync(tokenizer, '{}');
    fs.truncateSync(tokenizer, 600 * 1024 * 1024);
    const out = path.join(path.dirname(folder), 'out');
    const { code, stderr } = await runToItsEnd(['consolidate', folder, out, '--quiet']);
    expect(code).toBe(3);
    expect(stderr).toContain(tokenizer);
    expect(fs.existsSync(out)).toBe(false);
  });
});

describe('with --sync', () => {
  /** What is waited for and what is renamed, in the order in which it happens. */
  const LOG = 'fs.appendFileSync(LOGFILE, `${args[0]}\\n`);';

  test('every file is on the disk before the first one gets its final name, and the names are before it is done', async () => {
    const folder = temporaryFolder();
    const log = path.join(folder, 'log');
    const out = path.join(folder, 'out');
    const words = [
      'consolidate',
      inputs.checkpoint,
      out,
      '--max-shard-size',
      '12KB',
      '--workers',
      '0',
      '--quiet',
      '--sync',
    ];
    const code = LOG.replace('LOGFILE', JSON.stringify(log));
    const traced = { thread: 'main', calls: ['fsyncSync', 'renameSync'], at: 0, code, every: true } as const;
    expect(await runToItsEnd(words, { fault: traced })).toMatchObject({ code: 0 });
    const calls = fs.readFileSync(log, 'utf8').trim().split('\n');
    const isSync = (call: string): boolean => /^\d+$/.test(call);
    const firstRename = calls.findIndex((call) => call.includes('.shardloom-partial/'));
    const lastRename = calls.findLastIndex((call) => call.includes('.shardloom-partial/'));
    expect(calls.slice(0, firstRename).filter(isSync).length).toBeGreaterThanOrEqual(whole.size);
    expect(calls.slice(lastRename).filter(isSync).length).toBeGreaterThan(0);
    expect(filesIn(out)).toEqual(whole);
  });
});
