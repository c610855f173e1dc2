import fs from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { makeSample } from '../../src-core/sample/sample.ts';
import { interrupted, shardloom } from '../support/cli.ts';
import { folderForAll, temporaryFolder } from '../support/folders.ts';
import { differences, readFolder } from '../support/weights.ts';

const made = folderForAll();
const checkpoint = path.join(made, 'small/checkpoint');
const original = path.join(made, 'small/original');

beforeAll(async () => {
  const config = { hiddenSize: 64, intermediateSize: 96, numAttentionHeads: 8, numKeyValueHeads: 4, vocabSize: 64 };
  await makeSample(path.join(made, 'small'), { config: { ...config, numHiddenLayers: 2 }, tensorParallelSize: 8 });
  // Large enough to be caught in the middle.
  await makeSample(path.join(made, 'large'), {
    config: { hiddenSize: 1024, intermediateSize: 2816, vocabSize: 16_384 },
  });
});

describe('shardloom', () => {
  test('--help shows the commands, an example and the exit codes', () => {
    const { code, stdout } = shardloom('--help');
    expect(code).toBe(0);
    for (const text of ['inspect', 'consolidate', 'sample', 'Examples:', 'Exit codes:']) expect(stdout).toContain(text);
  });

  test('without a command it prints the help and fails', () => {
    const { code, stderr } = shardloom();
    expect(code).toBe(2);
    expect(stderr).toContain('Usage: shardloom');
  });

  test.each([
    [['nonsense'], 2],
    [['inspect'], 2],
    [['consolidate', 'a'], 2],
    [['consolidate', checkpoint, 'x', '--format', 'gguf'], 2],
    [['consolidate', checkpoint, 'x', '--max-shard-size', 'big'], 2],
    [['consolidate', checkpoint, 'x', '--workers', '1.5'], 2],
    [['consolidate', checkpoint, 'x', '--band-size', '1'], 2],
    [['shard', checkpoint, 'x', '--tp', '2', '--workers', 'many'], 2],
    [['verify', checkpoint, '--replicas', '--workers', '-1'], 2],
    [['diff', checkpoint, checkpoint, '--workers', '1.5'], 2],
    [['inspect', path.join(made, 'nowhere')], 3],
    [['inspect', original], 3],
  ])('%j ends with %s and says why', (args, expected) => {
    const { code, stderr, stdout } = shardloom(...args);
    expect(code).toBe(expected);
    expect(stderr).toMatch(/error|Usage/);
    expect(stdout).toBe('');
  });
});

describe('shardloom inspect', () => {
  test('says what the checkpoint is', () => {
    const { code, stdout } = shardloom('inspect', checkpoint);
    expect(code).toBe(0);
    for (const text of ['llama', 'bfloat16', 'TP 8 × PP 1', '21 tensors', '8 files (plain)', 'copies tiled', 'sound']) {
      expect(stdout).toContain(text);
    }
  });

  test('--json gives the figures', () => {
    const { stdout } = shardloom('inspect', checkpoint, '--json');
    expect(JSON.parse(stdout)).toMatchObject({
      modelType: 'llama',
      health: 'sound',
      model: { tensorParallelSize: 8, pipelineParallelSize: 1, layers: 2, tensors: 21, dtypes: ['bfloat16'] },
      findings: [],
    });
  });

  test('a damaged checkpoint is shown with what is wrong, and exit code 3', () => {
    const folder = path.join(temporaryFolder(), 'checkpoint');
    fs.cpSync(checkpoint, folder, { recursive: true });
    fs.rmSync(path.join(folder, 'shards/model/dp_rank_00_tp_rank_02_pp_rank_00.pt'));
    const { code, stdout } = shardloom('inspect', folder);
    expect(code).toBe(3);
    expect(stdout).toContain('Shard for TP rank 2 is missing.');
    expect(stdout).toContain('damaged');
  });

  test('control characters in names cannot reach the terminal', () => {
    const folder = path.join(temporaryFolder(), 'bad\u001b[2Jname');
    fs.cpSync(checkpoint, folder, { recursive: true });
    fs.rmSync(path.join(folder, 'shards/mp_metadata_pp_rank_0.json'));
    const { stdout } = shardloom('inspect', folder);
    expect(stdout).not.toContain('\u001b[2J');
    expect(stdout).toContain('\\u001b[2Jname');
  });
});

describe('shardloom consolidate', () => {
  test('writes weights, config and the record, and says how they were checked', () => {
    const out = path.join(temporaryFolder(), 'out');
    const { code, stdout, stderr } = shardloom('consolidate', checkpoint, out);
    expect(code).toBe(0);
    expect(stderr).toBe('');
    expect(stdout).toContain('21 tensors');
    expect(stdout).toContain('copies on other ranks equal what was taken');
    expect(fs.readdirSync(out).sort()).toEqual(['config.json', 'model.safetensors', 'shardloom.json']);
    expect(differences(readFolder(out), readFolder(original))).toEqual([]);
  });

  test('--json gives a document, also for errors', () => {
    const out = path.join(temporaryFolder(), 'out');
    const first = shardloom('consolidate', checkpoint, out, '--json', '--format', 'pytorch', '--digest', 'sha256');
    const document = JSON.parse(first.stdout) as { files: { path: string; tensors: { digest: string }[] }[] };
    expect(document.files[0]!.path).toBe('pytorch_model.bin');
    expect(document.files[0]!.tensors[0]!.digest).toMatch(/^sha256:[0-9a-f]{64}$/);
    const second = shardloom('consolidate', checkpoint, out, '--json', '--format', 'pytorch');
    expect(second.code).toBe(4);
    expect(JSON.parse(second.stdout)).toMatchObject({ error: { tag: 'output-exists' } });
  });

  test('--dtype converts, and config.json says so', () => {
    const out = path.join(temporaryFolder(), 'out');
    expect(shardloom('consolidate', checkpoint, out, '--dtype', 'float32', '--quiet')).toEqual({
      code: 0,
      stdout: '',
      stderr: '',
    });
    expect(JSON.parse(fs.readFileSync(path.join(out, 'config.json'), 'utf8'))).toMatchObject({
      torch_dtype: 'float32',
    });
    const narrow = readFolder(original);
    for (const [name, { dtype, bytes }] of readFolder(out)) {
      expect(dtype).toBe('F32');
      // A bfloat16 is the upper half of a float32.
      const upper = Buffer.from(bytes.filter((_, index) => index % 4 >= 2));
      expect(upper.equals(narrow.get(name)!.bytes), name).toBe(true);
    }
  });

  test('--dry-run prints the plan and writes nothing', () => {
    const out = path.join(temporaryFolder(), 'out');
    const { code, stdout } = shardloom('consolidate', checkpoint, out, '--dry-run');
    expect(code).toBe(0);
    expect(stdout).toContain('model.layers.0.self_attn.q_proj.weight  BF16 64 × 64  query heads reordered');
    expect(stdout).toContain(
      '[0:8, 0:64] <- model.layers.0.self_attn.qkv_proj.weight_q [0:8, 0:64] of TP rank 0, stage 0',
    );
    expect(fs.existsSync(out)).toBe(false);
    const { stdout: json } = shardloom('consolidate', checkpoint, out, '--dry-run', '--json');
    expect(JSON.parse(json)).toMatchObject({ outputs: [{ path: 'model.safetensors', format: 'safetensors' }] });
  });

  test.each(['0', '1'])('Ctrl-C leaves nothing that looks finished, with %s threads', async (workers) => {
    const out = path.join(temporaryFolder(), 'out');
    const folder = path.join(made, 'large/checkpoint');
    const args = ['consolidate', folder, out, '--workers', workers, '--band-size', '64KB'];
    const { code, stderr } = await interrupted(
      args,
      () => fs.existsSync(path.join(out, '.shardloom-partial/model.safetensors')),
      'SIGINT',
    );
    expect(code).toBe(130);
    expect(stderr).toContain('cancelled');
    expect(fs.existsSync(out)).toBe(false);
  });

  test('kill -9 leaves nothing that looks finished, and the next run goes through', async () => {
    const out = path.join(temporaryFolder(), 'out');
    const large = path.join(made, 'large');
    const args = ['consolidate', path.join(large, 'checkpoint'), out, '--workers', '1', '--band-size', '64KB'];
    await interrupted(args, () => fs.existsSync(path.join(out, '.shardloom-partial/model.safetensors')), 'SIGKILL');
    expect(fs.readdirSync(out)).toEqual(['.shardloom-partial']);
    expect(shardloom('consolidate', path.join(large, 'checkpoint'), out).code).toBe(0);
    expect(differences(readFolder(out), readFolder(path.join(large, 'original')))).toEqual([]);
    expect(fs.readdirSync(out).sort()).toEqual(['config.json', 'model.safetensors', 'shardloom.json']);
  });
});

describe('shardloom sample', () => {
  test('makes a checkpoint that consolidates to what it was made from', () => {
    const folder = path.join(temporaryFolder(), 'sample');
    expect(shardloom('sample', folder, '--tp', '4', '--pp', '2', '--xser', '--fuse-qkv').code).toBe(0);
    const out = path.join(folder, 'out');
    expect(shardloom('consolidate', path.join(folder, 'checkpoint'), out).code).toBe(0);
    expect(differences(readFolder(out), readFolder(path.join(folder, 'original')))).toEqual([]);
  });

  test('sizes that do not fit are refused', () => {
    const { code, stderr } = shardloom('sample', path.join(temporaryFolder(), 'sample'), '--tp', '3');
    expect(code).toBe(2);
    expect(stderr).toContain('1, 2, 4, 8, 16');
  });
});
