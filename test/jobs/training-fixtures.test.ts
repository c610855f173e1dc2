import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import type { Checkpoint } from '../../src-core/checkpoint/checkpoint.ts';
import { consolidate } from '../../src-core/jobs/consolidate.ts';
import { shard } from '../../src-core/jobs/shard.ts';
import { openCheckpoint } from '../../src-core/models/open-checkpoint.ts';
import { fixturePath, folderToOpen, temporaryFolder, trainingFixtureNames } from '../support/folders.ts';
import { fixtureSizes, held } from '../support/held.ts';
import { editJson } from '../support/shards.ts';
import { differences, readFolder } from '../support/weights.ts';

/** The modules whose specs the reference left out of the metadata, because the adapter's name is none that its pattern knows. */
function lostSpecs(name: string): readonly string[] {
  const read: unknown = JSON.parse(fs.readFileSync(fixturePath(name, 'case.json'), 'utf8'));
  return (read as { lost_specs?: string[] }).lost_specs ?? [];
}

/** The folder to open of a case; where specs are lost, of a copy with the model's config.json beside the adapter. */
function checkpointOf(name: string, open = folderToOpen(name)!): string {
  if (lostSpecs(name).length === 0) return fixturePath(name, 'checkpoint', open);
  const copy = path.join(temporaryFolder(), 'checkpoint');
  fs.cpSync(fixturePath(name, 'checkpoint'), copy, { recursive: true });
  fs.copyFileSync(fixturePath(name, 'original', 'config.json'), path.join(copy, 'config.json'));
  return path.join(copy, open);
}

const WEIGHTS = /^(adapter_)?model\.safetensors$/;

/** Folders below `expected/` that hold weights: the default adapter has none of its own. */
function expectedFolders(name: string): string[] {
  const files = fs.readdirSync(fixturePath(name, 'expected'), { recursive: true, encoding: 'utf8' });
  return files.filter((file) => WEIGHTS.test(path.basename(file))).map((file) => path.dirname(file));
}

function configIn(folder: string): unknown {
  return JSON.parse(fs.readFileSync(path.join(folder, 'adapter_config.json'), 'utf8'));
}

describe.each(trainingFixtureNames())('%s', (name) => {
  test.each([
    ['safetensors', 0],
    ['safetensors', 2],
    ['pytorch', 2],
  ] as const)('%s, %s workers: equals what is expected', async (format, workers) => {
    const out = path.join(temporaryFolder(), 'out');
    await consolidate(openCheckpoint(checkpointOf(name)), out, { format, workers });
    const folders = expectedFolders(name);
    expect(folders).not.toEqual([]);
    for (const folder of folders) {
      const [found, expected] = [path.join(out, folder), fixturePath(name, 'expected', folder)];
      expect(differences(readFolder(found), readFolder(expected)), folder).toEqual([]);
      if (fs.existsSync(path.join(expected, 'adapter_config.json')))
        expect(configIn(found)).toEqual(configIn(expected));
    }
  });
});

/** Every tensor of every rank, in no order: training holds them in that of its modules. */
function heldBy(checkpoint: Checkpoint): string[] {
  return [checkpoint.model, ...checkpoint.adapters].flatMap((state) => (state ? held(state) : [])).sort();
}

/** The metadata's parameters, but for the attributes that training has lost in a deep copy. */
function attributesOf(checkpoint: Checkpoint): unknown[] {
  const states = [checkpoint.model, ...checkpoint.adapters].flatMap((state) => state ?? []);
  return states.flatMap(({ stages }) =>
    stages.map(({ metadata }) => {
      const { parameters } = metadata!.document as { parameters: Record<string, unknown> };
      return Object.fromEntries(Object.entries(parameters).filter(([name]) => !name.includes('.modules_to_save.')));
    }),
  );
}

test.each(trainingFixtureNames())('%s: its original weights give every rank’s tensors and attributes', async (name) => {
  const folder = temporaryFolder();
  fs.cpSync(fixturePath(name, 'original'), path.join(folder, 'hf'), { recursive: true });
  const out = path.join(folder, 'checkpoint');
  await shard(path.join(folder, 'hf'), out, fixtureSizes(name), { workers: 0 });
  const [made, saved] = [openCheckpoint(out), openCheckpoint(checkpointOf(name, ''))];
  expect(made.findings).toEqual([]);
  expect(heldBy(made)).toEqual(heldBy(saved));
  expect(attributesOf(made)).toEqual(attributesOf(saved));
});

test('a parameter of the stage itself that has no data is an error that names it', async () => {
  const copy = path.join(temporaryFolder(), 'checkpoint');
  fs.cpSync(fixturePath('llama-tp2-pp2-all-stages-meta', 'checkpoint'), copy, { recursive: true });
  editJson(path.join(copy, 'shards', 'mp_metadata_pp_rank_1.json'), (document: { parameters: object }) => {
    document.parameters = { ...document.parameters, 'model.embed_tokens.weight': { tensor_model_parallel: false } };
  });
  const errors = openCheckpoint(copy).findings.filter(({ severity }) => severity === 'error');
  expect(errors[0]).toMatchObject({ tag: 'missing-tensor', tensor: 'model.embed_tokens.weight' });
  expect(errors[0]!.file).toContain('pp_rank_01');
  await expect(consolidate(openCheckpoint(copy), path.join(copy, 'out'))).rejects.toMatchObject({
    tag: 'missing-tensor',
  });
});

const withLostSpecs = trainingFixtureNames().filter((name) => lostSpecs(name).length > 0);

test.each(withLostSpecs)('%s: without a config.json nothing says how it is fused, and it is refused', async (name) => {
  const checkpoint = openCheckpoint(fixturePath(name, 'checkpoint'));
  const [error] = checkpoint.findings.filter(({ severity }) => severity === 'error');
  expect(error).toMatchObject({ tag: 'missing-spec' });
  expect(lostSpecs(name)).toContain(error!.tensor);
  const out = path.join(temporaryFolder(), 'out');
  await expect(consolidate(checkpoint, out)).rejects.toMatchObject({ tag: 'missing-spec', tensor: error!.tensor });
  expect(fs.existsSync(out)).toBe(false);
});

test('some checkpoints lack specs', () => {
  expect(withLostSpecs).toHaveLength(2);
});
