import path from 'node:path';
import { expect, test } from 'vitest';
import type { Progress } from '../../src-core/execute/progress.ts';
import { consolidate } from '../../src-core/jobs/consolidate.ts';
import { roundTripPhases } from '../../src-core/jobs/round-trip-phases.ts';
import { verifyRoundTrip } from '../../src-core/jobs/verify-round-trip.ts';
import { openCheckpoint } from '../../src-core/models/open-checkpoint.ts';
import { makeSample } from '../../src-core/sample/sample.ts';
import { temporaryFolder } from '../support/folders.ts';

const SMALL = { hiddenSize: 64, intermediateSize: 96, numAttentionHeads: 8, numKeyValueHeads: 4, vocabSize: 64 };

test('writing and proving are one progress, which never falls and ends at its end', async () => {
  const config = { ...SMALL, numHiddenLayers: 2 };
  const sample = await makeSample(path.join(temporaryFolder(), 's'), { config, tensorParallelSize: 4 });
  const checkpoint = openCheckpoint(sample.checkpoint);
  const out = path.join(temporaryFolder(), 'out');
  const told: Progress[] = [];
  const { writing, proving } = roundTripPhases(checkpoint, undefined, (progress) => told.push(progress));
  const quick = { workers: 0, progressInterval: 1 };
  await consolidate(checkpoint, out, { ...quick, onProgress: writing });
  const ofWriting = told.length;
  const { bytes } = await verifyRoundTrip(checkpoint, out, { ...quick, onProgress: proving });
  const done = told.map(({ bytesDone }) => bytesDone);
  expect(done).toEqual([...done].sort((a, b) => a - b));
  expect(new Set(told.map(({ bytesTotal }) => bytesTotal)).size).toBe(1);
  const end = told.at(-1);
  expect(end).toMatchObject({ bytesDone: end.bytesTotal, phase: { name: 'proving', number: 2, count: 2 } });
  expect(told[ofWriting - 1]).toMatchObject({
    bytesDone: end.bytesTotal - 2 * bytes,
    phase: { name: 'writing', number: 1, count: 2 },
  });
});

test('the time left is that of both, and parts that are left out do not count', () => {
  const parts = [
    { bytes: 100, adapterName: undefined },
    { bytes: 7, adapterName: 'default' },
  ];
  const checkpoint = { model: parts[0], adapters: [parts[1]] } as unknown as ReturnType<typeof openCheckpoint>;
  const told: Progress[] = [];
  const { writing, proving } = roundTripPhases(checkpoint, ['model'], (progress) => told.push(progress));
  writing({ bytesDone: 20, bytesTotal: 50, rate: 10, secondsLeft: 3 });
  expect(told.at(-1)).toMatchObject({ bytesDone: 20, bytesTotal: 250, secondsLeft: 23 });
  writing({ bytesDone: 50, bytesTotal: 50, rate: 0, secondsLeft: null });
  expect(told.at(-1)).toMatchObject({ bytesDone: 50, secondsLeft: null });
  // Fewer bytes than were told beforehand.
  proving({ bytesDone: 90, bytesTotal: 180, rate: 50, secondsLeft: 2 });
  expect(told.at(-1)).toMatchObject({ bytesDone: 150, bytesTotal: 250, secondsLeft: 2 });
});
