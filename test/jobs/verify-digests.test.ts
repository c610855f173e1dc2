import fs from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { consolidate } from '../../src-core/jobs/consolidate.ts';
import { verifyDigests } from '../../src-core/jobs/verify-digests.ts';
import { openCheckpoint } from '../../src-core/models/open-checkpoint.ts';
import { makeSample } from '../../src-core/sample/sample.ts';
import { shardloom } from '../support/cli.ts';
import { fixturePath, folderForAll, temporaryFolder } from '../support/folders.ts';
import { rejection } from '../support/rejection.ts';
import { editJson, patchFile } from '../support/shards.ts';

const SMALL = { hiddenSize: 64, intermediateSize: 96, numAttentionHeads: 8, numKeyValueHeads: 4, vocabSize: 64 };
const made = folderForAll();
let checkpoint: string;

beforeAll(async () => {
  const config = { ...SMALL, numHiddenLayers: 2 };
  ({ checkpoint } = await makeSample(path.join(made, 's'), { config, tensorParallelSize: 4 }));
});

async function result(options: Parameters<typeof consolidate>[2] = {}): Promise<string> {
  const out = path.join(temporaryFolder(), 'out');
  await consolidate(openCheckpoint(checkpoint), out, { workers: 0, ...options });
  return out;
}

describe('digests of a result', () => {
  test.each([
    ['safetensors, xxh64', {}],
    ['several files', { maxShardBytes: 60_000 }],
    ['pytorch, sha256', { format: 'pytorch', digest: 'sha256' }],
    ['converted', { dtype: 'F32' }],
  ] as const)('fit what was written: %s', async (_, options) => {
    const check = await verifyDigests(await result(options), { workers: 0 });
    expect(check).toMatchObject({ tensors: 21, different: [] });
    expect(check.bytes).toBeGreaterThan(100_000);
  });

  test('name the tensor of which one bit has changed', async () => {
    const out = await result();
    const file = path.join(out, 'model.safetensors');
    const { size } = fs.statSync(file);
    patchFile(file, size - 1, Uint8Array.of(fs.readFileSync(file).at(-1) ^ 1));
    const last = Object.keys(
      (JSON.parse(fs.readFileSync(path.join(out, 'shardloom.json'), 'utf8')) as { files: [{ tensors: object }] })
        .files[0].tensors,
    ).at(-1);
    expect((await verifyDigests(out, { workers: 0 })).different).toEqual([{ file, tensor: last, what: 'other bytes' }]);
    const { code, stdout } = shardloom('verify', out);
    expect(code).toBe(3);
    expect(stdout).toContain(`${last}: other bytes`);
  });

  test('name what is missing, not recorded, or of another shape', async () => {
    const out = await result();
    editJson(path.join(out, 'shardloom.json'), (document) => {
      const { tensors } = (document as { files: [{ tensors: Record<string, { shape: number[] }> }] }).files[0];
      tensors['model.extra'] = { ...tensors['model.norm.weight']! };
      tensors['lm_head.weight']!.shape = [64, 63];
      delete tensors['model.embed_tokens.weight'];
    });
    const { different } = await verifyDigests(out, { workers: 0 });
    expect(different.map(({ tensor, what }) => `${tensor}: ${what}`).sort()).toEqual([
      'lm_head.weight: another dtype or shape',
      'model.embed_tokens.weight: not recorded',
      'model.extra: missing',
    ]);
  });

  test('are refused where there are none, or where shardloom.json leads elsewhere', async () => {
    const out = await result();
    const file = path.join(out, 'shardloom.json');
    editJson(file, (document) => {
      (document as { files: [{ path: string }] }).files[0].path = '../model.safetensors';
    });
    expect(await rejection(verifyDigests(out))).toMatchObject({ tag: 'bad-metadata', found: '../model.safetensors' });
    fs.writeFileSync(file, '{"format": 2}');
    expect(await rejection(verifyDigests(out))).toMatchObject({ tag: 'bad-metadata', file });
    fs.rmSync(file);
    expect(await rejection(verifyDigests(out))).toMatchObject({ tag: 'missing-file', file });
    expect(shardloom('verify', out).code).toBe(2);
  });
});

describe('digests of two adapters in one folder', () => {
  test('are told apart', async () => {
    const out = path.join(temporaryFolder(), 'out');
    await consolidate(openCheckpoint(fixturePath('lora-tp2-two-adapters', 'checkpoint')), out, { workers: 0 });
    expect(await verifyDigests(out, { workers: 0 })).toMatchObject({ files: 2, different: [] });
  });
});
