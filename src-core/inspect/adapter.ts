import { setImmediate } from 'node:timers/promises';
import { ShardloomError } from '../errors.ts';
import { gramOfRows } from '../execute/gram.ts';
import { readViews } from '../execute/view-reader.ts';
import { adaptPeftConfigForModel } from '../peft/config-for-model.ts';
import { PEFT_PREFIX, withoutPeftPrefix } from '../specs/adapter-names.ts';
import { specsOfStage } from '../plan/original-weights.ts';
import { loraConfigOf, scalingOf, type LoraConfig } from '../specs/peft-config/lora-config.ts';
import type { PeftConfig } from '../specs/peft-config/peft-config.ts';
import type { OriginalWeight } from '../specs/spec.ts';
import { castBetween } from '../tensor/cast.ts';
import { dtypeBytes } from '../tensor/dtype.ts';
import { elementCount } from '../tensor/shape.ts';
import type { View } from '../tensor/view.ts';
import type { CheckpointPart } from './parts.ts';

/** A linear that an adapter changes. */
export interface AdapterModule {
  /** Its name in the original model. */
  readonly module: string;
  /** Null for modules outside of layers. */
  readonly layer: number | null;
  /** Its own name: q_proj. */
  readonly kind: string;
  readonly rank: number;
  /** Null where there is no config to take them from. */
  readonly alpha: number | null;
  readonly scaling: number | null;
  /** The saved name of the lora_A that it shares with the linears that are fused with it, or null. */
  readonly sharedLoraA: string | null;
}

/** What an adapter is, for looking at it. Names only: no weight is read. */
export interface AdapterDetail {
  readonly name: string;
  readonly modules: readonly AdapterModule[];
  /** Parameters that are no LoRA matrices: modules that were trained whole, magnitudes. */
  readonly others: readonly string[];
  readonly parameters: number;
  readonly bytes: number;
  /** adapter_config.json, which speaks of the original model; null where there is none. */
  readonly original: PeftConfig | null;
  /** The same in terms of the Neuron model; null where that cannot be said, for the reason in `problem`. */
  readonly neuron: PeftConfig | null;
  readonly problem: string | null;
}

/** Describes an adapter of a checkpoint. Throws `usage` for a part that is none or cannot be joined. */
export function adapterDetail({ state, weights }: CheckpointPart): AdapterDetail {
  if (state.adapterName === undefined || !weights) throw notJoined();
  const original = state.adapterConfig?.document ?? null;
  const lora = loraOf(original);
  const modules: AdapterModule[] = [];
  const others: string[] = [];
  for (const [name, weight] of weights) {
    const module = /^(.*)\.lora_A\.weight$/.exec(name)?.[1];
    if (module !== undefined) modules.push(moduleOf(module, weight, lora));
    else if (!/\.lora_B\.weight$/.test(name)) others.push(name);
  }
  const views = [...weights.values()].map(({ view }) => view);
  return {
    name: state.adapterName,
    modules,
    others,
    parameters: views.reduce((sum, { shape }) => sum + elementCount(shape), 0),
    bytes: views.reduce((sum, { shape, dtype }) => sum + elementCount(shape) * dtypeBytes(dtype), 0),
    original,
    ...neuronConfig(state.stages.flatMap(specsOfStage), original),
  };
}

function moduleOf(
  name: string,
  { view, transformation, from }: OriginalWeight,
  lora: LoraConfig | null,
): AdapterModule {
  const module = withoutPeftPrefix(name);
  const layer = /(?:^|\.)layers\.(\d+)\./.exec(module)?.[1];
  const rank = view.shape[0] ?? 0;
  const scale = lora && scalingOf(lora, module, rank);
  return {
    module,
    layer: layer === undefined ? null : Number(layer),
    kind: module.slice(module.lastIndexOf('.') + 1),
    rank,
    alpha: scale?.alpha ?? null,
    scaling: scale?.scaling ?? null,
    sharedLoraA: transformation === 'shared lora_A copied' ? from[0]! : null,
  };
}

/** The fields that are understood, or null: what is wrong with them is said where the config is shown. */
function loraOf(config: PeftConfig | null): LoraConfig | null {
  try {
    return config && loraConfigOf(config);
  } catch (error) {
    if (error instanceof ShardloomError) return null;
    throw error;
  }
}

function neuronConfig(
  specs: Parameters<typeof adaptPeftConfigForModel>[0],
  original: PeftConfig | null,
): Pick<AdapterDetail, 'neuron' | 'problem'> {
  if (!original) return { neuron: null, problem: 'The adapter has no adapter_config.json.' };
  try {
    return { neuron: adaptPeftConfigForModel(specs, original), problem: null };
  } catch (error) {
    if (!(error instanceof ShardloomError)) throw error;
    const { what, found, expected } = error;
    return { neuron: null, problem: [what, found, expected].filter(Boolean).join(' – ') };
  }
}

/** How far an adapter moves a weight. */
export interface UpdateNorm {
  readonly module: string;
  /** Frobenius norm of scaling * B·A; null where the scaling is not known or an element is not finite. */
  readonly norm: number | null;
}

/**
 * The norms of all updates, without ever forming a product: with the rank r, `|B·A|² = sum of (BᵀB) * (A·Aᵀ)`, two matrices of r by r.
 */
export async function updateNorms(
  part: CheckpointPart,
  { signal }: { readonly signal?: AbortSignal } = {},
): Promise<UpdateNorm[]> {
  const { modules } = adapterDetail(part);
  const norms: UpdateNorm[] = [];
  for (const { module, scaling } of modules) {
    // Between modules others get their turn, and a cancellation arrives.
    await setImmediate();
    if (signal?.aborted) throw new ShardloomError({ tag: 'cancelled', what: 'The norms were not needed any more.' });
    const [a, b] = ['A', 'B'].map((which) => part.weights!.get(`${PEFT_PREFIX}${module}.lora_${which}.weight`)?.view);
    const norm = a && b && scaling !== null ? Math.abs(scaling) * productNorm(a, b) : null;
    norms.push({ module, norm: norm !== null && Number.isFinite(norm) ? norm : null });
  }
  return norms;
}

function productNorm(a: View, b: View): number {
  const [rank = 0, columns = 0] = a.shape;
  const rows = b.shape[0] ?? 0;
  const [first, second] = [a, b].map(valuesOf) as [Float64Array, Float64Array];
  const ofA = gramOfRows(rank, columns, (i, k) => first[i * columns + k]!);
  const ofB = gramOfRows(rank, rows, (i, k) => second[k * rank + i]!);
  let sum = 0;
  for (let index = 0; index < ofA.length; index++) sum += ofA[index]! * ofB[index]!;
  // Rounding can leave a sum that is a hair below zero.
  return Math.sqrt(Math.max(0, sum));
}

function valuesOf(view: View): Float64Array {
  const [bytes] = readViews([view]) as [Uint8Array];
  const values = new Float64Array(elementCount(view.shape));
  const source = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  castBetween(view.dtype, 'F64')(source, new DataView(values.buffer), values.length);
  return values;
}

function notJoined(): ShardloomError {
  return new ShardloomError({
    tag: 'usage',
    what: 'This is no adapter, or its shards cannot be joined.',
    advice: 'The findings in the overview say what is wrong with them.',
  });
}
