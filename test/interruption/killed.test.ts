import fs from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { removeLeftIn } from '../../src-core/execute/left.ts';
import { folderForAll, temporaryFolder } from '../support/folders.ts';
import { seededRandom } from '../support/seed.ts';
import { KILL, runToItsEnd, WRITING, type Ended } from '../support/faults.ts';
import {
  age,
  drawnFrom,
  filesIn,
  isLeftover,
  isMomentary,
  looksFinished,
  writingRuns,
  type WritingRun,
} from './runs.ts';

/** How many of the calls are tried. */
const POINTS = 10;

const RUNS = ['consolidate', 'consolidate to pytorch', 'shard', 'reshard to xser', 'merge'];

const made = folderForAll();
let small: WritingRun[];
let large: WritingRun[];

beforeAll(async () => {
  small = await writingRuns(path.join(made, 'small'), 'small');
  large = await writingRuns(path.join(made, 'large'), 'large');
});

/** Where a run writes before anything gets its final name. */
function stagedIn(out: string): string {
  return path.join(out, '.shardloom-partial');
}

/** What the run writes when nothing disturbs it. */
async function undisturbed(run: WritingRun): Promise<Map<string, string>> {
  const out = path.join(temporaryFolder(), 'out');
  expect(await runToItsEnd(run.words(out))).toMatchObject({ code: 0 });
  return filesIn(out);
}

/**
 * Runs the command again after it was cut off, and expects what an undisturbed run gives. Returns how many tensors were kept. Where the
 * result was whole already, it must be refused, as it is wherever there is a result.
 */
async function resumes(run: WritingRun, out: string, whole: ReadonlyMap<string, string>): Promise<number> {
  const wasWhole = !filesIn(out).has('.shardloom-partial/owner.json') && result(out).size === whole.size;
  const words = run.words(out).map((word) => (word === '--quiet' ? '--json' : word));
  const { code, stdout, stderr } = await runToItsEnd(words);
  expect({ code, stderr }).toEqual({ code: wasWhole ? 4 : 0, stderr: '' });
  expect(result(out)).toEqual(whole);
  return wasWhole ? 0 : (JSON.parse(stdout) as { kept: { tensors: number } }).kept.tensors;
}

function result(out: string): Map<string, string> {
  return new Map([...filesIn(out)].filter(([name]) => !isMomentary(name)));
}

async function killedAt(run: WritingRun, out: string, at: number): Promise<Ended> {
  return runToItsEnd(run.words(out), { fault: { thread: 'main', calls: WRITING, at, code: KILL } });
}

/** How many calls of the main thread there are to be killed at. */
async function callsOf(run: WritingRun): Promise<number> {
  const folder = temporaryFolder();
  const counted = path.join(folder, 'counted');
  const fault = { thread: 'main', calls: WRITING, at: 0, code: '', counted } as const;
  await runToItsEnd(run.words(path.join(folder, 'out')), { fault });
  return Number(fs.readFileSync(counted, 'utf8'));
}

/** Runs two at a time, as many as there are cores where the tests run. */
async function twoAtATime<Item>(items: readonly Item[], action: (item: Item) => Promise<void>): Promise<void> {
  const left = [...items];
  const lane = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await action(item);
  };
  await Promise.all([lane(), lane()]);
}

describe('kill -9 before any call that changes the disk', { timeout: 180_000 }, () => {
  test.each(RUNS)('%s: never looks finished, and running it again gives the same bytes', async (name) => {
    const run = small.find((candidate) => candidate.name === name)!;
    const whole = await undisturbed(run);
    const calls = await callsOf(run);
    expect(calls).toBeGreaterThan(20);
    let kept = 0;
    await twoAtATime(drawnFrom(calls, POINTS, seededRandom()), async (at) => {
      const out = path.join(temporaryFolder(), 'out');
      const { signal } = await killedAt(run, out, at);
      expect(signal, `call ${at}`).toBe('SIGKILL');
      expect(looksFinished(out, whole), `killed before call ${at} of ${calls}`).toEqual([]);
      kept += await resumes(run, out, whole);
    });
    expect(kept).toBeGreaterThan(0);
  });
});

describe('kill -9 at any time', { timeout: 180_000 }, () => {
  test.each(RUNS)('%s with threads: never looks finished, and running it again gives the same bytes', async (name) => {
    const run = large.find((candidate) => candidate.name === name)!;
    const copy = path.join(temporaryFolder(), 'out');
    const { code, lasted } = await runToItsEnd(run.words(copy), { from: stagedIn(copy) });
    expect(code).toBe(0);
    const whole = filesIn(copy);
    // At once, and at any time that it takes to copy.
    const random = seededRandom();
    const times = [0, ...Array.from({ length: 3 }, () => random.below(lasted))];
    let hits = 0;
    for (const after of times) {
      const out = path.join(temporaryFolder(), 'out');
      const { signal } = await runToItsEnd(run.words(out), { from: stagedIn(out), kill: { after, signal: 'SIGKILL' } });
      if (signal === 'SIGKILL' && fs.existsSync(stagedIn(out))) hits++;
      expect(looksFinished(out, whole), `killed ${after} ms after it began to write`).toEqual([]);
      await resumes(run, out, whole);
    }
    expect(hits, `kills while it wrote, of those after ${times.join(', ')} ms`).toBeGreaterThan(0);
  });
});

describe('what a killed run leaves', { timeout: 60_000 }, () => {
  async function cutOff(): Promise<{ run: WritingRun; out: string; staged: string; whole: Map<string, string> }> {
    const run = small.find(({ name }) => name === 'consolidate')!;
    const [out, whole] = [path.join(temporaryFolder(), 'out'), await undisturbed(run)];
    // Before the first file gets its final name: all tensors are written, and the journal says so.
    const renames = { thread: 'main', calls: ['renameSync'], at: 2, code: KILL } as const;
    expect(await runToItsEnd(run.words(out), { fault: renames })).toMatchObject({ signal: 'SIGKILL' });
    const staged = stagedIn(out);
    expect(fs.readdirSync(staged)).toContain('journal.jsonl');
    return { run, out, staged, whole };
  }

  function weightsIn(staged: string): string {
    return path.join(
      staged,
      fs.readdirSync(staged).find((name) => name.endsWith('.safetensors'))!,
    );
  }

  test('is kept where its bytes are what was written', async () => {
    const { run, out, whole } = await cutOff();
    expect(await resumes(run, out, whole)).toBe(12);
  });

  test('is made anew where they are not: a power cut may leave zeros in a file of the right length', async () => {
    const { run, out, staged, whole } = await cutOff();
    const file = weightsIn(staged);
    const { size } = fs.statSync(file);
    fs.writeFileSync(file, Buffer.alloc(size));
    expect(await resumes(run, out, whole)).toBeLessThan(12);
  });

  test('is made anew where a file is cut, and where the journal is lost, cut off or nonsense', async () => {
    const spoil: Record<string, (staged: string) => void> = {
      'cut file': (staged) => fs.truncateSync(weightsIn(staged), 100),
      'no journal': (staged) => fs.rmSync(path.join(staged, 'journal.jsonl')),
      'journal cut off': (staged) => fs.truncateSync(path.join(staged, 'journal.jsonl'), 600),
      'journal of zeros': (staged) => fs.writeFileSync(path.join(staged, 'journal.jsonl'), Buffer.alloc(500)),
      'journal that is a folder': (staged) => {
        fs.rmSync(path.join(staged, 'journal.jsonl'));
        fs.mkdirSync(path.join(staged, 'journal.jsonl'));
      },
      'weights that are a link': (staged) => {
        const file = weightsIn(staged);
        fs.rmSync(file);
        fs.symlinkSync('/etc/hostname', file);
      },
    };
    for (const [name, damage] of Object.entries(spoil)) {
      const { run, out, staged, whole } = await cutOff();
      damage(staged);
      expect(await resumes(run, out, whole), name).toBeLessThan(12);
    }
  });

  test('is not used by another run, which begins anew', async () => {
    const { run, out } = await cutOff();
    const words = [...run.words(out), '--digest', 'sha256', '--json'].filter((word) => word !== '--quiet');
    const { code, stdout } = await runToItsEnd(words);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ kept: { tensors: 0 } });
  });

  test('is taken over after a while where a power cut left no owner in it', async () => {
    const { run, out, staged, whole } = await cutOff();
    fs.writeFileSync(path.join(staged, 'owner.json'), '');
    const early = await runToItsEnd(run.words(out));
    expect(early).toMatchObject({ code: 4 });
    expect(early.stderr).toContain('Another run is writing into this folder');
    age(staged);
    expect(await resumes(run, out, whole)).toBe(12);
  });

  test('can be taken away: then the folder is as it was before', async () => {
    const { run, out } = await cutOff();
    fs.writeFileSync(path.join(out, 'mine.txt'), 'mine');
    removeLeftIn(out);
    expect([...filesIn(out)]).toEqual([['mine.txt', 'mine']]);
    fs.rmSync(path.join(out, 'mine.txt'));
    const renames = { thread: 'main', calls: ['renameSync'], at: 5, code: KILL } as const;
    await runToItsEnd(run.words(out), { fault: renames });
    expect([...filesIn(out).keys()].filter((name) => !isLeftover(name))).not.toEqual([]);
    removeLeftIn(out);
    expect(fs.existsSync(out)).toBe(false);
    // Where there is nothing left there is nothing to do.
    removeLeftIn(out);
  });

  test('under names that were meant for a moment is swept up by a later run', async () => {
    const { run, out, whole } = await cutOff();
    const left = path.join(out, '.shardloom-partial.11111111-2222-3333-4444-555555555555');
    fs.mkdirSync(left);
    fs.writeFileSync(path.join(left, 'model.safetensors'), 'old');
    await resumes(run, out, whole);
    // It might be somebody's who is just beginning.
    expect(fs.existsSync(left)).toBe(true);
    age(out);
    expect(await runToItsEnd(run.words(out))).toMatchObject({ code: 4 });
    expect(fs.existsSync(left)).toBe(false);
  });
});

describe('files that are replaced', { timeout: 60_000 }, () => {
  test('come back, whatever is run next, where a run is killed while it replaces them', async () => {
    const run = small.find(({ name }) => name === 'consolidate')!;
    const whole = await undisturbed(run);
    const folder = temporaryFolder();
    const out = path.join(folder, 'out');
    await runToItsEnd(run.words(out));
    const before = filesIn(out);
    // The same names with other bytes in them.
    const forced = [...run.words(out), '--digest', 'sha256', '--force'];
    const renames = { thread: 'main', calls: ['renameSync'], at: 7, code: KILL } as const;
    expect(await runToItsEnd(forced, { fault: renames })).toMatchObject({ signal: 'SIGKILL' });
    expect(filesIn(out)).not.toEqual(before);
    // Another run, which may not replace anything.
    expect(await runToItsEnd(run.words(out))).toMatchObject({ code: 4 });
    expect(looksFinished(out, whole)).toEqual([]);
    const visible = [...filesIn(out)].filter(([name]) => !name.startsWith('.'));
    expect(new Map(visible)).toEqual(before);
  });
});

describe('SIGTERM', { timeout: 60_000 }, () => {
  test('stops a run and keeps what it has written; the same command goes on with it', async () => {
    const run = large.find(({ name }) => name === 'consolidate')!;
    const whole = await undisturbed(run);
    const out = path.join(temporaryFolder(), 'out');
    const journal = path.join(out, '.shardloom-partial/journal.jsonl');
    const code = `if (fs.existsSync(${JSON.stringify(journal)})) process.kill(process.pid, 'SIGTERM');`;
    // After a few tensors have been noted.
    const fault = { thread: 'main', calls: ['appendFileSync'], at: 4, code } as const;
    const stopped = await runToItsEnd([...run.words(out), '--band-size', '64KB'], { fault });
    expect(stopped).toMatchObject({ code: 143 });
    expect(stopped.stderr).toContain('What it has written so far is kept');
    expect(looksFinished(out, whole)).toEqual([]);
    expect(await resumes(run, out, whole)).toBeGreaterThan(0);
  });
});
