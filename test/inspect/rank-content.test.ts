import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { openCheckpoint } from '../../src-core/models/open-checkpoint.ts';
import { checkpointFingerprint } from '../../src-core/checkpoint/fingerprint.ts';
import { isShardloomError } from '../../src-core/errors.ts';
import { partsOf } from '../../src-core/inspect/parts.ts';
import { rankContent } from '../../src-core/inspect/rank-content.ts';
import { viewOfTarget } from '../../src-core/inspect/target.ts';
import { makeSample } from '../../src-core/sample/sample.ts';
import { fixtureNames, fixturePath, temporaryFolder } from '../support/folders.ts';

const CONFIG = {
  hiddenSize: 32,
  intermediateSize: 48,
  numAttentionHeads: 4,
  numKeyValueHeads: 2,
  numHiddenLayers: 2,
  vocabSize: 32,
};

async function sample(xser: boolean): Promise<string> {
  const options = { config: CONFIG, tensorParallelSize: 2, pipelineParallelSize: 2, xser, workers: 0 };
  return (await makeSample(path.join(temporaryFolder(), 'sample'), options)).checkpoint;
}

describe('what a rank has stored', () => {
  test.each(fixtureNames())('%s: every tensor lies inside a file of the rank', (name) => {
    for (const part of partsOf(openCheckpoint(fixturePath(name, 'checkpoint')))) {
      for (let tp = 0; tp < part.state.tensorParallelSize; tp++) {
        const content = rankContent(part, { tp, pp: 0 });
        expect(content.tensors.length).toBeGreaterThan(0);
        expect(content.files.reduce((sum, { tensors }) => sum + tensors, 0)).toBe(content.tensors.length);
        expect(content.bytes).toBe(content.tensors.reduce((sum, { bytes }) => sum + bytes, 0));
        for (const tensor of content.tensors) {
          expect(tensor.rank).toEqual({ tp, pp: 0 });
          const file = content.files.find((candidate) => candidate.path === tensor.file)!;
          expect(tensor.byteOffset + tensor.bytes).toBeLessThanOrEqual(file.bytes);
        }
      }
    }
  });

  test('xser has a file for each tensor, plain one for all', async () => {
    const plain = rankContent(partsOf(openCheckpoint(await sample(false)))[0]!, { tp: 1, pp: 1 });
    const xser = rankContent(partsOf(openCheckpoint(await sample(true)))[0]!, { tp: 1, pp: 1 });
    expect(plain.files).toHaveLength(1);
    expect(xser.files).toHaveLength(xser.tensors.length);
    expect(plain.tensors.map(({ name }) => name)).toEqual(xser.tensors.map(({ name }) => name));
  });

  test('tensors on the same bytes name each other, a transposed one is not contiguous', async () => {
    const part = partsOf(openCheckpoint(await sample(false)))[0]!;
    const stage = part.state.stages[0]!;
    const [name, locals] = [...stage.tensors][0]!;
    const tied = {
      ...locals[0]!,
      name: 'tied',
      shape: [...locals[0]!.shape].reverse(),
      strides: [...locals[0]!.strides].reverse(),
    };
    const tensors = new Map([...stage.tensors, ['tied', [tied]]]);
    const state = { ...part.state, stages: [{ ...stage, tensors }, ...part.state.stages.slice(1)] };
    const content = rankContent({ ...part, state }, { tp: 0, pp: 0 });
    const found = (wanted: string) => content.tensors.find((tensor) => tensor.name === wanted)!;
    expect(found('tied')).toMatchObject({ sharesWith: [name], contiguous: false });
    expect(found(name)).toMatchObject({ sharesWith: ['tied'], contiguous: true });
    expect(content.tensors.filter(({ sharesWith }) => sharesWith.length > 0)).toHaveLength(2);
  });

  test('a target is an original parameter, or what a rank has stored', async () => {
    const parts = partsOf(openCheckpoint(await sample(false)));
    const name = 'model.embed_tokens.weight';
    expect(viewOfTarget(parts, { part: 'model', name, rank: null }).shape).toEqual([32, 32]);
    expect(viewOfTarget(parts, { part: 'model', name, rank: { tp: 1, pp: 0 } }).shape).toEqual([16, 32]);
    try {
      viewOfTarget(parts, { part: 'model', name, rank: { tp: 1, pp: 1 } });
      expect.unreachable();
    } catch (error) {
      expect(isShardloomError(error, 'usage')).toBe(true);
    }
  });
});

describe.each([true, false])('the fingerprint, xser %s', (xser) => {
  test('stays as long as nothing is written, and changes with any shard and any metadata file', async () => {
    const folder = await sample(xser);
    const before = checkpointFingerprint(folder);
    expect(checkpointFingerprint(folder)).toBe(before);
    fs.writeFileSync(path.join(folder, 'notes.txt'), 'of no concern');
    expect(checkpointFingerprint(folder)).toBe(before);
    const rank = path.join(folder, 'shards/model/dp_rank_00_tp_rank_01_pp_rank_00.pt');
    const shard = xser ? `${rank}.tensors/tensor_1.pt` : rank;
    const later = new Date(Date.now() + 5_000);
    fs.utimesSync(shard, later, later);
    const touched = checkpointFingerprint(folder);
    expect(touched).not.toBe(before);
    fs.appendFileSync(path.join(folder, 'shards/mp_metadata_pp_rank_1.json'), '\n');
    const appended = checkpointFingerprint(folder);
    expect(appended).not.toBe(touched);
    fs.rmSync(shard);
    expect(checkpointFingerprint(folder)).not.toBe(appended);
  });
});
