/** What a page that is no longer the app's own could send: every request there is, spoilt in every way. */
import { expect } from '@playwright/test';
import { opensTheSample, test } from './attacker.ts';
import { answerNothing, openSample, rightValues, watchMain } from './besieged.ts';
import {
  exampleOf,
  malformed,
  placesOf,
  requestShapes,
  send,
  withPrototypes,
  withValueAt,
  type Outcome,
} from './malformed.ts';

const NOT_UNDERSTOOD = 'The window sent a request that the app does not understand.';

test('arguments that are not what a request takes are refused, one by one', async ({ shardloom: { app, page } }) => {
  test.setTimeout(180_000);
  await answerNothing(app);
  const faults = await watchMain(app);
  const sample = await openSample(page);
  const outcomes: Outcome[] = [];
  for (const { channel, shape } of requestShapes) {
    outcomes.push(...(await send(page, malformed(channel, shape, rightValues(sample)))));
  }
  const wrong = outcomes.filter(({ answered, tag, what }) => answered || (tag !== '' && what !== NOT_UNDERSTOOD));
  expect(wrong).toEqual([]);
  expect(outcomes.length).toBeGreaterThan(1500);
  // These are taken or refused as what they are without it.
  for (const { channel, shape } of requestShapes) {
    const answers = await send(page, withPrototypes(channel, shape, rightValues(sample)));
    expect(answers.filter(({ tag, value }) => tag === 'internal' || value.includes('polluted'))).toEqual([]);
  }
  expect(await faults()).toEqual([]);
  expect(await opensTheSample(page)).toBe('Sample checkpoint');
});

test('ids of nothing, of what is closed, and of another kind are refused', async ({ shardloom: { app, page } }) => {
  await answerNothing(app);
  const faults = await watchMain(app);
  const closed = await openSample(page);
  const sample = await openSample(page);
  // The first checkpoint was closed when the second was opened in its place. Its comparison has the same number.
  expect(closed.job).toBe(closed.checkpoint);
  await send(page, [{ channel: 'job:dismiss', how: 'ended', args: [closed.job] }]);
  const ids = [closed.checkpoint, sample.checkpoint + 1000, Number.MAX_SAFE_INTEGER];
  const attempts = requestShapes.flatMap(({ channel, shape }) => {
    const right = exampleOf(shape, rightValues(sample));
    const numbered = placesOf(shape).filter(
      ({ key, path, shape: { type } }) =>
        type === 'integer' && (key === 'checkpoint' || key === 'job' || path.length === 1),
    );
    return numbered.flatMap(({ path }) =>
      ids.map((id) => ({ channel, how: `${path.join('.')} = ${id}`, args: withValueAt(right, path, id) as unknown[] })),
    );
  });
  const outcomes = await send(page, attempts);
  const answered = outcomes.filter(({ tag }) => tag !== 'usage');
  // To close what is closed is no fault.
  expect(answered.filter(({ channel }) => channel !== 'checkpoint:close')).toEqual([]);
  expect(outcomes.length).toBeGreaterThan(60);
  expect(await faults()).toEqual([]);
  expect(await opensTheSample(page)).toBe('Sample checkpoint');
});

test('numbers beyond everything end in an answer, and never in a fault', async ({ shardloom: { app, page } }) => {
  test.setTimeout(120_000);
  await answerNothing(app);
  const faults = await watchMain(app);
  const sample = await openSample(page);
  const attempts = requestShapes.flatMap(({ channel, shape }) => {
    const right = exampleOf(shape, rightValues(sample));
    const numbers = placesOf(shape).filter(
      ({ key, shape: { type } }) => type === 'integer' && key !== 'checkpoint' && key !== 'job' && key !== '',
    );
    return numbers.flatMap(({ path, shape: place }) => {
      const { maximum, minimum } = place as { readonly maximum: number; readonly minimum: number };
      const most = path.at(-1) === 0 ? [Array<number>(64).fill(maximum)] : [];
      return [maximum, minimum, Math.min(maximum, 2 ** 32), Math.min(maximum, 2 ** 31), ...most].map((value) => ({
        channel,
        how: `${path.join('.')} = ${String(value)}`,
        args: withValueAt(right, Array.isArray(value) ? path.slice(0, -1) : path, value) as unknown[],
      }));
    });
  });
  const outcomes = await send(page, attempts);
  expect(outcomes.filter(({ answered, tag }) => !answered && (tag === '' || tag === 'internal'))).toEqual([]);
  expect(outcomes.length).toBeGreaterThan(60);
  expect(await faults()).toEqual([]);
  expect(await opensTheSample(page)).toBe('Sample checkpoint');
});
