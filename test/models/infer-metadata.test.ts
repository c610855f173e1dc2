import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { consolidate } from '../../src-core/jobs/consolidate.ts';
import { shard } from '../../src-core/jobs/shard.ts';
import { openCheckpoint } from '../../src-core/models/open-checkpoint.ts';
import { fixtureNames, fixturePath, temporaryFolder } from '../support/folders.ts';
import { writeHuggingFace } from '../support/hugging-face.ts';
import { editJson } from '../support/shards.ts';
import { differences, readFolder } from '../support/weights.ts';

/** A copy of a checkpoint as a script leaves it that writes neither metadata nor trn_config.json. */
function withoutMetadata(checkpoint: string): string {
  const copy = path.join(temporaryFolder(), 'checkpoint');
  fs.cpSync(checkpoint, copy, { recursive: true });
  for (const file of fs.readdirSync(copy, { recursive: true, encoding: 'utf8' })) {
    fs.chmodSync(path.join(copy, file), fs.statSync(path.join(copy, file)).isDirectory() ? 0o755 : 0o644);
  }
  for (const name of fs.readdirSync(path.join(copy, 'shards'))) {
    if (name.startsWith('mp_metadata')) fs.rmSync(path.join(copy, 'shards', name));
  }
  fs.rmSync(path.join(copy, 'trn_config.json'));
  return copy;
}

const models = fixtureNames().filter((name) => !name.startsWith('lora'));

test.each(models)('%s without its metadata: inferred, said so, and the expected weights', async (name) => {
  const checkpoint = openCheckpoint(withoutMetadata(fixturePath(name, 'checkpoint')));
  expect(checkpoint.findings).toHaveLength(1);
  expect(checkpoint.findings[0]).toMatchObject({ severity: 'warning', tag: 'inferred' });
  expect(checkpoint.findings[0]!.found).toContain('config.json');
  const out = path.join(temporaryFolder(), 'out');
  await consolidate(checkpoint, out, { workers: 0 });
  expect(differences(readFolder(out), readFolder(fixturePath(name, 'expected')))).toEqual([]);
});

describe('of a checkpoint without metadata', () => {
  const SIZES = {
    hiddenSize: 32,
    intermediateSize: 48,
    numAttentionHeads: 8,
    numKeyValueHeads: 2,
    numHiddenLayers: 3,
    vocabSize: 24,
  };

  async function made(
    changes: Partial<typeof SIZES & { attentionBias: boolean; mlpBias: boolean }> = {},
  ): Promise<string> {
    const folder = temporaryFolder();
    writeHuggingFace(path.join(folder, 'hf'), 'llama', { ...SIZES, ...changes });
    const sharding = { tensorParallelSize: 4, pipelineParallelSize: 2, fuseQkv: true, xser: true };
    await shard(path.join(folder, 'hf'), path.join(folder, 'a'), sharding, { workers: 0 });
    return withoutMetadata(path.join(folder, 'a'));
  }

  const problems = (folder: string): string[] =>
    openCheckpoint(folder).findings.map(({ severity, tag }) => `${severity} ${tag}`);

  test('biases show in the names', async () => {
    expect(problems(await made({ attentionBias: true, mlpBias: true }))).toEqual(['warning inferred']);
  });

  test('a config.json of another model is refused: nothing is guessed', async () => {
    const config = (folder: string, changes: Record<string, unknown>): string => {
      editJson(path.join(folder, 'config.json'), (document: Record<string, unknown>) => {
        Object.assign(document, changes);
      });
      return folder;
    };
    expect(problems(config(await made(), { intermediate_size: 96 }))).toEqual(['error shape-mismatch']);
    expect(problems(config(await made(), { num_hidden_layers: 2 }))).toEqual(['error not-described']);
    expect(problems(config(await made(), { model_type: 'mamba' }))).toEqual(['error unsupported']);
  });

  test('without config.json the missing metadata is what is said', async () => {
    const folder = await made();
    fs.rmSync(path.join(folder, 'config.json'));
    const [finding] = openCheckpoint(folder).findings;
    expect(finding).toMatchObject({ severity: 'error', tag: 'missing-file' });
    expect(finding!.advice).toContain('config.json');
  });

  test('where some stages have metadata the others’ is missing, and is not inferred', async () => {
    const folder = temporaryFolder();
    writeHuggingFace(path.join(folder, 'hf'), 'llama', SIZES);
    const sharding = { tensorParallelSize: 2, pipelineParallelSize: 2, fuseQkv: false, xser: false };
    await shard(path.join(folder, 'hf'), path.join(folder, 'a'), sharding, { workers: 0 });
    fs.rmSync(path.join(folder, 'a/shards/mp_metadata_pp_rank_1.json'));
    expect(problems(path.join(folder, 'a'))).toEqual(['error missing-file']);
  });
});
