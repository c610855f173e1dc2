import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { ShardloomError } from '../../src-core/errors.ts';
import { diagnose, faultOf } from '../../src-core/jobs/diagnosis.ts';
import {
  BUNDLE_FILES,
  bundleTexts,
  diagnosticsBundle,
  type Diagnostics,
} from '../../src-core/jobs/diagnostics-bundle.ts';
import { pathShortener } from '../../src-core/jobs/shorten-paths.ts';
import { openCheckpoint } from '../../src-core/models/open-checkpoint.ts';
import { makeSample } from '../../src-core/sample/sample.ts';
import { dtypeBytes } from '../../src-core/tensor/dtype.ts';
import { elementCount } from '../../src-core/tensor/shape.ts';
import { temporaryFolder } from '../support/folders.ts';
import { textsOfZip } from '../support/zip.ts';

const PATTERN = Buffer.from('WeightsAreSecret');

async function sample(): Promise<string> {
  const config = { hiddenSize: 64, intermediateSize: 96, numAttentionHeads: 8, numKeyValueHeads: 4, vocabSize: 64 };
  const folder = path.join(temporaryFolder(), 'of anna', 'sample');
  fs.mkdirSync(path.dirname(folder));
  return (await makeSample(folder, { config: { ...config, numHiddenLayers: 2 }, tensorParallelSize: 8 })).checkpoint;
}

/** Every element of every tensor of every rank becomes a piece of the pattern. */
function fillWithPattern(checkpoint: string): void {
  for (const { tensors } of openCheckpoint(checkpoint).model!.stages) {
    for (const { file, byteOffset, dtype, shape } of [...tensors.values()].flat()) {
      const fd = fs.openSync(file, 'r+');
      fs.writeSync(fd, Buffer.alloc(elementCount(shape) * dtypeBytes(dtype), PATTERN), 0, undefined, byteOffset);
      fs.closeSync(fd);
    }
  }
}

const NOTHING: Diagnostics = {
  versions: { shardloom: '1.2.3' },
  diagnosis: null,
  log: null,
  jobs: null,
  fault: null,
  shorten: null,
};

describe('a diagnostics bundle', () => {
  test('tells of files, parameters, plan and findings, and its README of all of its files', async () => {
    const checkpoint = await sample();
    const log = '12:00 started\n';
    const texts = await textsOfZip(
      await diagnosticsBundle({ ...NOTHING, diagnosis: diagnose(checkpoint), log, jobs: [{ state: 'failed' }] }),
    );
    const described = JSON.parse(texts.get('checkpoint.json')!) as {
      summary: unknown;
      parameters: unknown[];
      files: { files: unknown[] };
    };
    expect(described.summary).toMatchObject({ modelType: 'llama', health: 'sound' });
    expect(described.parameters).toHaveLength(21);
    expect(described.parameters[0]).toMatchObject({
      name: 'model.embed_tokens.weight',
      dtype: 'BF16',
      shape: [64, 64],
    });
    const rank = 'shards/model/dp_rank_00_tp_rank_03_pp_rank_00.pt';
    expect(described.files.files).toContainEqual({ path: rank, bytes: fs.statSync(path.join(checkpoint, rank)).size });
    expect(texts.get('plan.txt')).toContain('model.layers.1.mlp.down_proj.weight  BF16 64 × 96  joined');
    expect(texts.get('log.txt')).toBe(log);
    expect(JSON.parse(texts.get('versions.json')!)).toMatchObject({ shardloom: '1.2.3', pathsShortened: false });
    const readme = texts.get('README.txt')!;
    for (const file of texts.keys()) expect(readme).toContain(`  ${file}`);
    expect(readme).not.toContain('error.txt');
  });

  test('never holds a byte of the weights, in whatever form', async () => {
    const checkpoint = await sample();
    fillWithPattern(checkpoint);
    const texts = await textsOfZip(await diagnosticsBundle({ ...NOTHING, diagnosis: diagnose(checkpoint) }));
    expect(texts.get('checkpoint.json')).toContain('"health": "sound"');
    expect(
      fs.readFileSync(path.join(checkpoint, 'shards/model/dp_rank_00_tp_rank_00_pp_rank_00.pt')).includes(PATTERN),
    ).toBe(true);
    const numbers = Array.from({ length: PATTERN.length / 2 }, (_, at) => bfloat16(PATTERN.readUInt16LE(at * 2)));
    const forms = [
      ...[0, 2, 4].map((from) => PATTERN.toString('latin1', from, from + 6)),
      ...[0, 1, 2].map((from) => PATTERN.subarray(from, from + 9).toString('base64')),
      PATTERN.toString('hex', 0, 4),
      ...numbers.map(String),
    ];
    for (const [file, text] of texts) for (const form of forms) expect(text, `${form} in ${file}`).not.toContain(form);
  });

  test('a damaged checkpoint is told of with what is wrong', async () => {
    const checkpoint = await sample();
    fs.rmSync(path.join(checkpoint, 'shards/model/dp_rank_00_tp_rank_05_pp_rank_00.pt'));
    const texts = bundleTexts({ ...NOTHING, diagnosis: diagnose(checkpoint) });
    expect(texts.get('error.txt')).toMatch(/^Shard for TP rank 5 is missing.[^]*\n {2}tag: missing-rank\n$/);
    expect(JSON.parse(texts.get('checkpoint.json')!)).toMatchObject({ summary: { health: 'damaged' } });
    expect(texts.has('plan.txt')).toBe(false);
  });

  test.each([
    ['a folder that holds no checkpoint', '.', 'tag: not-a-checkpoint'],
    ['a folder that is not there', 'nowhere', 'tag: not-a-checkpoint'],
  ])('%s', (_what, folder, expected) => {
    const texts = bundleTexts({ ...NOTHING, diagnosis: diagnose(path.join(temporaryFolder(), folder)) });
    expect(texts.get('error.txt')).toContain(expected);
    expect(JSON.parse(texts.get('checkpoint.json')!)).toMatchObject({ summary: null, files: { files: [] } });
  });

  test('a fault of the program comes with its stack; what the report is about goes before what was found', async () => {
    const diagnosis = diagnose(await sample(), { makePlan: () => JSON.parse('{') as never });
    expect(bundleTexts({ ...NOTHING, diagnosis }).get('error.txt')).toMatch(
      /tag: internal\n\nSyntaxError: .*\n {4}at /,
    );
    const fault = faultOf(new ShardloomError({ tag: 'no-space', what: 'The disk is full.', found: '3 bytes' }));
    expect(bundleTexts({ ...NOTHING, diagnosis, fault }).get('error.txt')).toBe(
      'The disk is full.\n  found: 3 bytes\n  tag: no-space\n',
    );
  });

  test('with shortened paths no beginning of a path and no name of the user is left in any file', async () => {
    const checkpoint = await sample();
    fs.rmSync(path.join(checkpoint, 'shards/model/dp_rank_00_tp_rank_05_pp_rank_00.pt'));
    const out = path.join(path.dirname(checkpoint), 'llama-hf');
    const shorten = pathShortener({
      folders: [
        { folder: checkpoint, role: 'checkpoint' },
        { folder: out, role: 'output' },
        { folder: '/home/anna', role: 'home' },
      ],
      user: 'anna',
    });
    const texts = await textsOfZip(
      await diagnosticsBundle({
        ...NOTHING,
        diagnosis: diagnose(checkpoint),
        log: `job started {"folder":${JSON.stringify(checkpoint)},"out":${JSON.stringify(out)}} by anna\n`,
        jobs: [{ folder: checkpoint, command: `shardloom consolidate '${checkpoint}' '${out}'`, work: { out } }],
        fault: {
          problem: { tag: 'write-failed', what: 'No.', file: path.join(out, 'x') },
          stack: 'at /home/anna/y/z.js',
        },
        shorten,
      }),
    );
    expect([...texts.keys()]).toEqual(Object.keys(BUNDLE_FILES).filter((file) => file !== 'plan.txt'));
    for (const [file, text] of texts) {
      for (const private_ of [checkpoint, path.dirname(checkpoint), path.dirname(path.dirname(checkpoint)), 'anna']) {
        expect(text, file).not.toContain(private_);
      }
    }
    expect(texts.get('checkpoint.json')).toContain('<checkpoint>/shards/model/dp_rank_00_tp_rank_05_pp_rank_00.pt');
    expect(texts.get('jobs.json')).toContain("shardloom consolidate '<checkpoint>' '<output>'");
    expect(texts.get('error.txt')).toContain('file: <output>/x');
  });
});

function bfloat16(bits: number): number {
  const wide = Buffer.alloc(4);
  wide.writeUInt16LE(bits, 2);
  return wide.readFloatLE(0);
}
