import { beforeAll, describe, expect, test } from 'vitest';
import path from 'node:path';
import { openCheckpoint } from '../../src-core/models/open-checkpoint.ts';
import { isShardloomError } from '../../src-core/errors.ts';
import { parameterDetail } from '../../src-core/inspect/parameter-detail.ts';
import { parameterRows, type ParameterRow } from '../../src-core/inspect/parameters.ts';
import { partsOf, type CheckpointPart } from '../../src-core/inspect/parts.ts';
import { makeSample } from '../../src-core/sample/sample.ts';
import { elementCount } from '../../src-core/tensor/shape.ts';
import { fixtureNames, fixturePath, temporaryFolder } from '../support/folders.ts';

const CONFIG = {
  hiddenSize: 64,
  intermediateSize: 96,
  numAttentionHeads: 8,
  numKeyValueHeads: 4,
  numHiddenLayers: 12,
  vocabSize: 64,
};

async function sampleParts(pipelineParallelSize = 1): Promise<CheckpointPart[]> {
  const folder = path.join(temporaryFolder(), 'sample');
  const options = { config: CONFIG, tensorParallelSize: 8, pipelineParallelSize, workers: 0 };
  const { checkpoint } = await makeSample(folder, options);
  return partsOf(openCheckpoint(checkpoint));
}

const short = ({ name, transformation, spec, dim, ranks, copies, stage }: ParameterRow): unknown[] => [
  name.replace('model.layers.', ''),
  transformation,
  spec,
  dim,
  ranks,
  copies,
  stage,
];

describe('the mapping table', () => {
  let parts: CheckpointPart[];
  beforeAll(async () => {
    parts = await sampleParts(2);
  });

  test('says of each original parameter what it is made from and how', () => {
    const rows = parameterRows(parts).filter(({ name }) => !/layers\.(?!7\.)/.test(name));
    expect(rows.map(short)).toEqual([
      ['model.embed_tokens.weight', 'joined', null, 0, 8, 0, 0],
      ['7.self_attn.q_proj.weight', 'query heads reordered', 'GQAQKVColumnParallelLinearSpec', 0, 8, 0, 1],
      ['7.self_attn.k_proj.weight', 'KV replica taken', 'GQAQKVColumnParallelLinearSpec', 0, 4, 1, 1],
      ['7.self_attn.v_proj.weight', 'KV replica taken', 'GQAQKVColumnParallelLinearSpec', 0, 4, 1, 1],
      ['7.self_attn.o_proj.weight', 'query heads reordered', 'GQAQKVColumnParallelLinearSpec', 1, 8, 0, 1],
      ['7.mlp.gate_proj.weight', 'unfused', 'FusedLinearsSpec', 0, 8, 0, 1],
      ['7.mlp.up_proj.weight', 'unfused', 'FusedLinearsSpec', 0, 8, 0, 1],
      ['7.mlp.down_proj.weight', 'joined', null, 1, 8, 0, 1],
      ['7.input_layernorm.weight', 'copied', null, null, 1, 7, 1],
      ['7.post_attention_layernorm.weight', 'copied', null, null, 1, 7, 1],
      ['model.norm.weight', 'copied', null, null, 1, 7, 1],
      ['lm_head.weight', 'joined', null, 0, 8, 0, 1],
    ]);
  });

  test('keeps the order of the model: layer 10 after layer 9', () => {
    const layers = parameterRows(parts).flatMap(({ name }) => /layers\.(\d+)\./.exec(name)?.[1] ?? []);
    expect([...new Set(layers)].map(Number)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
  });

  test('the boxes of a parameter fill it, and each source is one that is listed', () => {
    for (const { part, name, shape, copies } of parameterRows(parts)) {
      const detail = parameterDetail(parts, part, name);
      const filled = detail.regions.reduce((sum, { size }) => sum + elementCount(size), 0);
      expect(filled, name).toBe(elementCount(shape));
      expect(detail.regions.every(({ source }) => detail.sources[source] !== undefined)).toBe(true);
      expect(detail.sources.map(({ rank }) => rank!.tp)).toEqual(
        detail.sources.map(({ rank }) => rank!.tp).toSorted((a, b) => a - b),
      );
      expect(detail.copies).toHaveLength(copies);
    }
  });

  test('says in words what was done', () => {
    const words = (name: string): string => parameterDetail(parts, 'model', name).words.join(' ');
    expect(words('model.layers.3.mlp.up_proj.weight')).toBe(
      'gate_proj and up_proj are fused into model.layers.3.mlp.gate_up_proj.weight: each rank holds its part of each, one behind the other. The parts of this one are cut out and joined along dim 0 in the order of the ranks.',
    );
    expect(words('model.layers.3.self_attn.k_proj.weight')).toMatch(/4 KV heads stand in 2 copies.*1 other copy/);
    expect(words('model.layers.3.self_attn.o_proj.weight')).toMatch(/8 query heads.*order along dim 1/);
    expect(words('model.norm.weight')).toMatch(/whole parameter.*7 other copies in the checkpoint should be equal/);
    expect(words('lm_head.weight')).toMatch(/split along dim 0 over 8 ranks/);
  });

  test('a parameter that is not there is refused by name', () => {
    try {
      parameterDetail(parts, 'model', 'model.nothing');
      expect.unreachable();
    } catch (error) {
      expect(isShardloomError(error, 'usage') && error.tensor).toBe('model.nothing');
    }
  });
});

test.each(fixtureNames())('%s: every parameter has a row, words and sources', (name) => {
  const parts = partsOf(openCheckpoint(fixturePath(name, 'checkpoint')));
  const rows = parameterRows(parts);
  expect(rows.length).toBe(parts.reduce((sum, { weights }) => sum + weights!.size, 0));
  for (const row of rows) {
    const detail = parameterDetail(parts, row.part, row.name);
    expect(detail.words.length).toBeGreaterThan(0);
    expect(detail.words.join(' ')).not.toMatch(/undefined|NaN/);
    expect(detail.sources.length).toBeGreaterThan(0);
    expect(detail.spec?.name ?? null).toBe(row.spec);
  }
});
