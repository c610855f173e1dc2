import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { formatProblem, isShardloomError, type Problem } from '../../src-core/errors.ts';
import { discover } from '../../src-core/checkpoint/discover.ts';
import {
  parseLegacyEntry,
  parseMetadataFile,
  parseRankFile,
  rankFileName,
} from '../../src-core/checkpoint/rank-names.ts';
import { temporaryFolder } from '../support/folders.ts';

function touch(folder: string, ...files: string[]): string {
  for (const file of files) {
    const target = path.join(folder, file);
    fs.mkdirSync(path.dirname(target), { recursive: true });
    fs.writeFileSync(target, '');
  }
  return folder;
}

const RANK = 'model/dp_rank_00_tp_rank_00_pp_rank_00.pt';

describe('names of rank files', () => {
  test.each([
    ['dp_rank_00_tp_rank_07_pp_rank_03.pt', { dp: 0, ep: 0, tp: 7, pp: 3 }],
    ['dp_rank_00_tp_rank_107_pp_rank_00.pt', { dp: 0, ep: 0, tp: 107, pp: 0 }],
    ['dp_rank_01_ep_rank_02_tp_rank_07_pp_rank_1003.pt', { dp: 1, ep: 2, tp: 7, pp: 1003 }],
    ['dp_rank_00_tp_rank_07_pp_rank_03.pt.info.pt', null],
    ['dp_rank_00_tp_rank_07_pp_rank_03.pt.tensors', null],
    ['dp_rank_00_tp_rank_999999_pp_rank_00.pt', null],
    ['dp_rank_00_tp_rank_x_pp_rank_00.pt', null],
  ])('%s', (name, ranks) => {
    expect(parseRankFile(name)).toEqual(ranks);
  });

  test('older entries and metadata files', () => {
    expect(parseLegacyEntry('tp_rank_12_pp_rank_03')).toEqual({ dp: 0, ep: 0, tp: 12, pp: 3 });
    expect(parseLegacyEntry('tp_rank_12_pp_rank_03_dp_rank_01')).toEqual({ dp: 1, ep: 0, tp: 12, pp: 3 });
    expect(parseLegacyEntry('tp_rank_12_pp_rank_03.tensors')).toBeNull();
    expect(parseMetadataFile('mp_metadata_pp_rank_11.json')).toEqual({ pp: 11, format: 'json' });
    expect(parseMetadataFile('mp_metadata_pp_rank_0.pt')).toEqual({ pp: 0, format: 'pt' });
    expect(parseMetadataFile('mp_metadata.json')).toBeNull();
  });

  test('expected names have at least two digits', () => {
    expect(rankFileName(5, 0, 'nxd')).toBe('dp_rank_00_tp_rank_05_pp_rank_00.pt');
    expect(rankFileName(105, 0, 'legacy')).toBe('tp_rank_105_pp_rank_00');
  });
});

describe('the folder of a run', () => {
  const opening = (folder: string): Problem => {
    try {
      discover(folder);
    } catch (error) {
      if (isShardloomError(error)) return error;
    }
    return expect.unreachable();
  };

  test('names the checkpoints in it, in the order of their steps', () => {
    const names = ['checkpoint-1000', 'checkpoint-500', 'adapters-9'];
    const [last, first, adapter] = names as [string, string, string];
    const root = touch(
      temporaryFolder(),
      `${first}/shards/${RANK}`,
      `${last}/shards/${RANK}`,
      `${adapter}/adapter_default/adapter_shards/${RANK}`,
      'logs/events',
      'trainer_state.json',
    );
    expect(opening(root)).toMatchObject({
      tag: 'not-a-checkpoint',
      file: root,
      isFolder: true,
      checkpoints: [adapter, first, last].map((name) => path.join(root, name)),
      found: 'adapters-9, checkpoint-500, checkpoint-1000',
      advice: 'Open one of these, such as the last one, checkpoint-1000.',
    });
    expect(formatProblem(opening(root))).toContain(`  folder: ${root}`);
  });

  test('of many the first ones and the last are named; a folder without any says what was there', () => {
    const root = touch(
      temporaryFolder(),
      ...Array.from({ length: 20 }, (_, step) => `checkpoint-${step}/shards/${RANK}`),
    );
    expect(opening(root).found).toMatch(/^checkpoint-0, .*checkpoint-6, …, checkpoint-19$/);
    const other = opening(touch(temporaryFolder(), 'photos/1.jpg'));
    expect([other.checkpoints, other.found]).toEqual([undefined, 'photos']);
  });
});

describe('folders that a user may open', () => {
  test('the checkpoint, its shards and the model folder in it are the same checkpoint', () => {
    const root = touch(
      temporaryFolder(),
      'config.json',
      `shards/${RANK}`,
      'shards/done',
      'shards/mp_metadata_pp_rank_0.json',
    );
    for (const opened of [root, path.join(root, 'shards'), path.join(root, 'shards/model')]) {
      const found = discover(opened);
      expect(found.root).toBe(root);
      expect(found.rootFiles).toEqual(['config.json']);
      expect(found.model).toMatchObject({ folder: path.join(root, 'shards'), layout: 'nxd', done: true });
      expect(found.model!.rankFiles.map((file) => file.path)).toEqual([path.join(root, 'shards', RANK)]);
      expect([...found.model!.metadataFiles.keys()]).toEqual([0]);
    }
  });

  test('an adapter, its shards and the folder above them', () => {
    const root = touch(
      temporaryFolder(),
      'README.md',
      `adapter_my-adapter/adapter_shards/${RANK}`,
      `adapter_b/adapter_shards/${RANK}`,
    );
    expect(discover(root).adapters.map(({ name }) => name)).toEqual(['b', 'my-adapter']);
    const adapter = path.join(root, 'adapter_my-adapter');
    for (const opened of [adapter, path.join(adapter, 'adapter_shards'), path.join(adapter, 'adapter_shards/model')]) {
      const found = discover(opened);
      expect(found.model).toBeUndefined();
      expect(found.adapters).toMatchObject([{ name: 'my-adapter', folder: adapter }]);
      expect(found.rootFiles).toEqual(['README.md']);
    }
  });

  test('older layouts', () => {
    const older = touch(temporaryFolder(), `tensor_parallel_shards/${RANK}`);
    expect(discover(older).model).toMatchObject({ layout: 'nxd' });
    const legacy = touch(
      temporaryFolder(),
      'tp_rank_00_pp_rank_00/checkpoint.pt',
      'tp_rank_01_pp_rank_00/checkpoint.pt',
    );
    expect(
      discover(legacy).model!.rankFiles.map(({ path: file, ranks }) => [path.relative(legacy, file), ranks.tp]),
    ).toEqual([
      ['tp_rank_00_pp_rank_00/checkpoint.pt', 0],
      ['tp_rank_01_pp_rank_00/checkpoint.pt', 1],
    ]);
    const xser = touch(temporaryFolder(), 'tp_rank_00_pp_rank_00', 'tp_rank_00_pp_rank_00.tensors/tensor_0.pt');
    expect([...discover(xser).model!.rankFiles[0]!.tensors!.names]).toEqual(['tensor_0.pt']);
  });

  test('a training script’s folder, with config.json beside model/', () => {
    const root = touch(
      temporaryFolder(),
      'config.json',
      RANK,
      'optim/dp_rank_00_tp_rank_00_pp_rank_00.pt',
      'scheduler.pt',
    );
    expect(discover(root)).toMatchObject({ root, model: { folder: root } });
  });

  test('ranks are ordered as numbers', () => {
    const files = [100, 2, 10, 1].map((tp) => `shards/model/${rankFileName(tp, 0, 'nxd')}`);
    const found = discover(touch(temporaryFolder(), ...files));
    expect(found.model!.rankFiles.map(({ ranks }) => ranks.tp)).toEqual([1, 2, 10, 100]);
  });

  test('links that lead nowhere and FIFOs are not files', async () => {
    const root = touch(temporaryFolder(), `shards/${RANK}`);
    fs.symlinkSync('/nowhere', path.join(root, 'shards/model/dp_rank_00_tp_rank_01_pp_rank_00.pt'));
    const { spawnSync } = await import('node:child_process');
    spawnSync('mkfifo', [path.join(root, 'shards/model/dp_rank_00_tp_rank_02_pp_rank_00.pt')]);
    expect(discover(root).model!.rankFiles).toHaveLength(1);
  });

  test.each([
    ['an empty folder', [], /empty folder/],
    ['weights that are not sharded', ['model.safetensors'], /weights that are not sharded/],
    ['something else', ['notes.txt'], /notes\.txt/],
  ])('%s is refused with what was found', (_, files, message) => {
    expect(() => discover(touch(temporaryFolder(), ...files))).toThrow(message);
  });

  test('a folder that does not exist, and a file', () => {
    const root = touch(temporaryFolder(), 'file');
    expect(() => discover(path.join(root, 'nowhere'))).toThrow(/does not exist/);
    expect(() => discover(path.join(root, 'file'))).toThrow(/a file, not a folder/);
  });
});
