import { describe, expect, test } from 'vitest';
import { FusedLinearsSpec } from '../../src-core/specs/fused-linears.ts';
import { GQAQKVColumnParallelLinearSpec } from '../../src-core/specs/gqa-qkv.ts';
import type { GQAQKVFields } from '../../src-core/specs/gqa-sharding.ts';
import { createLocalWeightWithPadding } from '../../src-core/specs/local-weights.ts';
import { ModelWeightTransformationSpecs } from '../../src-core/specs/specs.ts';
import { toOriginalWeights } from '../../src-core/specs/to-original-weights.ts';
import type { ParameterMetadata } from '../../src-core/tensor/parallel.ts';
import { contiguousStrides } from '../../src-core/tensor/shape.ts';
import { viewOf, type View } from '../../src-core/tensor/view.ts';

/** What the reference implementation gets wrong, and what is done here. One test for each fault. */

/** A local tensor of a rank. */
function local(name: string, tp: number, shape: readonly number[]): View {
  const strides = contiguousStrides(shape);
  return viewOf({ name, file: `rank-${tp}`, byteOffset: 0, dtype: 'F32', shape, strides, rank: { tp, pp: 0 } });
}

function ranks(name: string, tpSize: number, shape: readonly number[]): [string, View[]] {
  return [name, Array.from({ length: tpSize }, (_, tp) => local(name, tp, shape))];
}

/** "rank-1[2:4, 0:3]" for each region, in the order of the view. */
function origin(view: View | undefined): string[] {
  return (view?.regions ?? []).map(({ source, from, size }) => {
    return `${source.file}[${from.map((at, axis) => `${at}:${at + size[axis]!}`).join(', ')}]`;
  });
}

const parallel = (partitionDim: number, partitionStride = 1, numPartitions = 2): ParameterMetadata => {
  return { tensorModelParallel: true, partitionDim, partitionStride, numPartitions };
};
const replicated: ParameterMetadata = { tensorModelParallel: false };

const fused = (name: string, bias = false): FusedLinearsSpec =>
  new FusedLinearsSpec({
    fusedLinearName: name,
    linearNames: ['gate_proj', 'up_proj'],
    bias,
    fuseAxis: 'column',
    originalDims: [4, 4],
    tpSize: 2,
  });

const GQA: GQAQKVFields = {
  gqaQkvProjectionName: 'qkv_proj',
  queryProjectionName: 'q_proj',
  keyProjectionName: 'k_proj',
  valueProjectionName: 'v_proj',
  outputProjectionName: 'o_proj',
  numAttentionHeads: 4,
  numKeyValueHeads: 1,
  kvSizeMultiplier: 2,
  qOutputSizePerPartition: 4,
  kvOutputSizePerPartition: 2,
  fuseQkv: true,
  bias: true,
  tpSize: 2,
};

function consolidated(
  module: string,
  spec: FusedLinearsSpec | GQAQKVColumnParallelLinearSpec,
  saved: readonly [string, View[]][],
  metadata: Readonly<Record<string, ParameterMetadata>>,
  adapter?: string,
): Map<string, { view: View }> {
  const specs = [new ModelWeightTransformationSpecs(module, [spec])];
  return toOriginalWeights(specs, new Map(saved), new Map(Object.entries(metadata)), adapter);
}

describe('faults of the reference', () => {
  test('a parent module whose name contains the fused name keeps its own', () => {
    const name = 'model.gate_up_proj_tower.mlp.gate_up_proj.weight';
    const weights = consolidated('model.gate_up_proj_tower.mlp', fused('gate_up_proj'), [ranks(name, 2, [4, 3])], {
      [name]: parallel(0, 2),
    });
    expect([...weights.keys()]).toEqual([
      'model.gate_up_proj_tower.mlp.gate_proj.weight',
      'model.gate_up_proj_tower.mlp.up_proj.weight',
    ]);
  });

  test('partition_stride is honoured when ranks are joined', () => {
    const weights = consolidated('none', fused('x'), [ranks('w', 2, [4, 3])], { w: parallel(0, 2) });
    expect(origin(weights.get('w')?.view)).toEqual([
      'rank-0[0:2, 0:3]',
      'rank-1[0:2, 0:3]',
      'rank-0[2:4, 0:3]',
      'rank-1[2:4, 0:3]',
    ]);
  });

  test('a spec none of whose tensors were saved is skipped, so that attention-only LoRA goes through', () => {
    const name = 'm.o_proj.lora_B.weight';
    const weights = consolidated(
      'm',
      fused('gate_up_proj'),
      [ranks(name, 2, [4, 2])],
      {
        'm.gate_up_proj.base_layer.weight': parallel(0, 2),
        'm.o_proj.lora_B.default.weight': replicated,
      },
      'default',
    );
    expect([...weights.keys()]).toEqual([name]);
  });

  test('biases are transformed with their weights', () => {
    const saved: [string, View[]][] = [
      ranks('a.qkv_proj.weight_qkv', 2, [8, 8]),
      ranks('a.qkv_proj.bias_qkv', 2, [8]),
      ranks('a.o_proj.weight', 2, [8, 4]),
      ranks('a.o_proj.bias', 2, [8]),
    ];
    const weights = consolidated('a', new GQAQKVColumnParallelLinearSpec(GQA), saved, {
      'a.qkv_proj.weight_qkv': replicated,
      'a.qkv_proj.bias_qkv': replicated,
      'a.o_proj.weight': parallel(1),
      'a.o_proj.bias': replicated,
    });
    expect(weights.get('a.q_proj.bias')?.view.shape).toEqual([8]);
    expect(origin(weights.get('a.k_proj.bias')?.view)).toEqual(['rank-0[4:6]']);
    expect(origin(weights.get('a.o_proj.bias')?.view)).toEqual(['rank-0[0:8]']);
  });

  test('a fused lora_B is accepted as lora_B.weight_qkv and as lora_B.weight', () => {
    for (const leaf of ['weight_qkv', 'weight']) {
      const saved = [ranks(`a.qkv_proj.lora_B.${leaf}`, 2, [8, 3]), ranks('a.qkv_proj.lora_A.weight', 2, [3, 8])];
      const weights = consolidated(
        'a',
        new GQAQKVColumnParallelLinearSpec(GQA, 'lora'),
        saved,
        {
          [`a.qkv_proj.lora_B.default.${leaf}`]: replicated,
          'a.qkv_proj.lora_A.default.weight': replicated,
        },
        'default',
      );
      expect([...weights.keys()].sort()).toEqual(
        ['k', 'q', 'v'].flatMap((kind) => [`a.${kind}_proj.lora_A.weight`, `a.${kind}_proj.lora_B.weight`]),
      );
    }
  });

  test('base layers of a PEFT model are taken apart like weights and keep base_layer in their names', () => {
    const saved = [
      ranks('m.gate_up_proj.base_layer.weight', 2, [4, 3]),
      ranks('m.gate_up_proj.lora_A.weight', 2, [2, 3]),
    ];
    const weights = consolidated('m', fused('gate_up_proj'), saved, {
      'm.gate_up_proj.base_layer.weight': parallel(0, 2),
      'm.gate_up_proj.lora_A.default.weight': replicated,
    });
    expect(origin(weights.get('m.up_proj.base_layer.weight')?.view)).toEqual(['rank-0[2:4, 0:3]', 'rank-1[2:4, 0:3]']);
    expect(weights.has('m.gate_proj.lora_A.weight')).toBe(true);
  });

  test('modules_to_save, embedding LoRA and DoRA magnitudes are kept, with their parallel attributes', () => {
    const saved = [
      ranks('m.lm_head.weight', 2, [5, 3]),
      ranks('m.embed_tokens.lora_embedding_A', 2, [2, 7]),
      ranks('m.q_proj.lora_magnitude_vector.weight', 2, [4]),
    ];
    const weights = consolidated(
      'm',
      fused('gate_up_proj'),
      saved,
      {
        'm.lm_head.modules_to_save.my-adapter.weight': parallel(0),
        'm.embed_tokens.lora_embedding_A.my-adapter': replicated,
        'm.q_proj.lora_magnitude_vector.my-adapter.weight': parallel(0),
      },
      'my-adapter',
    );
    expect([...weights].map(([name, { view }]) => [name, view.shape])).toEqual([
      ['m.lm_head.weight', [10, 3]],
      ['m.embed_tokens.lora_embedding_A', [2, 7]],
      ['m.q_proj.lora_magnitude_vector.weight', [8]],
    ]);
  });

  test('another adapter’s attributes are not taken for this one’s', () => {
    const saved = [ranks('m.o_proj.lora_A.weight', 2, [2, 3])];
    const metadata = { 'm.o_proj.lora_A.other.weight': replicated, 'm.o_proj.lora_A.mine.weight': parallel(1) };
    const weights = consolidated('m', fused('gate_up_proj'), saved, metadata, 'mine');
    expect(weights.get('m.o_proj.lora_A.weight')?.view.shape).toEqual([2, 6]);
  });

  test('"with padding" does not pad: 10 rows over 4 ranks are 3, 3, 3, 1', () => {
    const full = local('w', 0, [10, 2]);
    const rows = [0, 1, 2, 3].map((tpRank) => createLocalWeightWithPadding(full, 0, 1, { tpSize: 4, tpRank }).shape[0]);
    expect(rows).toEqual([3, 3, 3, 1]);
    const saved: [string, View[]] = ['w', rows.map((size, tp) => local('w', tp, [size!, 2]))];
    const weights = toOriginalWeights([], new Map([saved]), new Map([['w', parallel(0, 1, 4)]]));
    expect(weights.get('w')?.view.shape).toEqual([10, 2]);
  });

  test('every field of the metadata survives reading and writing, those of newer versions too', () => {
    for (const spec of [fused('gate_up_proj', true), new GQAQKVColumnParallelLinearSpec(GQA, 'lora')]) {
      const [entry] = new ModelWeightTransformationSpecs('m', [spec]).toMetadata().specs;
      const metadata = {
        module_fully_qualified_name: 'm',
        specs: [[entry![0], { ...entry![1], added_later: [1, { a: 2 }] }]],
      };
      expect(JSON.parse(JSON.stringify(ModelWeightTransformationSpecs.fromMetadata(metadata).toMetadata()))).toEqual(
        JSON.parse(JSON.stringify(metadata)),
      );
    }
  });

  test('PEFT types other than LoRA are refused by name', () => {
    const [entry] = new ModelWeightTransformationSpecs('m', [fused('x')]).toMetadata().specs;
    const metadata = { module_fully_qualified_name: 'm', specs: [[entry![0], { ...entry![1], peft_type: 'ia3' }]] };
    expect(() => ModelWeightTransformationSpecs.fromMetadata(metadata)).toThrow(/PEFT type "ia3" is not supported/);
  });
});
