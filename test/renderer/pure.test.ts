import { describe, expect, test } from 'vitest';
import type { Job, ConsolidationResult } from '../../electron/channels.ts';
import type { CheckpointSummary, PartSummary, RankSummary } from '../../src-core/index.ts';
import { factsLine } from '../../src-core/inspect/facts.ts';
import { askThrough, ProblemError, problemOf } from '../../renderer/bridge.ts';
import { choicesOf, defaultForm } from '../../renderer/consolidate/choices.ts';
import { checksOf } from '../../renderer/jobs/checks.ts';
import {
  interruptedOf,
  interruptedTitle,
  whatHappened,
  whatResumingDoes,
} from '../../renderer/jobs/interrupted-words.ts';
import { progressText } from '../../renderer/jobs/progress-text.ts';
import { answerOf } from '../../renderer/overview/answer.ts';
import { baseModelOf, heldText, insideFolder, modelName } from '../../renderer/overview/words.ts';
import { moveInGrid } from '../../renderer/overview/grid-keys.ts';
import { shownJob } from '../../renderer/stores/jobs.ts';
import { timeAgo } from '../../renderer/welcome/time-ago.ts';

function part(states: readonly RankSummary['state'][]): PartSummary {
  return {
    part: 'model',
    tensorParallelSize: states.length,
    pipelineParallelSize: 1,
    xser: false,
    dtypes: ['bfloat16'],
    layers: 2,
    parameters: 620_000_000,
    tensors: 20,
    consolidatedBytes: 1_240_000_000,
    shardBytes: 1_240_000_000,
    shardFiles: states.length,
    kvPlacement: null,
    ranks: states.map((state, tp) => ({ tp, pp: 0, bytes: 1, tensors: 1, file: `${tp}`, state })),
  };
}

function summary(changes: Partial<CheckpointSummary>): CheckpointSummary {
  const model = part(['whole', 'whole']);
  return { folder: '/x', modelType: 'llama', model, adapters: [], health: 'sound', findings: [], ...changes };
}

describe('the state of a checkpoint in a sentence', () => {
  test.each([
    [summary({}), 'All 2 ranks are whole and fit together.'],
    [summary({ model: part(['whole']) }), 'Its one rank is whole.'],
    [
      summary({ health: 'look', findings: [{ severity: 'warning', tag: 'interrupted-save', what: 'x' }] }),
      'All 2 ranks are whole and fit together; 1 thing to look at.',
    ],
    [
      summary({ health: 'damaged', model: part(['missing', 'damaged', 'missing', 'whole']) }),
      '2 of 4 ranks are missing, 1 is damaged. Restore them to consolidate.',
    ],
    [
      summary({ health: 'damaged', model: part(['whole', 'missing']) }),
      '1 of 2 ranks is missing. Add it to consolidate.',
    ],
    [
      summary({ health: 'damaged', model: part(['damaged', 'damaged']) }),
      '2 of 2 ranks are damaged. Replace them to consolidate.',
    ],
    [summary({ health: 'damaged' }), 'Its files do not fit together. The findings say what to mend to consolidate.'],
  ])('%#', (of, text) => {
    expect(answerOf(of)).toBe(text);
  });

  test('and in a line of facts', () => {
    expect(factsLine(summary({}))).toBe('Llama · 0.62 B · bf16 · TP 2 × PP 1 · 1.24 GB');
    const adapter = { ...part(['whole']), name: 'a', rank: 8, alpha: 16, baseModel: 'meta-llama/Llama-3.2-1B' };
    expect(factsLine(summary({ modelType: null, model: null, adapters: [adapter] }))).toBe(
      'LoRA adapter · 0.62 B · bf16 · TP 1 × PP 1 · 1.24 GB',
    );
    expect(factsLine(summary({ adapters: [adapter, adapter] }))).toMatch(/2 adapters$/);
  });
});

describe('the overview in words', () => {
  const adapter = { ...part(['whole']), name: 'a', rank: 8, alpha: 16, baseModel: 'meta-llama/Llama-3.2-1B' };
  const alone = summary({ modelType: null, model: null, adapters: [adapter] });

  test('a folder of adapters says so, and what they were trained on', () => {
    expect([modelName(alone), baseModelOf(alone)]).toEqual(['LoRA adapter', 'meta-llama/Llama-3.2-1B']);
    const two = summary({ modelType: null, model: null, adapters: [adapter, { ...adapter, baseModel: 'other' }] });
    expect([modelName(two), baseModelOf(two)]).toEqual(['LoRA adapters', null]);
    expect([modelName(summary({})), baseModelOf(summary({ adapters: [adapter] }))]).toEqual(['Llama', null]);
    expect(modelName(summary({ modelType: null }))).toBe('unknown');
  });

  test('ranks that differ by a few bytes hold about the same', () => {
    const holding = (...bytes: (number | null)[]): string | null =>
      heldText(bytes.map((held, tp) => ({ tp, pp: 0, bytes: held, tensors: 1, file: '', state: 'whole' })));
    expect(holding(3_200_000, 3_200_000)).toBe('Each rank holds 3.20 MB.');
    expect(holding(3_200_000, 3_200_512)).toBe('Each rank holds about 3.20 MB.');
    expect(holding(3_200_000, 6_400_000)).toMatch(/^Ranks hold 3.20 MB to 6.40 MB;/);
    expect(holding(null)).toBeNull();
  });

  test('files are told from the folder on', () => {
    expect(insideFolder('/run/checkpoint-5/shards/a.pt', '/run/checkpoint-5')).toBe('shards/a.pt');
    expect(insideFolder('C:\\run\\shards\\a.pt', 'C:\\run')).toBe('shards\\a.pt');
    expect(insideFolder('/run/checkpoint-50/a.pt', '/run/checkpoint-5')).toBe('/run/checkpoint-50/a.pt');
  });
});

test('keys in a grid of ranks stay inside it', () => {
  expect(moveInGrid('ArrowRight', 3, 2, 4)).toBe(3);
  expect(moveInGrid('ArrowDown', 3, 2, 4)).toBe(7);
  expect(moveInGrid('ArrowUp', 3, 2, 4)).toBe(3);
  expect(moveInGrid('PageDown', 1, 3, 4)).toBe(9);
  expect(moveInGrid('Home', 6, 2, 4)).toBe(4);
  expect(moveInGrid('a', 6, 2, 4)).toBeNull();
});

describe('the consolidation form', () => {
  const form = defaultForm('/out', summary({}));
  test('begins with everything the checkpoint holds and the defaults of the command line', () => {
    expect(choicesOf(form)).toEqual({
      format: 'safetensors',
      maxShardBytes: 5e9,
      dtype: null,
      digest: 'xxh64',
      parts: ['model'],
      replace: false,
      verify: false,
    });
  });
  test.each(['', 'x', 0, -1, Infinity])('a size of %s cannot be sent', (gigabytes) => {
    expect(choicesOf({ ...form, gigabytes })).toBeNull();
  });
  test('nothing chosen cannot be sent', () => {
    expect(choicesOf({ ...form, parts: [] })).toBeNull();
  });
});

describe('jobs', () => {
  const result: ConsolidationResult = {
    kind: 'consolidate',
    files: [],
    tensors: 3,
    bytes: 1,
    seconds: 1,
    kept: { tensors: 0, bytes: 0 },
    replicas: { compared: 5, different: 0 },
    kvPlacements: [{ part: 'model', placement: 'adjacent', by: 'copies' }],
    findings: [],
    digest: 'xxh64',
    roundTrip: null,
    roundTripProblem: null,
  };
  test('the proof says what is good and what is not', () => {
    expect(checksOf(result).every(({ good }) => good)).toBe(true);
    expect(checksOf({ ...result, replicas: { compared: 87, different: 1 } })[1]!.text).toBe(
      '1 of 87 copies on other ranks differs from what was taken',
    );
    const bad = checksOf({
      ...result,
      replicas: { compared: 5, different: 2 },
      findings: [{ severity: 'warning', tag: 'non-finite', what: 'x' }],
    });
    expect(bad.filter(({ good }) => !good).map(({ text }) => text)).toEqual([
      '2 of 5 copies on other ranks differ from what was taken',
      'Some values are NaN or Inf',
    ]);
    expect(checksOf({ ...result, replicas: { compared: 0, different: 0 } })[1]!.text).toMatch(/stored twice/);
  });

  test('progress in a line', () => {
    expect(progressText({ progress: null })).toBe('starting');
    const progress = { bytesDone: 512e6, bytesTotal: 1.24e9, rate: 1.6e9, secondsLeft: 0.455 };
    expect(progressText({ progress })).toBe('41 % · 512 MB of 1.24 GB · 1.60 GB/s · 0.5 s left');
    expect(progressText({ progress: { ...progress, phase: { name: 'proving', number: 2, count: 2 } } })).toBe(
      '2 of 2: proving · 41 % · 512 MB of 1.24 GB · 1.60 GB/s · 0.5 s left',
    );
    expect(progressText({ progress: { bytesDone: 0, bytesTotal: 0, rate: 0, secondsLeft: null } })).toBe(
      '100 % · 0 B of 0 B',
    );
  });

  test('the selected job is shown while it is there, else the newest', () => {
    const list = [{ id: 3 }, { id: 1 }] as Job[];
    expect(shownJob({ jobs: list, selected: 1 })).toBe(list[1]);
    expect(shownJob({ jobs: list, selected: 2 })).toBe(list[0]);
    expect(shownJob({ jobs: [], selected: 2 })).toBeNull();
  });
});

test('times in words', () => {
  const now = 1e12;
  expect(timeAgo(now - 20_000, now)).toBe('just now');
  expect(timeAgo(now - 2 * 3_600_000, now)).toBe('2 hours ago');
  expect(timeAgo(now - 86_400_000, now)).toBe('yesterday');
  expect(timeAgo(now + 5_000, now)).toBe('just now');
});

test('a problem crosses the bridge whole; a fault is said to be one', async () => {
  const problem = { tag: 'missing-rank' as const, what: 'Gone.', file: '/a', advice: 'Fetch it.' };
  const ask = askThrough({ request: () => Promise.resolve({ ok: false, problem }) });
  const thrown: unknown = await ask('job:list').catch((error: unknown) => error);
  expect(thrown).toBeInstanceOf(ProblemError);
  expect(problemOf(thrown)).toEqual(problem);
  expect(problemOf(new TypeError('x')).what).toMatch(/fault of the program/);
});

describe('interrupted jobs in words', () => {
  const now = 10_000_000;
  const ago = (minutes: number): number => now - minutes * 60_000;

  test.each([
    [
      { queuedAt: ago(9), startedAt: ago(5), endedAt: null },
      'Started 5 minutes ago. Shardloom ended while it was running.',
    ],
    [
      { queuedAt: ago(9), startedAt: ago(5), endedAt: ago(2) },
      'Started 5 minutes ago. It was stopped when Shardloom was quit, 2 minutes ago.',
    ],
    [
      { queuedAt: ago(9), startedAt: null, endedAt: null },
      'Queued 9 minutes ago. It had not begun when Shardloom ended.',
    ],
  ])('%j', (job, expected) => {
    expect(whatHappened(job, now)).toBe(expected);
  });

  test('resuming promises to keep files only where some can be there', () => {
    const written = { kind: 'merge', out: '/o' } as Job['work'];
    expect(whatResumingDoes({ work: written, startedAt: 1 })).toContain(
      'What is written already and has the right digest is kept.',
    );
    expect(whatResumingDoes({ work: written, startedAt: null })).not.toContain('kept');
    expect(whatResumingDoes({ work: { kind: 'verify-replicas' }, startedAt: 1 })).toContain('It only reads.');
  });

  test('stand in the order in which they were to run', () => {
    const job = (id: number, state: Job['state']): Job => ({ id, state }) as Job;
    const list = [job(4, 'interrupted'), job(3, 'done'), job(2, 'interrupted')];
    expect(interruptedOf(list).map(({ id }) => id)).toEqual([2, 4]);
    expect([interruptedTitle(1), interruptedTitle(2)]).toEqual(['A job was interrupted.', '2 jobs were interrupted.']);
  });
});
