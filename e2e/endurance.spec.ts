/** One app, many jobs and checkpoints: it holds no more at the end than after the first few. */
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, type ElectronApplication, type Page } from '@playwright/test';
import { Gauge, inWords, type Held } from './gauge.ts';
import { launchApp } from './launch.ts';

/** SHARDLOOM_ENDURANCE=2000 npm run test:e2e: as many in place of a hundred. */
const JOBS = Number(process.env.SHARDLOOM_ENDURANCE ?? 100);
const CHECKPOINTS = JOBS / 2;
const READINGS = 10;

test.skip(process.platform !== 'linux', 'what a process holds is read from /proc');

interface Session {
  readonly app: ElectronApplication;
  readonly page: Page;
  readonly gauge: Gauge;
  /** Where the app puts what is temporary, and where outputs go. */
  readonly temporary: string;
  readonly outputs: string;
}

/** Runs something in an app of its own. Nothing temporary may be left when that has ended. */
async function inSession(run: (session: Session) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'shardloom-e2e-'));
  const [temporary, outputs] = [mkdtempSync(join(folder, 'tmp-')), mkdtempSync(join(folder, 'out-'))];
  const { app, close } = await launchApp({ env: { TMPDIR: temporary } });
  try {
    const page = await app.firstWindow();
    await page.waitForURL(/^app:/);
    await page.getByRole('button', { name: 'Try a sample' }).click();
    await expect(page.getByText('All 8 ranks are whole and fit together.')).toBeVisible();
    // Each answer of the folder dialog is a new folder.
    await app.evaluate(({ dialog }, into) => {
      let number = 0;
      dialog.showOpenDialog = () => Promise.resolve({ canceled: false, filePaths: [`${into}/${++number}`] });
    }, outputs);
    await run({ app, page, gauge: await Gauge.on(app, page), temporary, outputs });
  } finally {
    await close();
  }
  expect(readdirSync(temporary)).toEqual([]);
  rmSync(folder, { recursive: true });
}

/** One job of each kind in turn, waited for; ended ones leave the list, but for a few. */
async function runJob(page: Page, number: number): Promise<void> {
  const state = await page.evaluate(async (turn) => {
    const { request } = window.shardloom;
    const valueOf = async <Value>(
      answer: Promise<{ ok: true; value: Value } | { ok: false; problem: { what: string } }>,
    ) => {
      const settled = await answer;
      if (!settled.ok) throw new Error(settled.problem.what);
      return settled.value;
    };
    const { opened } = await valueOf(request('app:start'));
    const { checkpoint, folder } = opened!;
    const kinds = [
      async () => {
        const out = (await valueOf(request('consolidation:choose-output', checkpoint)))!;
        const files = { format: 'safetensors', maxShardBytes: 5e9, dtype: null, digest: 'xxh64' } as const;
        const choices = { ...files, parts: ['model'] as const, replace: false, verify: turn % 8 === 0 };
        return valueOf(request('consolidation:start', { checkpoint, out, choices }));
      },
      () => valueOf(request('replicas:start', checkpoint)),
      () => valueOf(request('diff:start', { left: folder, right: folder })),
      async () => {
        const out = (await valueOf(request('folder:choose', 'output')))!;
        const grid = {
          tensorParallelSize: 2,
          pipelineParallelSize: 1,
          virtualPipelineParallelSize: 1,
          kvSizeMultiplier: null,
        };
        const sizes = { ...grid, fuseQkv: true, xser: false };
        return valueOf(
          request('sharding:start', { from: 'checkpoint', folder, out, sizes, config: null, replace: false }),
        );
      },
    ];
    const { id } = await kinds[turn % kinds.length]!();
    for (;;) {
      const jobs = await valueOf(request('job:list'));
      const job = jobs.find((candidate) => candidate.id === id)!;
      if (job.endedAt !== null) {
        for (const old of jobs.slice(5)) await valueOf(request('job:dismiss', old.id));
        return job.problem?.what ?? job.state;
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }, number);
  expect(state).toBe('done');
}

/** Opens the sample, looks around, and closes it. */
async function openAndClose(page: Page): Promise<void> {
  const problem = await page.evaluate(async () => {
    const { request } = window.shardloom;
    const opened = await request('checkpoint:open-sample');
    if (!opened.ok) return opened.problem.what;
    const { checkpoint } = opened.value;
    const which = { checkpoint, part: 'model' as const, name: 'model.embed_tokens.weight' };
    const answers = [
      await request('checkpoint:parameters', { checkpoint, offset: 0, limit: 1000 }),
      await request('checkpoint:layout', which),
      await request('checkpoint:lineage', { ...which, index: [0, 0] }),
      await request('tensor:statistics', { checkpoint, target: { part: 'model', name: which.name, rank: null } }),
      await request('checkpoint:close', checkpoint),
    ];
    return answers.find(({ ok }) => !ok);
  });
  expect(problem).toBeUndefined();
}

/** Does something many times and reads the gauge in between: early when all is warm, late at the end. */
async function readWhile(
  gauge: Gauge,
  times: number,
  act: (number: number) => Promise<void>,
): Promise<readonly Held[]> {
  const readings: Held[] = [];
  for (let number = 0; number < times; number++) {
    await act(number);
    if ((number + 1) % Math.ceil(times / READINGS) !== 0) continue;
    readings.push(await gauge.read());
    console.log(`${number + 1}: ${inWords(readings.at(-1)!)}`);
  }
  return readings;
}

/** The smallest of a few readings: what is only passing is in none of the others. */
const least = (readings: readonly Held[], name: keyof Held): number => Math.min(...readings.map((held) => held[name]));

/** After the second tenth everything has been used and is warm. What grows from there on would grow for ever. */
function expectNoGrowth(readings: readonly Held[], times: number): void {
  const [early, late] = [readings.slice(1, 4), readings.slice(-3)];
  const grownBy = (name: keyof Held): number => least(late, name) - least(early, name);
  // Names of folders that were chosen stay; a plan, a digest or a picture that stays is larger.
  for (const heap of ['mainHeap', 'pageHeap', 'external'] as const) {
    expect(grownBy(heap) / (0.7 * times), `bytes of ${heap} each`).toBeLessThan(6_000);
  }
  for (const count of ['files', 'threads', 'listeners'] as const) expect(grownBy(count), count).toBeLessThanOrEqual(2);
  expect(grownBy('nodes')).toBeLessThan(200);
  // What the allocators keep for themselves comes and goes by some megabytes.
  expect(least(late, 'resident') / least(early, 'resident')).toBeLessThan(1.2);
}

/** Threads and open files are as few as before once the pools have let go of what they keep for the next job. */
async function expectBackToTheStart(gauge: Gauge, start: Held): Promise<void> {
  await expect
    .poll(async () => (await gauge.read()).files - start.files, { timeout: 40_000, intervals: [1000] })
    .toBeLessThanOrEqual(0);
  // Chromium's own threads come and go by one or two.
  expect((await gauge.read()).threads - start.threads).toBeLessThanOrEqual(2);
}

test(`${JOBS} jobs in a row leave nothing behind`, async () => {
  test.setTimeout(120_000 + JOBS * 2_000);
  await inSession(async ({ page, gauge, temporary, outputs }) => {
    await page.getByRole('button', { name: 'Jobs' }).click();
    const start = await gauge.read();
    console.log(`start: ${inWords(start)}`);
    const readings = await readWhile(gauge, JOBS, (number) => runJob(page, number));
    expectNoGrowth(readings, JOBS);
    expect(Math.max(...readings.map(({ files }) => files)) - start.files).toBeLessThan(32);
    await expectBackToTheStart(gauge, start);
    expect(readdirSync(outputs)).toHaveLength(JOBS / 2);
    const hidden = readdirSync(outputs, { recursive: true, encoding: 'utf8' }).filter((name) => /(^|\/)\./.test(name));
    expect(hidden).toEqual([]);
    expect(readdirSync(temporary).filter((name) => name.startsWith('shardloom-sample-'))).toHaveLength(1);
  });
});

test(`${CHECKPOINTS} checkpoints opened and closed leave nothing behind`, async () => {
  test.setTimeout(120_000 + JOBS * 2_000);
  await inSession(async ({ page, gauge, temporary }) => {
    const start = await gauge.read();
    console.log(`start: ${inWords(start)}`);
    const readings = await readWhile(gauge, CHECKPOINTS, () => openAndClose(page));
    expectNoGrowth(readings, CHECKPOINTS);
    await expectBackToTheStart(gauge, start);
    // The sample is made once.
    expect(readdirSync(temporary).filter((name) => name.startsWith('shardloom-sample-'))).toHaveLength(1);
  });
});

test('of two checkpoints that are opened at once one stays open', async () => {
  await inSession(async ({ page }) => {
    const answers = await page.evaluate(async () => {
      const { request } = window.shardloom;
      const both = await Promise.all([request('checkpoint:open-sample'), request('checkpoint:open-sample')]);
      const ids = both.map((answer) => (answer.ok ? answer.value.checkpoint : 0));
      return Promise.all(ids.map(async (checkpoint) => (await request('merge:suggest', checkpoint)).ok));
    });
    expect(answers.filter((isOpen) => isOpen)).toHaveLength(1);
  });
});

test('ended jobs leave the list when there are too many', async () => {
  await inSession(async ({ page }) => {
    const listed = await page.evaluate(async () => {
      const { request } = window.shardloom;
      const list = async () => {
        const jobs = await request('job:list');
        return jobs.ok ? jobs.value : [];
      };
      const start = await request('app:start');
      const checkpoint = start.ok ? start.value.opened!.checkpoint : 0;
      // The first is let run; the others are given up while they wait.
      for (let number = 0; number < 130; number++) {
        const started = await request('replicas:start', checkpoint);
        if (started.ok && number > 0) await request('job:cancel', started.value.id);
      }
      await request('replicas:start', checkpoint);
      const { length } = await list();
      while ((await list()).some(({ endedAt }) => endedAt === null)) await new Promise((ok) => setTimeout(ok, 20));
      return length;
    });
    // A hundred that have ended, the one that was just added, and one that may not have ended yet.
    expect(listed).toBeGreaterThanOrEqual(100);
    expect(listed).toBeLessThanOrEqual(102);
  });
});
