import { ShardloomError } from '../errors.ts';
import { withoutPeftPrefix } from '../specs/adapter-names.ts';
import { loraConfigOf, scalingOf, type LoraConfig } from '../specs/peft-config/lora-config.ts';
import type { PeftConfig } from '../specs/peft-config/peft-config.ts';
import type { OriginalWeight, StateDict, WeightUpdate } from '../specs/spec.ts';
import type { View } from '../tensor/view.ts';
import { formatShape } from '../units.ts';

/** An adapter that is merged, and how strongly: 1 is as it was trained. */
export interface MergedAdapter {
  readonly name: string;
  readonly weight: number;
  readonly weights: StateDict;
  readonly config: PeftConfig;
}

/** What is known of a module that an adapter changes. */
export interface MergedModule {
  readonly module: string;
  readonly adapter: string;
  readonly rank: number;
  readonly alpha: number;
  /** alpha / r (or its root), times the adapter's weight. */
  readonly scale: number;
}

export interface MergePlan {
  readonly weights: ReadonlyMap<string, OriginalWeight>;
  readonly modules: readonly MergedModule[];
  /** Names of base weights that a whole trained module or a trained bias takes the place of. */
  readonly replaced: readonly string[];
}

/** Initializations that change the base weights: the adapter then belongs to other ones than those that are there. */
const CHANGES_BASE = /^(pissa|olora|corda|loftq|lora_ga)/i;

const OTHER_SUM = 'It computes something else than W + scaling * B·A.';

/** Fields that make an adapter another one than plain LoRA where they are set, and why it is not merged then. */
const VARIANTS: Readonly<Record<string, string>> = {
  use_dora: 'DoRA scales the sum by a norm.',
  layer_replication:
    'The adapter was trained on a model whose layers were repeated: its layers are not those of the base model.',
  target_parameters: 'The adapter changes parameters that are not the weights of linears.',
  use_qalora: OTHER_SUM,
  lora_bias: OTHER_SUM,
  alora_invocation_tokens: OTHER_SUM,
  trainable_token_indices: OTHER_SUM,
  arrow_config: OTHER_SUM,
  monteclora_config: OTHER_SUM,
  use_bdlora: OTHER_SUM,
  kasa_config: OTHER_SUM,
};

/**
 * Base weights with the adapters merged in: `W + weight * scaling * B·A` for each linear that they target, with peft's rules for
 * scaling. Whole trained modules and trained biases take the place of the base model's. Nothing is read. Throws `unsupported` for
 * variants of LoRA that compute something else, and `missing-tensor` where the base lacks what an adapter changes.
 */
export function planMerge(base: StateDict, adapters: readonly MergedAdapter[]): MergePlan {
  const updates = new Map<string, WeightUpdate[]>();
  const replaced = new Map<string, View>();
  const modules: MergedModule[] = [];
  for (const adapter of adapters) {
    const config = loraConfigOf(adapter.config);
    checkVariant(adapter);
    for (const [name, view] of adapter.weights) {
      const own = withoutPeftPrefix(name);
      const lora = /^(.*)\.lora_(A|B|embedding_A|embedding_B)(?:\.weight)?$/.exec(own);
      if (lora?.[2] === 'B' || lora?.[2] === 'embedding_B') continue;
      if (lora) modules.push(addUpdate(updates, base, adapter, config, lora[1]!, name, lora[2] === 'embedding_A'));
      else replaceWhole(replaced, base, adapter, own, view);
    }
  }
  const weights = new Map<string, OriginalWeight>();
  for (const [name, view] of base) {
    const added = updates.get(name);
    weights.set(name, {
      view: replaced.get(name) ?? view,
      transformation: added || replaced.has(name) ? 'merged' : 'copied',
      from: [name],
      copies: [],
      ...(added && { updates: added }),
    });
  }
  return { weights, modules, replaced: [...replaced.keys()] };
}

function addUpdate(
  updates: Map<string, WeightUpdate[]>,
  base: StateDict,
  adapter: MergedAdapter,
  config: LoraConfig,
  module: string,
  nameOfA: string,
  isEmbedding: boolean,
): MergedModule {
  const nameOfB = nameOfA.replace(/lora_(embedding_)?A(?=(\.weight)?$)/, 'lora_$1B');
  const [a, b] = [adapter.weights.get(nameOfA)!, adapter.weights.get(nameOfB)];
  if (!b) throw missing(`${nameOfB}`, `Adapter ${adapter.name} has a lora_A without its lora_B.`);
  const target = `${module}.weight`;
  const weight = base.get(target);
  if (!weight) throw missing(target, `The base model lacks a weight that adapter ${adapter.name} changes.`);
  const transposed = isEmbedding || config.fan_in_fan_out === true;
  const product = transposed ? [a.shape[1], b.shape[0]] : [b.shape[0], a.shape[1]];
  if (a.shape.length !== 2 || a.shape[0] !== b.shape[1] || weight.shape.join() !== product.join()) {
    throw new ShardloomError({
      tag: 'shape-mismatch',
      what: `Adapter ${adapter.name} does not fit the base model.`,
      tensor: target,
      found: `lora_A ${formatShape(a.shape)}, lora_B ${formatShape(b.shape)}`,
      expected: `a product of ${formatShape(weight.shape)}`,
      advice: 'Use the base model that the adapter was trained on.',
    });
  }
  const rank = a.shape[0]!;
  const { alpha, scaling } = scalingOf(config, module, rank);
  const scale = scaling * adapter.weight;
  updates.set(target, [...(updates.get(target) ?? []), { scale, transposed, a, b }]);
  return { module, adapter: adapter.name, rank, alpha, scale };
}

/** A module that was trained whole, or a trained bias. Two adapters cannot both replace the same one. */
function replaceWhole(
  replaced: Map<string, View>,
  base: StateDict,
  adapter: MergedAdapter,
  saved: string,
  view: View,
): void {
  const name = saved.replace('.base_layer.', '.');
  const weight = base.get(name);
  if (/\.lora_|^lora_/.test(saved)) {
    throw unsupported(adapter, saved, 'It holds parameters of a variant of LoRA that is not merged here.');
  }
  if (!weight) throw missing(name, `The base model lacks a parameter that adapter ${adapter.name} holds.`);
  if (weight.shape.join() !== view.shape.join()) {
    throw new ShardloomError({
      tag: 'shape-mismatch',
      what: `Adapter ${adapter.name} holds a parameter with another shape than the base model.`,
      tensor: name,
      found: formatShape(view.shape),
      expected: formatShape(weight.shape),
      advice: 'A vocabulary that was resized in training is merged by resizing the base model first.',
    });
  }
  if (replaced.has(name) || adapter.weight !== 1) {
    throw unsupported(
      adapter,
      name,
      replaced.has(name)
        ? 'Two of the adapters have trained the same module whole.'
        : 'A module that was trained whole cannot be merged with a weight other than 1.',
    );
  }
  replaced.set(name, view);
}

function checkVariant(adapter: MergedAdapter): void {
  const { config: document } = adapter;
  const init = document.init_lora_weights;
  if (typeof init === 'string' && CHANGES_BASE.test(init)) {
    throw unsupported(adapter, 'init_lora_weights', `Initialization ${init} has changed the base weights.`);
  }
  for (const [field, why] of Object.entries(VARIANTS)) {
    const value = document[field];
    const isEmpty = Array.isArray(value) && value.length === 0;
    if (value !== undefined && value !== null && value !== false && !isEmpty) throw unsupported(adapter, field, why);
  }
}

function unsupported({ name }: MergedAdapter, tensor: string, why: string): ShardloomError {
  return new ShardloomError({
    tag: 'unsupported',
    what: `Adapter ${name} is not merged: not supported. ${why}`,
    tensor,
    expected: 'plain LoRA, rank-stabilized or not',
    advice: 'Merge it with the library that trained it: PeftModel.merge_and_unload().',
  });
}

function missing(tensor: string, what: string): ShardloomError {
  return new ShardloomError({
    tag: 'missing-tensor',
    what,
    tensor,
    advice: 'Use the base model that the adapter was trained on, and all files of both.',
  });
}
