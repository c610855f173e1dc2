import fs from 'node:fs';
import path from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import type { Checkpoint } from '../../src-core/checkpoint/checkpoint.ts';
import { consolidate } from '../../src-core/jobs/consolidate.ts';
import { merge } from '../../src-core/jobs/merge.ts';
import { reshard, shard } from '../../src-core/jobs/shard.ts';
import { openCheckpoint } from '../../src-core/models/open-checkpoint.ts';
import { makeSample } from '../../src-core/sample/sample.ts';
import { temporaryFolder } from '../support/folders.ts';
import { writeHuggingFace } from '../support/hugging-face.ts';
import { editJson } from '../support/shards.ts';
import { differences, readFolder } from '../support/weights.ts';

const SIZES = {
  hiddenSize: 32,
  intermediateSize: 48,
  numAttentionHeads: 8,
  numKeyValueHeads: 2,
  numHiddenLayers: 2,
  // A slice that TP 4 does not divide again.
  vocabSize: 24,
};
const QUIET = { workers: 0 };
const SHARDING = { tensorParallelSize: 4, pipelineParallelSize: 1, fuseQkv: false, xser: false };

let folder: string;
const at = (...parts: string[]): string => path.join(folder, ...parts);
beforeEach(async () => {
  folder = temporaryFolder();
  writeHuggingFace(at('hf'), 'llama', SIZES);
  await shard(at('hf'), at('a'), SHARDING, QUIET);
});

function setVocabulary(file: string, size: number): void {
  editJson(file, (document: Record<string, unknown>) => {
    document.vocab_size = size;
  });
}

const written = (...parts: string[]): unknown => JSON.parse(fs.readFileSync(at(...parts), 'utf8'));
const tags = ({ findings }: Pick<Checkpoint, 'findings'>): string[] => findings.map(({ tag }) => tag);

describe('a vocab_size that is one rank’s slice', () => {
  beforeEach(() => {
    setVocabulary(at('a/config.json'), 6);
  });

  test('is the whole vocabulary’s in what is written, and that is said and recorded; the rest of config.json is as it was', async () => {
    const { findings } = await consolidate(openCheckpoint(at('a')), at('out'), QUIET);
    expect(findings).toMatchObject([
      { severity: 'note', tag: 'corrected', found: 'vocab_size 6', expected: '24, the rows of all ranks together' },
    ]);
    expect(written('out/config.json')).toEqual(written('hf/config.json'));
    expect(written('a/config.json')).toMatchObject({ vocab_size: 6 });
    expect(written('out/shardloom.json')).toMatchObject({ findings: [{ tag: 'corrected' }] });
  });

  test('with another dtype both are changed', async () => {
    await consolidate(openCheckpoint(at('a')), at('out'), { dtype: 'BF16', ...QUIET });
    expect(written('out/config.json')).toMatchObject({ vocab_size: 24, torch_dtype: 'bfloat16' });
  });

  test('resharding goes by the whole vocabulary', async () => {
    const resharded = await reshard(at('a'), at('b'), { ...SHARDING, tensorParallelSize: 2 }, QUIET);
    expect(tags(resharded)).toEqual(['corrected']);
    expect(written('b/config.json')).toMatchObject({ vocab_size: 24 });
    expect(tags(openCheckpoint(at('b')))).toEqual([]);
    await consolidate(openCheckpoint(at('b')), at('out'), QUIET);
    expect(differences(readFolder(at('out')), readFolder(at('hf')))).toEqual([]);
  });

  test('does not keep metadata from being inferred', async () => {
    fs.rmSync(at('a/shards/mp_metadata_pp_rank_0.json'));
    fs.rmSync(at('a/trn_config.json'));
    const checkpoint = openCheckpoint(at('a'));
    expect(tags(checkpoint)).toEqual(['corrected', 'inferred']);
    await consolidate(checkpoint, at('out'), QUIET);
    expect(written('out/config.json')).toMatchObject({ vocab_size: 24 });
  });
});

test.each([
  ['the whole', 24],
  ['some other number', 12],
])('%s is left as it is', async (_, size) => {
  setVocabulary(at('a/config.json'), size);
  const { findings } = await consolidate(openCheckpoint(at('a')), at('out'), QUIET);
  expect(findings).toEqual([]);
  expect(fs.readFileSync(at('out/config.json'), 'utf8')).toBe(fs.readFileSync(at('a/config.json'), 'utf8'));
});

test('an embedding that every rank holds whole has its own rows', async () => {
  editJson(
    at('a/shards/mp_metadata_pp_rank_0.json'),
    ({ parameters }: { parameters: Record<string, Record<string, unknown>> }) => {
      parameters['model.embed_tokens.weight'] = { tensor_model_parallel: false };
    },
  );
  setVocabulary(at('a/config.json'), 6);
  expect(tags(openCheckpoint(at('a')))).toEqual([]);
});

describe('a config.json that is named', () => {
  beforeEach(() => {
    fs.renameSync(at('a/config.json'), at('elsewhere.json'));
  });

  test('stands for the one beside the shards, and is written', async () => {
    const config = at('elsewhere.json');
    await consolidate(openCheckpoint(at('a'), { config }), at('out'), QUIET);
    expect(written('out/config.json')).toEqual(written('hf/config.json'));
    await reshard(at('a'), at('b'), { ...SHARDING, tensorParallelSize: 2 }, { config, ...QUIET });
    expect(written('b/config.json')).toEqual(written('hf/config.json'));
  });

  test('is that of a folder, too; one that is not there is an error', async () => {
    expect(openCheckpoint(at('a'), { config: at('hf') }).config?.modelType).toBe('llama');
    expect(() => openCheckpoint(at('a'), { config: at('nowhere.json') })).toThrow(/does not exist/);
  });

  test('takes the place of another beside the shards', async () => {
    fs.writeFileSync(at('a/config.json'), '{"model_type": "mamba"}');
    await consolidate(openCheckpoint(at('a'), { config: at('hf') }), at('out'), QUIET);
    expect(written('out/config.json')).toEqual(written('hf/config.json'));
  });

  test('describes a model without metadata', async () => {
    fs.rmSync(at('a/shards/mp_metadata_pp_rank_0.json'));
    fs.rmSync(at('a/trn_config.json'));
    const checkpoint = openCheckpoint(at('a'), { config: at('elsewhere.json') });
    expect(tags(checkpoint)).toEqual(['inferred']);
    await consolidate(checkpoint, at('out'), QUIET);
    expect(differences(readFolder(at('out')), readFolder(at('hf')))).toEqual([]);
  });

  test('is what a merge writes', async () => {
    const { checkpoint } = await makeSample(at('sample'), {
      tensorParallelSize: 4,
      loraRank: 2,
      config: SIZES,
      ...QUIET,
    });
    fs.rmSync(path.join(checkpoint, 'config.json'));
    await merge(checkpoint, checkpoint, at('out'), { config: at('elsewhere.json'), ...QUIET });
    expect(written('out/config.json')).toEqual(written('hf/config.json'));
  });
});
