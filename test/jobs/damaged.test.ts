import fs from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { openCheckpoint } from '../../src-core/models/open-checkpoint.ts';
import { isShardloomError, type ErrorTag, type ShardloomError } from '../../src-core/errors.ts';
import { executePlan } from '../../src-core/execute/execute.ts';
import { consolidate, type ConsolidateOptions, type ConsolidateResult } from '../../src-core/jobs/consolidate.ts';
import { makeSample } from '../../src-core/sample/sample.ts';
import type { StoredTensor } from '../../src-core/tensor/stored.ts';
import { folderForAll, snapshot, temporaryFolder } from '../support/folders.ts';
import { editJson, patchFile, saveStateDict } from '../support/shards.ts';
import { differences, readFolder, readWeights } from '../support/weights.ts';

const SMALL = { hiddenSize: 64, intermediateSize: 96, numAttentionHeads: 8, numKeyValueHeads: 4, vocabSize: 64 };
const made = folderForAll();

/** Whole checkpoints, made once and copied for each test: TP 8 plain, TP 2 x PP 2 xser. */
beforeAll(async () => {
  const config = { ...SMALL, numHiddenLayers: 2 };
  await makeSample(path.join(made, 'plain'), { config, tensorParallelSize: 8 });
  const xser = { tensorParallelSize: 2, pipelineParallelSize: 2, xser: true };
  await makeSample(path.join(made, 'xser'), { config, ...xser });
});

function copyOf(kind: 'plain' | 'xser'): string {
  const folder = path.join(temporaryFolder(), 'checkpoint');
  fs.cpSync(path.join(made, kind, 'checkpoint'), folder, { recursive: true, preserveTimestamps: true });
  return folder;
}

function rankFile(folder: string, tp: number, pp = 0): string {
  return path.join(folder, `shards/model/dp_rank_00_tp_rank_0${tp}_pp_rank_0${pp}.pt`);
}

function metadataFile(folder: string, pp = 0): string {
  return path.join(folder, `shards/mp_metadata_pp_rank_${pp}.json`);
}

/** Where a rank's tensor lies. */
function stored(folder: string, name: string, tp: number, pp = 0): StoredTensor {
  return openCheckpoint(folder).model!.stages[pp]!.tensors.get(name)![tp]!;
}

/** Consolidation must fail with this error, leave nothing behind and touch nothing. */
async function fails(folder: string, tag: ErrorTag, options: ConsolidateOptions = {}): Promise<ShardloomError> {
  const out = path.join(path.dirname(folder), 'deep', 'out');
  const before = snapshot(folder);
  const caught = await consolidate(openCheckpoint(folder), out, options).then(
    () => new Error('nothing failed'),
    (error: unknown) => error,
  );
  if (!isShardloomError(caught)) throw caught as Error;
  expect(caught.tag, caught.message).toBe(tag);
  expect(fs.existsSync(path.dirname(out))).toBe(false);
  expect(snapshot(folder)).toEqual(before);
  return caught;
}

async function succeeds(folder: string, options: ConsolidateOptions = {}): Promise<ConsolidateResult> {
  return consolidate(openCheckpoint(folder), path.join(path.dirname(folder), 'out'), options);
}

describe('a checkpoint that is not whole is refused, and the error says what to fetch', () => {
  test('missing rank', async () => {
    const folder = copyOf('plain');
    fs.rmSync(rankFile(folder, 5));
    const error = await fails(folder, 'missing-rank');
    expect(error.what).toBe('Shard for TP rank 5 is missing.');
    expect(error.expected).toBe('dp_rank_00_tp_rank_05_pp_rank_00.pt in model');
    expect(error.file).toBe(rankFile(folder, 5));
  });

  test('missing last ranks, which no other file name gives away', async () => {
    const folder = copyOf('plain');
    fs.rmSync(rankFile(folder, 6));
    fs.rmSync(rankFile(folder, 7));
    const error = await fails(folder, 'missing-rank');
    expect(error.message).toMatch(/TP rank 6 is missing. \(1 more problems/);
  });

  test('all rank files missing', async () => {
    const folder = copyOf('plain');
    fs.rmSync(path.join(folder, 'shards/model'), { recursive: true });
    await fails(folder, 'missing-rank');
  });

  test('missing tensor file', async () => {
    const folder = copyOf('xser');
    fs.rmSync(`${rankFile(folder, 1, 1)}.tensors/tensor_3.pt`);
    const error = await fails(folder, 'missing-file');
    expect(error.message).toMatch(/TP rank 1, pipeline rank 1 lacks 1 of its \d+ tensor files/);
    expect(error.expected).toMatch(/tensor_3\.pt \(model\.layers\.1\./);
  });

  test('a rank without any tensor file, as avoid_saving_lower_precision_weights leaves it', async () => {
    const folder = copyOf('xser');
    fs.rmSync(`${rankFile(folder, 0)}.tensors`, { recursive: true });
    fs.mkdirSync(`${rankFile(folder, 0)}.tensors`);
    const error = await fails(folder, 'missing-file');
    expect(error.advice).toMatch(/avoid_saving_lower_precision_weights/);
  });

  test('the whole tensor folder missing', async () => {
    const folder = copyOf('xser');
    fs.rmSync(`${rankFile(folder, 0)}.tensors`, { recursive: true });
    const error = await fails(folder, 'missing-file');
    expect(error.file).toBe(`${rankFile(folder, 0)}.tensors`);
  });

  test.each([0.999, 0.5, 0.01, 0])('rank file cut to %s of its length', async (share) => {
    const folder = copyOf('plain');
    const file = rankFile(folder, 3);
    fs.truncateSync(file, Math.floor(fs.statSync(file).size * share));
    const error = await fails(folder, 'cut-file');
    expect(error.file).toBe(file);
  });

  test('cut tensor file', async () => {
    const folder = copyOf('xser');
    const file = `${rankFile(folder, 0)}.tensors/tensor_1.pt`;
    fs.truncateSync(file, 700);
    expect((await fails(folder, 'cut-file')).file).toBe(file);
  });

  test('metadata that is cut', async () => {
    const folder = copyOf('plain');
    fs.truncateSync(metadataFile(folder), 500);
    const error = await fails(folder, 'bad-metadata');
    expect(error.file).toBe(metadataFile(folder));
  });

  test('metadata that is missing', async () => {
    const folder = copyOf('xser');
    fs.rmSync(metadataFile(folder, 0));
    expect((await fails(folder, 'missing-file')).file).toBe(metadataFile(folder, 0));
  });
});

describe('parts that do not fit together are refused', () => {
  test('a tensor of another shape on one rank', async () => {
    const folder = copyOf('plain');
    const weights = readWeights(rankFile(folder, 2));
    weights.set('model.norm.weight', { dtype: 'BF16', shape: [32], bytes: Buffer.alloc(64) });
    saveStateDict(rankFile(folder, 2), weights as never);
    const error = await fails(folder, 'shape-mismatch');
    expect(error).toMatchObject({ file: rankFile(folder, 2), tensor: 'model.norm.weight', found: '32' });
    expect(error.expected).toBe('64, as on rank 0');
  });

  test('a tensor of another length along its split axis on one rank', async () => {
    const folder = copyOf('plain');
    const weights = readWeights(rankFile(folder, 2));
    weights.set('lm_head.weight', { dtype: 'BF16', shape: [4, 64], bytes: Buffer.alloc(512) });
    saveStateDict(rankFile(folder, 2), weights as never);
    expect(await fails(folder, 'shape-mismatch')).toMatchObject({
      file: rankFile(folder, 2),
      tensor: 'lm_head.weight',
    });
  });

  test('a tensor of another dtype on one rank', async () => {
    const folder = copyOf('plain');
    const weights = readWeights(rankFile(folder, 4));
    weights.set('model.norm.weight', { dtype: 'F16', shape: [64], bytes: Buffer.alloc(128) });
    saveStateDict(rankFile(folder, 4), weights as never);
    const error = await fails(folder, 'dtype-mismatch');
    expect(error).toMatchObject({ file: rankFile(folder, 4), found: 'F16', expected: 'BF16, as on rank 0' });
  });

  test('a tensor that one rank lacks', async () => {
    const folder = copyOf('plain');
    const weights = readWeights(rankFile(folder, 4));
    weights.delete('model.norm.weight');
    saveStateDict(rankFile(folder, 4), weights as never);
    const error = await fails(folder, 'missing-tensor');
    expect(error.what).toMatch(/TP rank 4/);
    expect(error.tensor).toBe('model.norm.weight');
  });

  test('a spec that this version does not know', async () => {
    const folder = copyOf('plain');
    fs.writeFileSync(
      metadataFile(folder),
      fs.readFileSync(metadataFile(folder), 'utf8').replace('FusedLinearsSpec', 'NewSpec'),
    );
    const error = await fails(folder, 'unknown-spec');
    expect(error).toMatchObject({ found: 'NewSpec', file: metadataFile(folder), tensor: 'model.layers.0.mlp' });
  });

  test('a spec with a missing field: file, module and field are named', async () => {
    const folder = copyOf('plain');
    fs.writeFileSync(
      metadataFile(folder),
      fs.readFileSync(metadataFile(folder), 'utf8').replace('original_dims', 'dims'),
    );
    const error = await fails(folder, 'bad-metadata');
    expect(error).toMatchObject({ file: metadataFile(folder), tensor: 'model.layers.0.mlp: original_dims' });
  });

  test('another tensor parallel size in trn_config.json', async () => {
    const folder = copyOf('plain');
    editJson(path.join(folder, 'trn_config.json'), (config: { tensor_parallel_size: number }) => {
      config.tensor_parallel_size = 4;
    });
    expect((await fails(folder, 'parallel-size-mismatch')).message).toMatch(
      /4 \(tensor_parallel_size in trn_config.json\)/,
    );
  });

  test.each(['num_partitions', 'tp_size'])('another %s in the metadata', async (field) => {
    const folder = copyOf('plain');
    const text = fs.readFileSync(metadataFile(folder), 'utf8');
    fs.writeFileSync(metadataFile(folder), text.replace(`"${field}": 8`, `"${field}": 16`));
    expect((await fails(folder, 'parallel-size-mismatch')).message).toContain(field);
  });

  test('more ranks than the run had', async () => {
    const folder = copyOf('plain');
    fs.copyFileSync(rankFile(folder, 0), rankFile(folder, 9));
    await fails(folder, 'parallel-size-mismatch');
  });

  test('two stages with different copies of one parameter (the reference keeps the last)', async () => {
    const folder = copyOf('xser');
    const weights = { 0: 1, 1: 2 } as const;
    for (const [pp, fill] of Object.entries(weights)) {
      for (const tp of [0, 1]) {
        const tensor = { dtype: 'BF16' as const, shape: [4], bytes: Buffer.alloc(8, fill) };
        saveStateDict(rankFile(folder, tp, Number(pp)), new Map([['model.tied.weight', tensor]]));
        fs.rmSync(`${rankFile(folder, tp, Number(pp))}.tensors`, { recursive: true });
      }
      editJson(
        metadataFile(folder, Number(pp)),
        (document: { parameters: object; model_weight_transformation_specs: unknown[] }) => {
          document.parameters = { 'model.tied.weight': { tensor_model_parallel: false } };
          document.model_weight_transformation_specs = [];
        },
      );
    }
    const error = await fails(folder, 'stage-conflict');
    expect(error).toMatchObject({ tensor: 'model.tied.weight' });
    expect(error.found).toContain('pipeline stage 1');
  });

  test('a parameter that no metadata describes and that differs between ranks (the reference drops it)', async () => {
    const folder = copyOf('plain');
    for (let tp = 0; tp < 8; tp++) {
      const weights = readWeights(rankFile(folder, tp));
      weights.set('model.extra.weight', { dtype: 'BF16', shape: [4], bytes: Buffer.alloc(8, tp) });
      saveStateDict(rankFile(folder, tp), weights as never);
    }
    expect((await fails(folder, 'not-described')).tensor).toBe('model.extra.weight');
  });
});

describe('what is wrong but does not stop the consolidation is told', () => {
  test('no done mark', async () => {
    const folder = copyOf('plain');
    fs.rmSync(path.join(folder, 'shards/done'));
    const { findings } = await succeeds(folder);
    expect(findings.map(({ severity, tag }) => `${severity} ${tag}`)).toEqual(['warning interrupted-save']);
  });

  test('a copy that differs: parameter, ranks and largest difference; the output is rank 0’s', async () => {
    const folder = copyOf('plain');
    const name = 'model.layers.1.input_layernorm.weight';
    for (const rank of [5, 7]) {
      const { file, byteOffset } = stored(folder, name, rank);
      patchFile(file, byteOffset + 6, Uint8Array.of(0x80, rank === 5 ? 0x3f : 0x40));
    }
    const { out, findings, replicas } = await succeeds(folder);
    expect(replicas.different).toBe(2);
    expect(findings).toHaveLength(1);
    expect(findings[0]).toMatchObject({ severity: 'warning', tag: 'replicas-differ', tensor: name });
    expect(findings[0]!.what).toContain('on TP rank 5, 7');
    expect(findings[0]!.found).toMatch(/^2 elements differ, by at most (3\.9\d+|4|4\.0\d+) \(rank 5, rank 7/);
    expect(differences(readFolder(out), readFolder(path.join(made, 'plain/original')))).toEqual([]);
  });

  test('a KV replica that differs names the rank that holds it', async () => {
    const folder = copyOf('plain');
    const { file, byteOffset } = stored(folder, 'model.layers.1.self_attn.qkv_proj.weight_v', 6);
    patchFile(file, byteOffset + 100, Uint8Array.of(1, 2, 3, 4));
    const { findings } = await succeeds(folder);
    expect(findings.map(({ tag, tensor }) => [tag, tensor])).toEqual([
      ['replicas-differ', 'model.layers.1.self_attn.v_proj.weight'],
    ]);
    expect(findings[0]!.what).toContain('TP rank 6.');
    expect(findings[0]!.file).toBe(rankFile(folder, 6));
  });

  test('NaN and Inf are counted', async () => {
    const folder = copyOf('plain');
    const { file, byteOffset } = stored(folder, 'lm_head.weight', 3);
    patchFile(file, byteOffset, Uint8Array.of(0xc0, 0x7f, 0x80, 0x7f, 0x80, 0xff));
    const { findings } = await succeeds(folder);
    expect(findings).toMatchObject([{ tag: 'non-finite', tensor: 'lm_head.weight', found: '1 NaN, 2 Inf' }]);
  });

  test('values that the output dtype cannot hold', async () => {
    const folder = copyOf('plain');
    const { file, byteOffset } = stored(folder, 'lm_head.weight', 3);
    patchFile(file, byteOffset, Uint8Array.of(0x80, 0x7e));
    const { findings } = await succeeds(folder, { dtype: 'F16' });
    expect(findings).toMatchObject([{ tag: 'non-finite', found: '1 values' }]);
  });

  test('a parameter that no metadata describes but that is equal on all ranks is kept', async () => {
    const folder = copyOf('plain');
    for (let tp = 0; tp < 8; tp++) {
      const weights = readWeights(rankFile(folder, tp));
      weights.set('model.extra.weight', { dtype: 'BF16', shape: [4], bytes: Buffer.alloc(8, 9) });
      saveStateDict(rankFile(folder, tp), weights as never);
    }
    const { out } = await succeeds(folder);
    expect(readFolder(out).get('model.extra.weight')!.bytes).toEqual(Buffer.alloc(8, 9));
  });
});

describe('the output folder', () => {
  test('cancelling leaves nothing, not even the folders above', async () => {
    for (const workers of [0, 2]) {
      const controller = new AbortController();
      controller.abort();
      await fails(copyOf('plain'), 'cancelled', { workers, signal: controller.signal });
    }
  });

  test('a file that changes while it is read is noticed', async () => {
    const folder = copyOf('plain');
    const out = path.join(path.dirname(folder), 'out');
    const onProgress = (): void => {
      fs.utimesSync(rankFile(folder, 1), new Date(), new Date());
    };
    await expect(consolidate(openCheckpoint(folder), out, { onProgress, workers: 0 })).rejects.toMatchObject({
      tag: 'source-changed',
      file: rankFile(folder, 1),
    });
    expect(fs.existsSync(out)).toBe(false);
  });

  test('what is there is kept, unless replacing is asked for', async () => {
    const folder = copyOf('plain');
    const { out } = await succeeds(folder);
    fs.writeFileSync(path.join(out, 'notes.txt'), 'mine');
    const before = snapshot(out);
    await expect(succeeds(folder)).rejects.toMatchObject({ tag: 'output-exists' });
    expect(snapshot(out)).toEqual(before);
    await succeeds(folder, { replace: true, dtype: 'F32' });
    expect(fs.readFileSync(path.join(out, 'notes.txt'), 'utf8')).toBe('mine');
    expect(readFolder(out).get('lm_head.weight')!.dtype).toBe('F32');
  });

  test('other weights in the folder are never mixed with new ones', async () => {
    const folder = copyOf('plain');
    const out = path.join(path.dirname(folder), 'out');
    fs.mkdirSync(out);
    fs.writeFileSync(path.join(out, 'model-00001-of-00002.safetensors'), '');
    await expect(succeeds(folder, { replace: true })).rejects.toMatchObject({ tag: 'output-exists' });
    expect(fs.readdirSync(out)).toEqual(['model-00001-of-00002.safetensors']);
  });

  test('another run that is writing is left alone; what a killed one left is taken over', async () => {
    const folder = copyOf('plain');
    const staging = path.join(path.dirname(folder), 'out', '.shardloom-partial');
    fs.mkdirSync(staging, { recursive: true });
    const owner = path.join(staging, 'owner.json');
    const { hostname } = await import('node:os');
    fs.writeFileSync(owner, JSON.stringify({ pid: process.pid, host: hostname() }));
    await expect(succeeds(folder)).rejects.toMatchObject({ tag: 'output-busy' });
    fs.writeFileSync(owner, JSON.stringify({ pid: 2 ** 22 + 1, host: hostname() }));
    const { out } = await succeeds(folder);
    expect(fs.existsSync(staging)).toBe(false);
    expect(readFolder(out).size).toBeGreaterThan(0);
  });

  test('cannot be the checkpoint itself or inside its shards', async () => {
    const folder = copyOf('plain');
    for (const out of [folder, path.join(folder, 'shards'), path.join(folder, 'shards/out')]) {
      const before = snapshot(folder);
      await expect(consolidate(openCheckpoint(folder), out)).rejects.toMatchObject({ tag: 'usage' });
      expect(snapshot(folder)).toEqual(before);
    }
  });

  test('too little space is noticed before anything is written', async () => {
    const out = path.join(temporaryFolder(), 'out');
    const huge = { path: 'model.safetensors', format: 'safetensors' as const, size: 2 ** 52, pieces: [], tensors: [] };
    const plan = { files: [], sources: [], outputs: [huge], texts: [], sidecars: [] };
    await expect(executePlan(plan, out)).rejects.toMatchObject({ tag: 'no-space' });
    expect(fs.existsSync(out)).toBe(false);
  });
});
