import { describe, expect, test } from 'vitest';
import { FusedLinearsSpec } from '../../src-core/specs/fused-linears.ts';
import { GQAQKVColumnParallelLinearSpec } from '../../src-core/specs/gqa-qkv.ts';
import type { ModelWeightTransformationSpec, ShardedStateDicts } from '../../src-core/specs/spec.ts';
import { contiguousStrides } from '../../src-core/tensor/shape.ts';
import { viewOf, type View } from '../../src-core/tensor/view.ts';

function whole(name: string, ...shape: number[]): [string, View] {
  return [name, viewOf({ name, file: 'hf', byteOffset: 0, dtype: 'F32', shape, strides: contiguousStrides(shape) })];
}

const fused = (fuseAxis: 'column' | 'row'): FusedLinearsSpec =>
  new FusedLinearsSpec({
    fusedLinearName: 'gate_up_proj',
    linearNames: ['gate_proj', 'up_proj'],
    bias: false,
    fuseAxis,
    originalDims: [4, 4],
    tpSize: 2,
  });

const gqa = (fuseQkv: boolean): GQAQKVColumnParallelLinearSpec =>
  new GQAQKVColumnParallelLinearSpec({
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
    fuseQkv,
    bias: false,
    tpSize: 2,
  });

/** All ranks' state dicts, by name. */
function sharded(spec: ModelWeightTransformationSpec, original: Map<string, View>): ShardedStateDicts {
  const ranks = [0, 1].map((tpRank) => spec.adaptStateDict('m', original, { tpSize: 2, tpRank }));
  return new Map([...ranks[0]!.keys()].map((name) => [name, ranks.map((rank) => rank.get(name)!)]));
}

describe('a row-fused linear', () => {
  const original = new Map([
    whole('m.gate_proj.lora_A.weight', 3, 8),
    whole('m.up_proj.lora_A.weight', 3, 8),
    whole('m.gate_proj.lora_B.weight', 6, 3),
    whole('m.up_proj.lora_B.weight', 6, 3),
  ]);

  test('has lora_A cut along its input axis and averaged, and all of lora_B on every rank', () => {
    const ranks = sharded(fused('row'), original);
    const [first, second] = ranks.get('m.gate_up_proj.lora_A.weight')!;
    expect(first!.shape).toEqual([3, 4]);
    expect(second!.meanOf!.map(({ regions }) => regions.map(({ from }) => from))).toEqual([[[0, 4]], [[0, 4]]]);
    expect(ranks.get('m.gate_up_proj.lora_B.weight')!.map(({ shape }) => shape)).toEqual([
      [6, 6],
      [6, 6],
    ]);
  });
});

describe.each([true, false])('a GQA projection, fuse_qkv %s', (fuseQkv) => {
  const original = new Map([
    ...['q', 'k', 'v'].map((p) => whole(`m.${p}_proj.lora_A.weight`, 3, 8)),
    ...(['q', 'k', 'v'] as const).map((p) => whole(`m.${p}_proj.lora_B.weight`, { q: 8, k: 2, v: 2 }[p], 3)),
    whole('m.o_proj.lora_A.weight', 3, 8),
    whole('m.o_proj.lora_B.weight', 8, 3),
  ]);
  const spec = gqa(fuseQkv);
  const ranks = sharded(spec, original);

  test('names lora_B after the weights of the model, and affects nothing else', () => {
    const parts = fuseQkv ? ['weight_qkv'] : ['weight_q', 'weight_k', 'weight_v'];
    expect([...ranks.keys()].sort()).toEqual(
      [
        'm.o_proj.lora_A.weight',
        'm.o_proj.lora_B.weight',
        ...['lora_A.weight', ...parts.map((part) => `lora_B.${part}`)].map((name) => `m.qkv_proj.${name}`),
      ].sort(),
    );
    const relevant = spec.getRelevantParameterNames('m');
    for (const name of [...ranks.keys(), ...original.keys()]) expect(relevant).toContain(name);
    expect(spec.getRelevantParameterNames('n').has('m.qkv_proj.lora_A.weight')).toBe(false);
  });

  test('comes back as it was', () => {
    const { weights } = spec.toOriginalWeights('m', withoutMeans(ranks), new Map());
    for (const [name, { view }] of weights) {
      const shared = name.includes('lora_A') && !name.includes('o_proj');
      expect(view).toEqual(original.get(shared ? 'm.q_proj.lora_A.weight' : name));
    }
  });
});

/** Means by the first of what they are made of: a mean is the last step. */
function withoutMeans(ranks: ShardedStateDicts): ShardedStateDicts {
  return new Map([...ranks].map(([name, locals]) => [name, locals.map((view) => view.meanOf?.[0] ?? view)]));
}

test('the PEFT type is guessed from what the fused projection holds', () => {
  const names = [
    'm.gate_up_proj.base_layer.weight',
    'm.gate_up_proj.lora_A.default.weight',
    'm.o_proj.base_layer.weight',
  ];
  expect(fused('column').guessPeftType(names, 'm')).toBe('lora');
  expect(fused('column').guessPeftType(names, 'n')).toBeNull();
  expect(gqa(true).guessPeftType(names, 'm')).toBeNull();
  expect(gqa(true).withPeftType('lora').toMetadata()).toEqual({ ...gqa(true).toMetadata(), peft_type: 'lora' });
});
