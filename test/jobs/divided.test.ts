import { spawn, type ChildProcess } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { consolidate } from '../../src-core/jobs/consolidate.ts';
import { finish } from '../../src-core/jobs/parts.ts';
import { shard } from '../../src-core/jobs/shard.ts';
import { OWNER_HEARTBEAT_MS } from '../../src-core/limits.ts';
import { openCheckpoint } from '../../src-core/models/open-checkpoint.ts';
import type { ShardingOptions } from '../../src-core/plan/sharding.ts';
import { CLI } from '../support/cli.ts';
import { snapshot, temporaryFolder } from '../support/folders.ts';
import { writeHuggingFace } from '../support/hugging-face.ts';
import { rejection } from '../support/rejection.ts';

const QUIET = { workers: 0 };
const SIZES = {
  hiddenSize: 256,
  intermediateSize: 512,
  numAttentionHeads: 8,
  numKeyValueHeads: 2,
  numHiddenLayers: 6,
  vocabSize: 2048,
};
const TP8: ShardingOptions = { tensorParallelSize: 8, pipelineParallelSize: 2, fuseQkv: false, xser: false };

/** A folder of Hugging Face weights with something beside them. */
function original(): string {
  const folder = path.join(temporaryFolder(), 'hf');
  writeHuggingFace(folder, 'llama', SIZES);
  fs.writeFileSync(path.join(folder, 'tokenizer.json'), '{}');
  return folder;
}

/** Files and contents, without times. */
function contents(folder: string): Map<string, string> {
  return new Map([...snapshot(folder)].map(([name, text]) => [name, text.slice(text.indexOf(' '))]));
}

interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<number | null>;
}

function start(...words: string[]): Started {
  const child = spawn(process.execPath, [CLI, ...words], { stdio: 'ignore' });
  return { child, ended: new Promise((resolve) => child.on('exit', (code) => resolve(code))) };
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

describe('three processes that shard together', () => {
  test('one of them killed and run again: finish gives what a single run gives', async () => {
    const hf = original();
    const folder = path.dirname(hf);
    const [whole, out] = [path.join(folder, 'whole'), path.join(folder, 'parts')];
    await shard(hf, whole, TP8, QUIET);
    const words = ['shard', hf, out, '--tp', '8', '--pp', '2', '--part'];
    const [first, killed, third] = [1, 2, 3].map((part) => start(...words, `${part}/3`)) as [Started, Started, Started];
    // As soon as it has begun to write. What it leaves depends on the moment; the outcome must not.
    const begun = (): boolean => fs.existsSync(path.join(out, '.shardloom-parts/2-of-3.partial'));
    await until(() => begun() || killed.child.exitCode !== null);
    killed.child.kill('SIGKILL');
    await Promise.all([first.ended, killed.ended, third.ended]);
    fs.rmSync(path.join(out, '.shardloom-parts/2-of-3'), { recursive: true, force: true });
    expect(() => finish(out)).toThrow(/part 2/);
    expect(fs.existsSync(path.join(out, 'shards'))).toBe(false);
    expect(await start(...words, '2/3').ended).toBe(0);
    expect(await start(...words, '2/3').ended).toBe(0);
    expect(finish(out)).toMatchObject({ parts: 3, files: 16 });
    expect(contents(out)).toEqual(contents(whole));
  });
});

describe('a divided consolidation', () => {
  test('gives the same files, index and shardloom.json as a single run, more parts than files or fewer', async () => {
    const hf = original();
    const folder = path.dirname(hf);
    const at = (name: string): string => path.join(folder, name);
    await shard(hf, at('checkpoint'), TP8, QUIET);
    const checkpoint = openCheckpoint(at('checkpoint'));
    const options = { ...QUIET, maxShardBytes: 4_000_000, version: 'test' };
    await consolidate(checkpoint, at('whole'), options);
    for (const count of [1, 2, 30]) {
      const out = at(`out-${count}`);
      for (let index = 1; index <= count; index++) {
        await consolidate(checkpoint, out, { ...options, part: { index, count } });
      }
      finish(out);
      expect(contents(out)).toEqual(contents(at('whole')));
    }
  });

  test('parts of other options, of another division, and missing ones are not joined', async () => {
    const hf = original();
    const out = path.join(path.dirname(hf), 'out');
    const part = (index: number, count: number): { part: { index: number; count: number } } & typeof QUIET => {
      return { ...QUIET, part: { index, count } };
    };
    await shard(hf, out, TP8, part(1, 2));
    await shard(hf, out, { ...TP8, pipelineParallelSize: 3 }, part(2, 2));
    expect(() => finish(out)).toThrow(/not made by the same command/);
    expect((await rejection(shard(hf, out, { ...TP8, xser: true }, part(1, 2)))).tag).toBe('output-exists');
    await shard(hf, out, TP8, part(1, 3));
    expect(() => finish(out)).toThrow(/divided in different ways/);
    expect((await rejection(shard(hf, out, TP8, QUIET))).tag).toBe('output-busy');
    expect(() => finish(path.dirname(hf))).toThrow(/no finished parts/);
    expect(fs.readdirSync(out)).toEqual(['.shardloom-parts']);
  });

  test('finish goes on where it was interrupted', async () => {
    const hf = original();
    const [out, whole] = ['out', 'whole'].map((name) => path.join(path.dirname(hf), name)) as [string, string];
    await shard(hf, whole, TP8, QUIET);
    for (const index of [1, 2]) await shard(hf, out, TP8, { ...QUIET, part: { index, count: 2 } });
    // Some files have their names already.
    const moved = path.join(out, '.shardloom-parts/1-of-2/trn_config.json');
    fs.renameSync(moved, path.join(out, 'trn_config.json'));
    finish(out);
    expect(contents(out)).toEqual(contents(whole));
  });
});

describe('a part’s place', () => {
  const staging = (out: string): string => path.join(out, '.shardloom-parts/1-of-2.partial');

  /** A run of another machine that was last heard of so many seconds ago. */
  function otherMachine(out: string, secondsAgo: number): void {
    fs.mkdirSync(staging(out), { recursive: true });
    const owner = path.join(staging(out), 'owner.json');
    fs.writeFileSync(owner, JSON.stringify({ pid: 1, host: `not-${os.hostname()}`, token: 'x' }));
    const then = Date.now() / 1000 - secondsAgo;
    fs.utimesSync(owner, then, then);
  }

  test('belongs to a run on another machine while that is heard of, and is taken over when it is not', async () => {
    const hf = original();
    const out = path.join(path.dirname(hf), 'out');
    const options = { ...QUIET, part: { index: 1, count: 2 } };
    otherMachine(out, 20);
    expect((await rejection(shard(hf, out, TP8, options))).tag).toBe('output-busy');
    otherMachine(out, 120);
    await shard(hf, out, TP8, options);
    expect(fs.existsSync(path.join(out, '.shardloom-parts/1-of-2/part.json'))).toBe(true);
  });

  test('is not published by a run from which it was taken', async () => {
    const hf = original();
    const out = path.join(path.dirname(hf), 'out');
    let taken = false;
    const onProgress = (): void => {
      if (taken || !fs.existsSync(staging(out))) return;
      taken = true;
      fs.writeFileSync(
        path.join(staging(out), 'owner.json'),
        JSON.stringify({ pid: 1, host: 'other', token: 'other' }),
      );
    };
    const options = { ...QUIET, part: { index: 1, count: 2 }, onProgress, progressInterval: 0 };
    expect((await rejection(shard(hf, out, TP8, options))).tag).toBe('output-busy');
    expect(taken).toBe(true);
    expect(fs.existsSync(path.join(out, '.shardloom-parts/1-of-2'))).toBe(false);
  });

  test('is left alone, from its next heartbeat on, by a run from which it was taken', async () => {
    const hf = original();
    const out = path.join(path.dirname(hf), 'out');
    const owner = path.join(staging(out), 'owner.json');
    vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] });
    try {
      // It has its turn before each task.
      const take = (): void => {
        if (!fs.existsSync(owner)) return void setImmediate(take);
        otherMachine(out, 50);
        vi.advanceTimersByTime(OWNER_HEARTBEAT_MS);
      };
      setImmediate(take);
      const options = { ...QUIET, workers: 0, part: { index: 1, count: 2 } };
      expect((await rejection(shard(hf, out, TP8, options))).tag).toBe('output-busy');
    } finally {
      vi.useRealTimers();
    }
    const heard = Date.now() - fs.statSync(owner).mtimeMs;
    expect(heard, 'the other run does not seem to be alive by it').toBeGreaterThan(45_000);
    const journal = fs.readFileSync(path.join(staging(out), 'journal.jsonl'), 'utf8');
    expect(journal.split('\n').filter((line) => line.includes('"output"'))).toEqual([]);
  });
});
