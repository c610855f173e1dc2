import { describe, expect, test } from 'vitest';
import { layersOfStages } from '../../src-core/models/decoder.ts';
import { createParameterMetadata } from '../../src-core/models/description.ts';
import { describeModel } from '../../src-core/models/family.ts';

const SIZES = {
  hiddenSize: 32,
  intermediateSize: 48,
  numAttentionHeads: 8,
  numKeyValueHeads: 2,
  numHiddenLayers: 4,
  vocabSize: 24,
};

const parallel = (pipelineParallelSize: number, virtualPipelineParallelSize = 1, tensorParallelSize = 4) => {
  return { tensorParallelSize, pipelineParallelSize, virtualPipelineParallelSize, fuseQkv: false };
};

describe('layers over pipeline stages, as create_partitions of NxD cuts them', () => {
  test.each([
    [4, 1, [[0, 1, 2, 3]]],
    [
      4,
      2,
      [
        [0, 1],
        [2, 3],
      ],
    ],
    [3, 2, [[0], [1, 2]]],
    [4, 3, [[0], [1], [2, 3]]],
    [
      10,
      4,
      [
        [0, 1],
        [2, 3],
        [4, 5, 6],
        [7, 8, 9],
      ],
    ],
  ])('%i over %i: what does not divide goes to the last', (layers, pp, stages) => {
    expect(layersOfStages(layers, parallel(pp))).toEqual(stages);
  });

  test.each([
    [
      8,
      2,
      2,
      [
        [0, 1, 4, 5],
        [2, 3, 6, 7],
      ],
    ],
    [
      10,
      2,
      2,
      [
        [0, 1, 4, 5, 6],
        [2, 3, 7, 8, 9],
      ],
    ],
    [
      7,
      3,
      2,
      [
        [0, 3],
        [1, 4],
        [2, 5, 6],
      ],
    ],
  ])('%i over %i with %i virtual stages each: chunk s is on stage s mod pp', (layers, pp, virtual, stages) => {
    expect(layersOfStages(layers, parallel(pp, virtual))).toEqual(stages);
  });

  test('embeddings are on the first stage, final norm and output head on the last, whatever the chunks', () => {
    const { stages } = describeModel('llama', SIZES, parallel(2, 2));
    const names = stages.map(({ parameters }) => [...parameters.keys()].filter((name) => !name.includes('.layers.')));
    expect(names).toEqual([['model.embed_tokens.weight'], ['model.norm.weight', 'lm_head.weight']]);
  });

  test.each([
    [parallel(5), /4 layers cannot be spread over 5 pipeline stages/],
    [parallel(2, 3), /4 layers cannot be spread over 6 chunks/],
    [parallel(1, 2), /Virtual pipeline stages need pipeline stages/],
  ])('sizes that do not fit are refused: %o', (sizes, text) => {
    expect(() => describeModel('llama', SIZES, sizes)).toThrow(text);
  });
});

describe('Granite', () => {
  test('has embeddings and output head whole on every rank, so that any vocabulary fits', () => {
    const { stages } = describeModel('granite', { ...SIZES, vocabSize: 23 }, parallel(1));
    for (const name of ['model.embed_tokens.weight', 'lm_head.weight']) {
      expect(stages[0]!.parameters.get(name)).toEqual({ tensorModelParallel: false });
    }
    expect(() => describeModel('llama', { ...SIZES, vocabSize: 23 }, parallel(1))).toThrow(/23 rows of the vocabulary/);
  });

  test('has no pipeline stages', () => {
    expect(() => describeModel('granite', SIZES, parallel(2))).toThrow(/no pipeline stages for models of type granite/);
  });
});

test('tied embeddings: the output head is held and cut as the embedding, and the metadata names the embedding alone', () => {
  const { stages } = describeModel('llama', { ...SIZES, tieWordEmbeddings: true }, parallel(1));
  const [stage] = stages;
  expect(stage!.originalParameters.has('lm_head.weight')).toBe(false);
  expect(stage!.parameters.get('lm_head.weight')).toEqual(stage!.parameters.get('model.embed_tokens.weight'));
  const { parameters } = createParameterMetadata(stage!) as { parameters: Record<string, unknown> };
  expect(Object.keys(parameters)).toContain('model.embed_tokens.weight');
  expect(Object.keys(parameters)).not.toContain('lm_head.weight');
});
