import { describe, expect, test } from 'vitest';
import {
  adaptStateDict,
  createParameterMetadata,
  CustomModule,
  FusedLinearsSpec,
  getTensorModelParallelAttributes,
  ModelWeightTransformationSpecs,
  specializeTransformationSpecsForModel,
  toOriginalWeights,
  viewOf,
  type ParameterMetadata,
  type StageDescription,
  type View,
} from '../../src-core/index.ts';

const TP = 2;

/** A model of no family that Shardloom knows: one module that holds w1 and w2 as one, and a norm. */
const fused = new FusedLinearsSpec({
  fusedLinearName: 'w12',
  linearNames: ['w1', 'w2'],
  bias: false,
  fuseAxis: 'column',
  originalDims: [4, 4],
  tpSize: TP,
});
const feedForward = new CustomModule(new ModelWeightTransformationSpecs('blocks.0.ff', [fused]));
const parallel: ParameterMetadata = {
  tensorModelParallel: true,
  partitionDim: 0,
  partitionStride: 2,
  numPartitions: TP,
};

function matrix(name: string): View {
  return viewOf({ name, file: name, byteOffset: 0, dtype: 'F32', shape: [4, 3], strides: [3, 1] });
}

function stageOf(...names: string[]): StageDescription {
  return {
    customModules: [feedForward],
    parameters: new Map([
      ...names.map((name) => [name, parallel] as const),
      ['norm', { tensorModelParallel: false }] as const,
    ]),
    originalParameters: new Map(),
    tied: new Map(),
  };
}

describe('a model of custom modules', () => {
  const stage = stageOf('blocks.0.ff.w12.weight');

  test('is described by its modules, whatever the family', () => {
    const original = new Map([
      ['blocks.0.ff.w1.weight', matrix('w1')],
      ['blocks.0.ff.w2.weight', matrix('w2')],
      ['norm', matrix('norm')],
    ]);
    const ranks = [0, 1].map((tpRank) => adaptStateDict(stage, original, { tpSize: TP, tpRank }));
    expect([...ranks[0]!.keys()].sort()).toEqual(['blocks.0.ff.w12.weight', 'norm']);
    const locals = new Map([...ranks[0]!.keys()].map((name) => [name, ranks.map((rank) => rank.get(name)!)]));
    const specs = stage.customModules.map((module) => module.specs);
    const back = toOriginalWeights(specs, locals, stage.parameters);
    expect(new Map([...back].map(([name, { view }]) => [name, view]))).toEqual(original);
  });

  test('has the metadata that training writes for it', () => {
    expect(createParameterMetadata(stage)).toEqual({
      parameters: {
        'blocks.0.ff.w12.weight': {
          tensor_model_parallel: true,
          partition_dim: 0,
          partition_stride: 2,
          num_partitions: TP,
        },
        norm: { tensor_model_parallel: false },
      },
      model_weight_transformation_specs: [
        { module_fully_qualified_name: 'blocks.0.ff', specs: [['FusedLinearsSpec', fused.toMetadata()]] },
      ],
    });
    expect(getTensorModelParallelAttributes(stage.parameters.get('norm')!)).toEqual({});
  });

  test('is specialized as PEFT wraps it; what was there before stays', () => {
    const [lora] = specializeTransformationSpecsForModel({
      stages: [stageOf('blocks.0.ff.w12.base_layer.weight', 'blocks.0.ff.w12.lora_A.default.weight')],
    }).stages;
    const typesOf = ({ specs }: CustomModule): unknown[] => [...specs].map((spec) => spec.peftType);
    expect(lora!.customModules.map(typesOf)).toEqual([['lora']]);
    expect(typesOf(feedForward)).toEqual([null]);
  });
});

test('a custom module holds specs and nothing else', () => {
  expect(() => new CustomModule([fused] as unknown as ModelWeightTransformationSpecs)).toThrow(TypeError);
  expect(feedForward.moduleFullyQualifiedName).toBe('blocks.0.ff');
});
