import fs from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { parseIndex } from '../../src-core/cli/lineage-command.ts';
import { openCheckpoint } from '../../src-core/models/open-checkpoint.ts';
import { makeSample } from '../../src-core/sample/sample.ts';
import { shardloom } from '../support/cli.ts';
import { folderForAll, temporaryFolder } from '../support/folders.ts';
import { patchFile } from '../support/shards.ts';

const made = folderForAll();
const checkpoint = path.join(made, 's/checkpoint');
const Q = 'model.layers.0.self_attn.q_proj.weight';

beforeAll(async () => {
  const config = { hiddenSize: 64, intermediateSize: 96, numAttentionHeads: 16, numKeyValueHeads: 4, vocabSize: 64 };
  await makeSample(path.join(made, 's'), { config: { ...config, numHiddenLayers: 2 }, tensorParallelSize: 8 });
});

describe('shardloom layout', () => {
  test('says which heads are on which rank, and what it is part of', () => {
    const { code, stdout } = shardloom('layout', checkpoint, 'layers.0.self_attn.q_proj.weight');
    expect(code).toBe(0);
    expect(stdout).toContain(
      'TP rank 5 holds query heads 6–7, which use KV head 1 (replica 2 of 2): rows 24–31 of q_proj.',
    );
    const gate = shardloom('layout', checkpoint, 'model.layers.1.mlp.gate_proj.weight').stdout;
    expect(gate).toContain('TP rank 3 holds rows 36–47 of gate_proj.');
    expect(gate).toContain('beside it: model.layers.1.mlp.up_proj.weight');
    expect(shardloom('layout', checkpoint, 'norm.weight').stdout).toContain('TP rank 7 holds all of norm, a copy');
  });

  test('--json gives the picture as data', () => {
    const { stdout } = shardloom('layout', checkpoint, Q, '--json');
    const document = JSON.parse(stdout) as { blocks: { head: number }[]; heads: { headDim: number } };
    expect(document.blocks).toHaveLength(16);
    expect(document.heads.headDim).toBe(4);
  });

  test('a name that fits several parameters, or none, is refused with those that come near', () => {
    const several = shardloom('layout', checkpoint, 'q_proj.weight');
    expect(several.code).toBe(2);
    expect(several.stderr).toContain(Q);
    const none = shardloom('layout', checkpoint, 'q_prj');
    expect(none.code).toBe(2);
    expect(none.stderr).toMatch(/none of 21 parameters/);
  });
});

describe('shardloom lineage', () => {
  test('gives the place of an element on disk, and from there the element again', () => {
    const { stdout } = shardloom('lineage', checkpoint, Q, '24,5', '--json');
    const { pieces } = JSON.parse(stdout) as {
      pieces: { tensor: { file: string; rank: { tp: number } }; runs: { offset: number; length: number }[] }[];
    };
    expect(pieces).toHaveLength(1);
    expect(pieces[0]!.tensor.rank.tp).toBe(5);
    expect(pieces[0]!.runs).toEqual([{ offset: expect.any(Number) as number, length: 2 }]);
    const back = shardloom(
      'lineage',
      checkpoint,
      '--file',
      pieces[0]!.tensor.file,
      '--offset',
      String(pieces[0]!.runs[0]!.offset),
    );
    expect(back.stdout).toContain(`becomes ${Q}[24, 5]`);
  });

  test('--python prints code with the file and the offset', () => {
    const { stdout } = shardloom('lineage', checkpoint, Q, '24:26', '--python');
    expect(stdout).toContain('np.memmap(');
    expect(stdout).toContain('.view(torch.bfloat16)');
  });

  test.each([
    [[Q, '64'], /inside the parameter/],
    [[Q, 'x'], /not an index/],
    [[Q, '1,2,3'], /not an index/],
    [['--file', 'nowhere.pt', '--offset', '3'], /No tensor/],
    [[], /Nothing to look up/],
  ])('%j is refused', (args, message) => {
    const { code, stderr } = shardloom('lineage', checkpoint, ...args);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });

  test('indices are numbers and half-open ranges', () => {
    expect(parseIndex('3, 1:4', [5, 6])).toEqual({ at: [3, 1], size: [1, 3] });
    expect(parseIndex('', [5, 6])).toEqual({ at: [0, 0], size: [5, 6] });
    expect(parseIndex('[:2]', [5, 6])).toEqual({ at: [0, 0], size: [2, 6] });
    expect(parseIndex('4:', [5])).toEqual({ at: [4], size: [1] });
  });
});

describe('shardloom stats', () => {
  test('of a parameter and of what one rank holds of it', () => {
    const whole = JSON.parse(shardloom('stats', checkpoint, 'lm_head.weight', '--json').stdout) as Record<
      string,
      unknown
    >;
    expect(whole).toMatchObject({ elements: 64 * 64, nan: 0, exact: true, dtype: 'BF16' });
    const part = shardloom('stats', checkpoint, 'lm_head.weight', '--rank', '3', '--json').stdout;
    expect(JSON.parse(part)).toMatchObject({ elements: 8 * 64 });
    const text = shardloom('stats', checkpoint, 'lm_head.weight', '--bins', '4').stdout;
    expect(text).toMatch(/mean +-?0\.\d+ {2}\(exact\)/);
  });

  test.each([
    [['nothing']],
    [['lm_head.weight', '--rank', 'x']],
    [['lm_head.weight', '--rank', '9']],
    [['lm_head.weight', '--bins', '0']],
  ])('%j is refused', (args) => {
    expect(shardloom('stats', checkpoint, ...args).code).toBe(2);
  });
});

describe('shardloom verify --replicas', () => {
  test('a sound checkpoint', () => {
    const { code, stdout } = shardloom('verify', checkpoint, '--replicas');
    expect(code).toBe(0);
    expect(stdout).toMatch(/all 39 copies equal/);
    expect(stdout).toContain('KV heads of model: copies tiled over the ranks');
  });

  test('one whose replicas drifted apart: which, where, by how much, and exit code 3', () => {
    const folder = path.join(temporaryFolder(), 'checkpoint');
    fs.cpSync(checkpoint, folder, { recursive: true });
    const norm = openCheckpoint(folder).model!.stages[0]!.tensors.get('model.norm.weight')![6]!;
    patchFile(norm.file, norm.byteOffset, Uint8Array.from([0, 0x40]));
    const { code, stdout } = shardloom('verify', folder, '--replicas');
    expect(code).toBe(3);
    expect(stdout).toContain('1 of 39 copies differs');
    expect(stdout).toMatch(
      /model\.norm\.weight {2}not parallel, 1 of 7 copies differs\n {2}rank 6, on TP rank 6: 1 element by at most/,
    );
    expect(JSON.parse(shardloom('verify', folder, '--replicas', '--json').stdout)).toMatchObject({ different: 1 });
  });

  test('without saying what to verify', () => {
    expect(shardloom('verify', checkpoint).code).toBe(2);
  });
});
