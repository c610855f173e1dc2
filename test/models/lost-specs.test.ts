import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { consolidate } from '../../src-core/jobs/consolidate.ts';
import { shard } from '../../src-core/jobs/shard.ts';
import { verifyRoundTrip } from '../../src-core/jobs/verify-round-trip.ts';
import { openCheckpoint } from '../../src-core/models/open-checkpoint.ts';
import { temporaryFolder } from '../support/folders.ts';
import { configDocument, writeAdapter, writeHuggingFace } from '../support/hugging-face.ts';
import { asTrainingLeaves } from '../support/training.ts';
import { differences, readFolder } from '../support/weights.ts';

const QUIET = { workers: 0 } as const;
const SIZES = {
  hiddenSize: 32,
  intermediateSize: 48,
  numAttentionHeads: 8,
  numKeyValueHeads: 2,
  numHiddenLayers: 2,
  vocabSize: 24,
};
const SHARDING = { tensorParallelSize: 4, pipelineParallelSize: 1, fuseQkv: false, xser: false };
const WIDTHS = { q_proj: [32, 32], k_proj: [8, 32], v_proj: [8, 32], o_proj: [32, 32] } as const;

/** An adapter on these linears of the attention; those that training fuses share their lora_A. */
function writeLora(folder: string, linears: readonly (keyof typeof WIDTHS)[]): void {
  const parameters = new Map<string, readonly number[]>();
  for (const layer of [0, 1]) {
    for (const linear of linears) {
      const module = `base_model.model.model.layers.${layer}.self_attn.${linear}`;
      const [rows, columns] = WIDTHS[linear];
      parameters.set(`${module}.lora_A.weight`, [3, columns]).set(`${module}.lora_B.weight`, [rows, 3]);
    }
  }
  const shared = (name: string): string => name.replace(/(q|k|v)_proj\.lora_A/, 'lora_A');
  writeAdapter(folder, parameters, { target_modules: linears }, 'F32', shared);
}

/** A checkpoint with the adapter `my-adapter`, as training leaves it. */
async function checkpointOf(
  adapter: (folder: string) => void,
): Promise<{ readonly folder: string; readonly checkpoint: string; readonly weights: string }> {
  const folder = temporaryFolder();
  const [base, adapters, checkpoint] = ['base', 'adapters', 'checkpoint'].map((name) => path.join(folder, name)) as [
    string,
    string,
    string,
  ];
  writeHuggingFace(base, 'llama', SIZES);
  adapter(adapters);
  await shard(adapters, checkpoint, SHARDING, { ...QUIET, config: base });
  expect(asTrainingLeaves(checkpoint)).toBeGreaterThan(0);
  return { folder, checkpoint, weights: path.join(adapters, 'my-adapter') };
}

const onAttention = (folder: string): void => {
  writeLora(path.join(folder, 'my-adapter'), ['q_proj', 'k_proj', 'v_proj', 'o_proj']);
};

test('specs that the metadata of the model beside it has are taken', async () => {
  const { folder, checkpoint, weights } = await checkpointOf(onAttention);
  await shard(path.join(folder, 'base'), path.join(folder, 'model'), SHARDING, QUIET);
  fs.cpSync(path.join(folder, 'model', 'shards'), path.join(checkpoint, 'shards'), { recursive: true });
  const opened = openCheckpoint(checkpoint);
  expect(opened.findings.map(({ tag, severity }) => [tag, severity])).toEqual([['inferred', 'warning']]);
  expect(opened.findings[0]!.found).toBe('specs of 2 modules, taken from the metadata of the model in shards');
  await consolidate(opened, path.join(folder, 'out'), { ...QUIET, parts: ['adapter:my-adapter'] });
  expect(differences(readFolder(path.join(folder, 'out', 'my-adapter')), readFolder(weights))).toEqual([]);
});

test('an adapter on the output projection alone needs the specs, too: its columns are in the order of the ranks', async () => {
  // Another adapter with such a name wraps the other projections, so that the reference finds none that it knows.
  const { folder, checkpoint, weights } = await checkpointOf((adapters) => {
    writeLora(path.join(adapters, 'my-adapter'), ['o_proj']);
    writeLora(path.join(adapters, 'a b'), ['q_proj', 'k_proj', 'v_proj']);
  });
  expect(openCheckpoint(checkpoint).findings.map(({ tag }) => tag)).toEqual(['missing-spec', 'missing-spec']);
  fs.copyFileSync(path.join(folder, 'base', 'config.json'), path.join(checkpoint, 'config.json'));
  await consolidate(openCheckpoint(checkpoint), path.join(folder, 'out'), QUIET);
  expect(differences(readFolder(path.join(folder, 'out', 'my-adapter')), readFolder(weights))).toEqual([]);
});

test('what was inferred is said where the round trip is proved: it would go back by the same way', async () => {
  const { folder, checkpoint } = await checkpointOf(onAttention);
  fs.copyFileSync(path.join(folder, 'base', 'config.json'), path.join(checkpoint, 'config.json'));
  const opened = openCheckpoint(checkpoint);
  await consolidate(opened, path.join(folder, 'out'), QUIET);
  const { different, inferred } = await verifyRoundTrip(opened, path.join(folder, 'out'), QUIET);
  expect(different).toEqual([]);
  expect(inferred).toMatchObject([{ tag: 'inferred', found: expect.stringContaining('config.json') as string }]);
});

test.each([
  ['other heads', { numAttentionHeads: 16, numKeyValueHeads: 4, headDim: 4 }, /do not have|rows|linear of/],
  ['a wider model', { hiddenSize: 64, headDim: 4 }, /linear of 32 × 64/],
  ['sizes that cannot be split so', { numAttentionHeads: 6 }, /cannot be split over TP 4/],
])('a config.json with %s is not believed', async (_what, other, text) => {
  const { checkpoint } = await checkpointOf(onAttention);
  const config = configDocument('llama', { ...SIZES, ...other });
  fs.writeFileSync(path.join(checkpoint, 'config.json'), JSON.stringify(config));
  const errors = openCheckpoint(checkpoint).findings.filter(({ severity }) => severity === 'error');
  expect(errors).toMatchObject([{ tag: 'missing-spec', tensor: 'base_model.model.model.layers.0.self_attn' }]);
  expect(errors[0]!.found).toMatch(text);
});
