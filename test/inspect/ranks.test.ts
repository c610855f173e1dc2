import fs from 'node:fs';
import path from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { openCheckpoint } from '../../src-core/models/open-checkpoint.ts';
import { summarize, type CheckpointSummary } from '../../src-core/inspect/summary.ts';
import { makeSample } from '../../src-core/sample/sample.ts';
import { temporaryFolder } from '../support/folders.ts';
import { editJson } from '../support/shards.ts';

const CONFIG = {
  hiddenSize: 32,
  intermediateSize: 48,
  numAttentionHeads: 4,
  numKeyValueHeads: 2,
  numHiddenLayers: 2,
  vocabSize: 32,
};

describe.each([true, false])('the grid of ranks, xser %s', (xser) => {
  let folder: string;
  beforeEach(async () => {
    const sizes = { tensorParallelSize: 2, pipelineParallelSize: 2, xser, workers: 0 };
    folder = (await makeSample(path.join(temporaryFolder(), 'sample'), { config: CONFIG, ...sizes })).checkpoint;
  });
  const file = (tp: number, pp: number): string =>
    path.join(folder, `shards/model/dp_rank_00_tp_rank_0${tp}_pp_rank_0${pp}.pt`);
  const summary = (): CheckpointSummary => summarize(openCheckpoint(folder));
  const states = (): string[] => summary().model!.ranks.map(({ tp, pp, state }) => `${pp}/${tp} ${state}`);

  test('has a cell for each rank, and their bytes are those of the shards', () => {
    const { model, health } = summary();
    expect(health).toBe('sound');
    expect(states()).toEqual(['0/0 whole', '0/1 whole', '1/0 whole', '1/1 whole']);
    expect(model!.ranks.reduce((sum, { bytes }) => sum + (bytes ?? 0), 0)).toBe(model!.shardBytes);
    expect(model!.ranks.map((rank) => rank.file)).toEqual([file(0, 0), file(1, 0), file(0, 1), file(1, 1)]);
  });

  test('a rank whose file is missing is told apart from one whose file is damaged', () => {
    fs.rmSync(file(1, 0));
    const damaged = xser ? `${file(0, 1)}.tensors/tensor_2.pt` : file(0, 1);
    fs.truncateSync(damaged, 100);
    expect(states()).toEqual(['0/0 whole', '0/1 missing', '1/0 damaged', '1/1 whole']);
  });

  test('sizes that no cluster has are refused before anything is counted up', () => {
    editJson(path.join(folder, 'trn_config.json'), (config: Record<string, number>) => {
      config.tensor_parallel_size = 90_000;
      config.pipeline_parallel_size = 90_000;
    });
    const { findings, model } = summary();
    expect(findings.map(({ tag }) => tag)).toContain('over-limit');
    expect(model!.ranks).toHaveLength(1);
  });
});
