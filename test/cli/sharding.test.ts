import fs from 'node:fs';
import path from 'node:path';
import { beforeEach, describe, expect, test } from 'vitest';
import { shardloom } from '../support/cli.ts';
import { temporaryFolder } from '../support/folders.ts';
import { writeHuggingFace } from '../support/hugging-face.ts';
import { differences, readFolder } from '../support/weights.ts';

const SIZES = {
  hiddenSize: 32,
  intermediateSize: 48,
  numAttentionHeads: 8,
  numKeyValueHeads: 2,
  numHiddenLayers: 2,
  vocabSize: 24,
};

let folder: string;
const at = (name: string): string => path.join(folder, name);
beforeEach(() => {
  folder = temporaryFolder();
  writeHuggingFace(at('hf'), 'qwen3', SIZES);
});

describe('on the command line', () => {
  test('shard, reshard, consolidate and the proof, each leading to the next', () => {
    const sharded = shardloom('shard', at('hf'), at('a'), '--tp', '8', '--fuse-qkv');
    expect(sharded).toMatchObject({ code: 0, stderr: '' });
    expect(sharded.stdout).toContain('Sharded for TP 8 × PP 1');
    const resharded = shardloom(
      'reshard',
      at('a'),
      at('b'),
      '--tp',
      '2',
      '--pp',
      '2',
      '--xser',
      '--workers',
      '1',
      '--json',
    );
    expect(JSON.parse(resharded.stdout)).toMatchObject({ out: at('b'), workers: 1 });
    const { code, stdout } = shardloom('consolidate', at('b'), at('out'), '--verify');
    expect(code).toBe(0);
    expect(stdout).toMatch(/proved: sharding the result again gives all \d+ tensors on 4 ranks, byte for byte/);
    expect(differences(readFolder(at('out')), readFolder(at('hf')))).toEqual([]);
    // The same weights are proved against the first checkpoint too: it is another layout of them.
    expect(shardloom('verify', at('a'), at('out')).stdout).toContain('on 8 ranks, byte for byte');
  });

  test('a result that is not the checkpoint’s: which tensors, by how much, and exit code 3', () => {
    shardloom('shard', at('hf'), at('a'), '--tp', '2', '--quiet');
    shardloom('consolidate', at('a'), at('out'), '--quiet');
    const file = at('out/model.safetensors');
    const content = fs.readFileSync(file);
    content[content.length - 2]! ^= 0x10;
    fs.writeFileSync(file, content);
    const { code, stdout } = shardloom('verify', at('a'), at('out'));
    expect(code).toBe(3);
    expect(stdout).toMatch(/2 of \d+ tensors on 2 ranks differ/);
    expect(stdout).toMatch(/TP rank 1, pipeline rank 0: 1 element by at most/);
    const { roundTrip } = JSON.parse(shardloom('verify', at('a'), at('out'), '--json').stdout) as {
      roundTrip: { different: unknown[] };
    };
    // The norm that was changed stands on both ranks.
    expect(roundTrip.different).toHaveLength(2);
  });

  test('what cannot be is refused with what can', () => {
    const heads = shardloom('shard', at('hf'), at('a'), '--tp', '3');
    expect(heads).toMatchObject({ code: 3, stdout: '' });
    expect(heads.stderr).toContain('8 attention heads cannot be split over TP 3.');
    expect(heads.stderr).toContain('TP 2 or 4');
    expect(shardloom('shard', at('hf'), at('a'), '--tp', 'two').code).toBe(2);
    expect(shardloom('shard', at('hf'), at('a')).code).toBe(2);
    shardloom('shard', at('hf'), at('a'), '--tp', '2', '--quiet');
    const again = shardloom('shard', at('hf'), at('a'), '--tp', '2');
    expect(again.code).not.toBe(0);
    expect(again.stderr).toContain('--force');
    expect(shardloom('consolidate', at('a'), at('out'), '--verify', '--dtype', 'bfloat16').code).toBe(2);
  });
});
