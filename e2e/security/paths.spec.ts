/** No request makes the app read or write where the user has not chosen. */
import { cpSync, lstatSync, mkdirSync, readdirSync, realpathSync, statSync, symlinkSync, utimesSync } from 'node:fs';
import { join } from 'node:path';
import { expect, type ElectronApplication, type Page } from '@playwright/test';
import { answerFolderDialog, sampleCheckpoint, temporaryFolder } from '../checkpoints.ts';
import { opensTheSample, test } from './attacker.ts';
import { answerNothing, rightValues, watchMain, type OpenSample } from './besieged.ts';
import { exampleOf, placesOf, requestShapes, send, withValueAt, type Attempt } from './malformed.ts';

/** Requests that take any text, because they do nothing with a path but to put it on the clipboard or off a list. */
const HARMLESS = ['app:copy-text', 'checkpoint:forget-recent'];

const sample = sampleCheckpoint('small');

/** A time of last reading that any reading replaces. */
const LONG_AGO = Date.UTC(2001, 0, 1);

/** The folder and all that is in it. To look at a folder is to read it, so that this is done before times are set. */
function entriesOf(folder: string): readonly string[] {
  return [folder, ...readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name))];
}

interface Places {
  readonly root: string;
  readonly chosen: string;
  /** As good a checkpoint, which nobody chose. */
  readonly bait: string;
}

function places(): Places {
  const root = temporaryFolder();
  const [chosen, bait] = [join(root, 'chosen'), join(root, 'bait')];
  for (const folder of [chosen, bait]) cpSync(sample.checkpoint, folder, { recursive: true });
  symlinkSync(bait, join(chosen, 'inside'));
  symlinkSync(bait, join(root, 'beside'));
  mkdirSync(join(root, 'chosen-hf-other'));
  return { root, chosen, bait };
}

/** Ways to name what nobody chose, and crooked ways to name what somebody did. */
function crooked({ root, chosen, bait }: Places): readonly string[] {
  const outside = [
    bait,
    root,
    '/',
    '/etc',
    join(root, 'beside'),
    join(chosen, 'inside'),
    join(root, 'chosen-hf-other'),
  ];
  const around = [
    '/../bait',
    '/inside/',
    '/./',
    '//',
    '/shards/..',
    '/shards/../../bait',
    '\0',
    '/\0/../../bait',
    ' ',
    '/.',
  ];
  const foreign = [
    '.',
    '..',
    '../bait',
    '~',
    '~/x',
    `file://${bait}`,
    `\\\\host\\share`,
    'C:\\',
    'app://shardloom/',
    '%2e%2e',
    '-',
  ];
  return [...outside, ...around.map((rest) => `${chosen}${rest}`), ...foreign, 'x'.repeat(32_768), 'ﬁ\u202e', '\ud800'];
}

async function openChosen(app: ElectronApplication, page: Page, folder: string): Promise<OpenSample> {
  await answerFolderDialog(app, folder);
  const opened = await page.evaluate(async () => {
    const { request } = window.shardloom;
    const answer = await request('checkpoint:choose');
    if (!answer.ok || !answer.value) throw new Error('The folder could not be opened.');
    const { checkpoint, folder: chosen, suggestedOutput } = answer.value;
    const started = await request('replicas:start', checkpoint);
    return { checkpoint, folder: chosen, suggestedOutput, job: started.ok ? started.value.id : 0 };
  });
  await answerNothing(app);
  return opened;
}

/** Every text that a request takes, choices apart, replaced by every crooked path. */
function pathAttempts(right: OpenSample, where: Places): readonly Attempt[] {
  return requestShapes.flatMap(({ channel, shape }) => {
    const args = exampleOf(shape, {
      ...rightValues(right),
      base: right.folder,
      config: right.folder,
      file: right.folder,
    });
    const texts = placesOf(shape).filter(({ shape: { type, enum: choices } }) => type === 'string' && !choices);
    return texts.flatMap(({ path }) =>
      crooked(where).map((text) => ({
        channel,
        how: `${path.join('.')} = ${text.slice(0, 100)}`,
        args: withValueAt(args, path, text) as unknown[],
      })),
    );
  });
}

/** Names, sizes and times of all that is below a folder. */
function listing(folder: string): readonly string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => {
    const { size, mtimeMs } = lstatSync(join(folder, name));
    return `${name} ${size} ${mtimeMs}`;
  });
}

test('paths that nobody chose are refused, whatever they look like', async ({ shardloom: { app, page } }) => {
  const where = places();
  const faults = await watchMain(app);
  const right = await openChosen(app, page, where.chosen);
  const [before, atHome] = [listing(where.root), readdirSync('.')];
  const outcomes = await send(page, pathAttempts(right, where));
  const tried = new Set(outcomes.map(({ channel }) => channel));
  for (const channel of [
    'consolidation:start',
    'sharding:start',
    'merge:start',
    'diff:start',
    'checkpoint:open-recent',
    'checkpoint:reveal',
  ]) {
    expect(tried).toContain(channel);
  }
  const taken = outcomes.filter(({ channel, tag, what }) => {
    const hasLeft = tag !== '' || !what.startsWith('Error: There is no request');
    return hasLeft && tag !== 'usage' && channel !== 'checkpoint:reveal' && !HARMLESS.includes(channel);
  });
  expect(taken).toEqual([]);
  // The file manager shows what is in the chosen folder, by whatever name, and nothing that a link in it leads to.
  const shown = await app.evaluate(() => (globalThis as unknown as { shown: string[] }).shown);
  expect(shown.length).toBeGreaterThan(0);
  expect(shown.filter((path) => !`${realpathSync(path)}/`.startsWith(`${where.chosen}/`))).toEqual([]);
  expect([listing(where.root), readdirSync('.')]).toEqual([before, atHome]);
  expect(await faults()).toEqual([]);
  expect(await opensTheSample(page)).toBe('Sample checkpoint');
});

test('what is chosen for one checkpoint is not chosen for another', async ({ shardloom: { app, page } }) => {
  const where = places();
  const first = await openChosen(app, page, where.chosen);
  const second = await openChosen(app, page, where.bait);
  const consolidation = requestShapes.filter(
    ({ channel }) => channel.startsWith('consolidation:') && !channel.includes('choose'),
  );
  const attempts = consolidation.map(({ channel, shape }) => ({
    channel,
    how: 'the output of the checkpoint before',
    args: exampleOf(shape, { ...rightValues(second), out: first.suggestedOutput }) as unknown[],
  }));
  const outcomes = await send(page, attempts);
  expect(outcomes.map(({ what }) => what)).toEqual(attempts.map(() => 'Nobody chose this output folder.'));
  expect(readdirSync(where.root)).not.toContain('chosen-hf');
});

test('what nobody chose is not even read', async ({ shardloom: { app, page } }) => {
  const where = places();
  const right = await openChosen(app, page, where.chosen);
  const entries = entriesOf(where.bait);
  for (const path of entries) utimesSync(path, LONG_AGO / 1000, LONG_AGO / 1000);
  const read = (): readonly string[] => entries.filter((path) => statSync(path).atimeMs > LONG_AGO);
  await send(page, pathAttempts(right, where));
  expect(read()).toEqual([]);
  // Where the user chooses it, it is: the times that the file system keeps would have told.
  await openChosen(app, page, where.bait);
  test.skip(read().length === 0, 'this file system does not keep when something was read');
  expect(read().some((path) => path.endsWith('.pt'))).toBe(true);
});
