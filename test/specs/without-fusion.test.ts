import { expect, test } from 'vitest';
import { describeModel } from '../../src-core/models/family.ts';
import type { ModelDescription } from '../../src-core/models/description.ts';
import { injectLora } from '../../src-core/peft/inject-lora.ts';
import { CustomModule } from '../../src-core/specs/custom-module.ts';
import { ModelWeightTransformationSpecs } from '../../src-core/specs/specs.ts';
import { toOriginalWeights } from '../../src-core/specs/to-original-weights.ts';
import {
  ModelWeightTransformationSpec,
  type OriginalWeights,
  type ShardedStateDicts,
  type SpecMetadata,
  type StateDict,
} from '../../src-core/specs/spec.ts';
import type { StoredTensor } from '../../src-core/tensor/stored.ts';
import type { Shape } from '../../src-core/tensor/shape.ts';
import { viewOf } from '../../src-core/tensor/view.ts';

/** A spec that renames one parameter and fuses nothing: all that a spec has to bring. */
class RenamedWeight extends ModelWeightTransformationSpec {
  readonly name = 'RenamedWeight';
  readonly tpSize = 1;

  getRelevantParameterNames(module: string): Set<string> {
    return new Set([`${module}.kernel`, `${module}.weight`]);
  }

  guessPeftType(): null {
    return null;
  }

  withPeftType(): this {
    return this;
  }

  toOriginalWeights(module: string, shardedStateDicts: ShardedStateDicts): OriginalWeights {
    const from = `${module}.kernel`;
    const [view] = shardedStateDicts.get(from) ?? [];
    if (!view) return { weights: new Map(), keysToRemove: [] };
    const weight = { view, transformation: 'copied' as const, from: [from], copies: [] };
    return { weights: new Map([[`${module}.weight`, weight]]), keysToRemove: [from] };
  }

  adaptStateDict(module: string, stateDict: StateDict): StateDict {
    return new Map(
      [...stateDict].map(([name, view]) => [name === `${module}.weight` ? `${module}.kernel` : name, view]),
    );
  }

  toMetadata(): SpecMetadata {
    return {};
  }
}

const spec = new RenamedWeight(null);

test('a spec that fuses nothing says so, and leaves configs of adapters as they are', () => {
  const config = { peft_type: 'LORA', r: 8, lora_alpha: 16, target_modules: ['dense'], rank_pattern: { dense: 4 } };
  expect(spec.fusion).toBeNull();
  expect(spec.adaptPeftConfig('model.layers.0', config)).toEqual(config);
  expect(spec.toOriginalPeftConfig('model.layers.0', config)).toEqual(config);
});

test('a spec that fuses nothing takes part in joining', () => {
  const stored: StoredTensor = { name: 'a', file: 'a', byteOffset: 0, dtype: 'F32', shape: [2], strides: [1] };
  const specs = [new ModelWeightTransformationSpecs('m', [spec])];
  const joined = toOriginalWeights(specs, new Map([['m.kernel', [viewOf(stored)]]]), new Map());
  expect([...joined.keys()]).toEqual(['m.weight']);
});

test('LoRA is injected beside it as if it were not there', () => {
  const sizes = { hiddenSize: 16, intermediateSize: 32, numAttentionHeads: 4, numKeyValueHeads: 2, numHiddenLayers: 1 };
  const parallel = { tensorParallelSize: 2, pipelineParallelSize: 1, fuseQkv: false };
  const model = describeModel('llama', { ...sizes, vocabSize: 8 }, parallel);
  const module = 'model.layers.0.mlp';
  const stages = model.stages.map((stage) => ({
    ...stage,
    customModules: [new CustomModule(new ModelWeightTransformationSpecs(module, [spec])), ...stage.customModules],
  }));
  const parameters = new Map<string, Shape>(
    ['gate_proj', 'up_proj'].flatMap((linear) => [
      [`base_model.model.${module}.${linear}.lora_A.weight`, [4, 16]],
      [`base_model.model.${module}.${linear}.lora_B.weight`, [32, 4]],
    ]),
  );
  const names = (described: ModelDescription): string[] => {
    const adapter = injectLora(described, [{ name: 'default', parameters }]).get('default')!;
    return [...adapter.stages[0]!.parameters.keys()];
  };
  expect(names({ stages })).toEqual(names(model));
  expect(names({ stages })).toContain(`base_model.model.${module}.gate_up_proj.lora_A.default.weight`);
});
