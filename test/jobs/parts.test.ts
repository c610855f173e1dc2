import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { openCheckpoint } from '../../src-core/models/open-checkpoint.ts';
import { consolidate, prepareConsolidation } from '../../src-core/jobs/consolidate.ts';
import { makeSample } from '../../src-core/sample/sample.ts';
import { shardloom } from '../support/cli.ts';
import { fixturePath, temporaryFolder } from '../support/folders.ts';
import { differences, readFolder, readWeights } from '../support/weights.ts';

const FIXTURE = 'lora-tp2-two-adapters';
const CONFIG = {
  hiddenSize: 32,
  intermediateSize: 48,
  numAttentionHeads: 4,
  numKeyValueHeads: 2,
  numHiddenLayers: 1,
  vocabSize: 32,
};

describe('consolidating a part of what a folder holds', () => {
  const checkpoint = fixturePath(FIXTURE, 'checkpoint');

  /** A checkpoint with a model and two adapters. */
  async function modelAndAdapters(): Promise<{ folder: string; original: string }> {
    const sample = await makeSample(path.join(temporaryFolder(), 's'), { config: CONFIG, tensorParallelSize: 2 });
    for (const adapter of ['adapter_default', 'adapter_test']) {
      fs.cpSync(path.join(checkpoint, adapter), path.join(sample.checkpoint, adapter), { recursive: true });
    }
    return { folder: sample.checkpoint, original: sample.original };
  }

  test('one adapter of two', async () => {
    const out = path.join(temporaryFolder(), 'out');
    await consolidate(openCheckpoint(checkpoint), out, { parts: ['adapter:test'] });
    expect(fs.readdirSync(out).sort()).toEqual(['shardloom.json', 'test']);
    expect(differences(readFolder(path.join(out, 'test')), readFolder(fixturePath(FIXTURE, 'expected/test')))).toEqual(
      [],
    );
  });

  test('the model without its adapters, and the default adapter without its model', async () => {
    const { folder, original } = await modelAndAdapters();
    const files = (parts: 'model' | 'adapter:default'): string[] =>
      prepareConsolidation(openCheckpoint(folder), { parts: [parts] }).plan.outputs.map((output) => output.path);
    expect(files('model')).toEqual(['model.safetensors']);
    // Nothing that a loader could take for a model stands beside it.
    expect(files('adapter:default')).toEqual(['adapter_model.safetensors']);
    const out = path.join(temporaryFolder(), 'out');
    expect(shardloom('consolidate', folder, out, '--only', 'model', '--quiet')).toMatchObject({ code: 0, stderr: '' });
    expect(differences(readFolder(out), readWeights(original))).toEqual([]);
  });

  test('what is left out may be damaged', async () => {
    const { folder } = await modelAndAdapters();
    fs.rmSync(path.join(folder, 'shards/model/dp_rank_00_tp_rank_01_pp_rank_00.pt'));
    expect(() => prepareConsolidation(openCheckpoint(folder), { parts: ['model'] })).toThrow(/TP rank 1 is missing/);
    const { findings } = prepareConsolidation(openCheckpoint(folder), { parts: ['adapter:test'] });
    expect(findings).toEqual([]);
  });

  test('a part that is not there is refused, and the message names those that are', () => {
    const out = path.join(temporaryFolder(), 'out');
    const { code, stderr } = shardloom('consolidate', checkpoint, out, '--only', 'adapter:other');
    expect(code).toBe(2);
    expect(stderr).toMatch(/found: adapter:other\n.*expected: adapter:default, adapter:test/s);
    expect(shardloom('consolidate', checkpoint, out, '--only', 'other').code).toBe(2);
    expect(fs.existsSync(out)).toBe(false);
  });
});
