import { ShardloomError } from '../errors.ts';
import { adaptPeftConfig, toOriginalPeftConfig, type FusedModule, type Fusion } from './peft-config/adapt.ts';
import type { PeftConfig } from './peft-config/peft-config.ts';
import { cat } from '../tensor/operations.ts';
import type { ParametersMetadata } from '../tensor/parallel.ts';
import type { DType } from '../tensor/dtype.ts';
import type { View } from '../tensor/view.ts';
import { formatShape } from '../units.ts';

/** By saved name (no adapter name): the local tensors of all tensor parallel ranks of one pipeline stage, in rank order. */
export type ShardedStateDicts = ReadonlyMap<string, readonly View[]>;

/** Whole tensors by parameter name. */
export type StateDict = ReadonlyMap<string, View>;

/** What was done to an original parameter, for the mapping table and the plan. */
export type Transformation =
  /** Not parallel: rank 0's copy. */
  | 'copied'
  /** Split over the ranks along one axis: joined. */
  | 'joined'
  /** Part of a fused linear. */
  | 'unfused'
  /** Query rows or output projection columns, whole heads in the order of the GQA layout: put back. */
  | 'query heads reordered'
  /** Key or value rows that stand in several copies: replica 0. */
  | 'KV replica taken'
  /** One lora_A that several linears share: copied to each. */
  | 'shared lora_A copied'
  /** The other direction: one rank's part. */
  | 'sharded'
  /** An adapter's product was added to it. */
  | 'merged';

/** Other bytes in the checkpoint that must equal a weight, or a box of it, and that the weight is not made from. */
export interface WeightCopy {
  /** "rank 3", "KV replica 1": what differs when it differs. */
  readonly label: string;
  readonly view: View;
  /**
   * True where taking the weight is right only if this copy equals it: nothing says how the parameter is spread, or two
   * pipeline stages hold it. A difference then stops the consolidation instead of being a warning.
   */
  readonly mustAgree?: true;
}

/**
 * A product of two thin matrices that is added to a weight: `weight[i, j] += scale * sum_k b[i, k] * a[k, j]`, or with
 * `transposed` to `weight[j, i]`.
 */
export interface WeightUpdate {
  readonly scale: number;
  readonly transposed: boolean;
  /** [rank, columns] */
  readonly a: View;
  /** [rows, rank] */
  readonly b: View;
}

/** One parameter of the original model, as a view on the shards. */
export interface OriginalWeight {
  readonly view: View;
  readonly transformation: Transformation;
  /** The saved names of the Neuron parameters it is made from. */
  readonly from: readonly string[];
  readonly copies: readonly WeightCopy[];
  /** What is added to it while it is written. */
  readonly updates?: readonly WeightUpdate[];
  /** What it is written as where nothing else is asked for; absent: as it is stored. */
  readonly dtype?: DType;
  /** The spec that made it, and the module that the spec belongs to; absent where none was needed. */
  readonly by?: SpecOfModule;
}

export interface SpecOfModule {
  readonly moduleFullyQualifiedName: string;
  readonly spec: ModelWeightTransformationSpec;
}

export interface OriginalWeights {
  readonly weights: ReadonlyMap<string, OriginalWeight>;
  /** Saved names that the spec has dealt with: they do not appear in the result under their own name. */
  readonly keysToRemove: readonly string[];
}

/** Where a rank stands in the tensor parallel group. Always an argument, never a global. */
export interface TensorParallelRank {
  readonly tpSize: number;
  readonly tpRank: number;
}

/** The fields of a spec as they stand in the metadata (snake_case, `peft_type` included). */
export type SpecMetadata = Readonly<Record<string, unknown>>;

/**
 * The interface for transforming weights between the original Transformers implementation and the custom one for Neuron
 * (optimum-neuron `ModelWeightTransformationSpec`). Works on views: nothing is read.
 */
export abstract class ModelWeightTransformationSpec {
  /** The class name that the metadata stores. */
  abstract readonly name: string;
  abstract readonly tpSize: number;
  /** The PEFT type of the module that the spec belongs to: null or "lora". */
  readonly peftType: 'lora' | null;
  /** Fields of the metadata that this version does not know: kept, so that writing them again loses nothing. */
  readonly unknownFields: SpecMetadata;

  constructor(peftType: string | null, unknownFields: SpecMetadata = {}) {
    if (peftType !== null && peftType !== 'lora') {
      throw new ShardloomError({
        tag: 'unsupported',
        what: `PEFT type "${peftType}" is not supported by the transformation specs.`,
        found: peftType,
        expected: 'no PEFT, or "lora"',
        advice: 'Merge the adapter with the library that trained it, then consolidate the merged model.',
      });
    }
    this.peftType = peftType;
    this.unknownFields = unknownFields;
  }

  /** Two linears of one name would be one weight of the original model, and the other would be lost. */
  protected static checkDistinct(names: readonly string[]): void {
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    if (twice === undefined) return;
    throw new ShardloomError({
      tag: 'bad-metadata',
      what: 'A transformation spec names one linear twice.',
      tensor: twice,
      found: names.join(', '),
      expected: 'a name of its own for each',
      advice: 'The metadata is damaged: copy it again from the training machine.',
    });
  }

  /**
   * Which linears of the original model the Neuron model holds as one; their names are those in the spec's module. Null: none, and
   * configs of adapters name the same modules on both sides.
   */
  get fusion(): Fusion | null {
    return null;
  }

  /** The spec's module with its {@link fusion}, as configs of adapters are translated by; none without one. */
  fusedModules(moduleFullyQualifiedName: string): readonly FusedModule[] {
    return this.fusion ? [{ module: moduleFullyQualifiedName, fusion: this.fusion }] : [];
  }

  /**
   * The config of an adapter with this module's linears under the Neuron model's name. Throws `unsupported` for other PEFT types
   * than LoRA and where only some of the fused linears are targeted. Harmless to apply twice.
   */
  adaptPeftConfig(moduleFullyQualifiedName: string, config: PeftConfig): PeftConfig {
    return adaptPeftConfig(this.fusedModules(moduleFullyQualifiedName), config);
  }

  /** The config with this module's linears under their names in the original model. */
  toOriginalPeftConfig(moduleFullyQualifiedName: string, config: PeftConfig): PeftConfig {
    return toOriginalPeftConfig(this.fusedModules(moduleFullyQualifiedName), config);
  }

  /** Names of all parameters that this spec would affect, on both sides. */
  abstract getRelevantParameterNames(moduleFullyQualifiedName: string): Set<string>;

  /**
   * The PEFT type of the spec's module, from the names of the model's parameters, adapter names included: "lora" where the
   * fused projection holds LoRA matrices.
   */
  abstract guessPeftType(parameterNames: Iterable<string>, moduleFullyQualifiedName: string): 'lora' | null;

  /** The same spec for a module of this PEFT type. */
  abstract withPeftType(peftType: 'lora' | null): ModelWeightTransformationSpec;

  /**
   * From the ranks' tensors to the original ones. Parameters that no rank saved are skipped; a spec whose tensors were
   * only partly saved is an error that names what is missing.
   */
  abstract toOriginalWeights(
    moduleFullyQualifiedName: string,
    shardedStateDicts: ShardedStateDicts,
    parametersMetadata: ParametersMetadata,
  ): OriginalWeights;

  /**
   * From the original tensors to those of one rank. Returns a new state dict in which the spec's original names are
   * replaced by the Neuron names.
   */
  abstract adaptStateDict(moduleFullyQualifiedName: string, stateDict: StateDict, rank: TensorParallelRank): StateDict;

  /** The spec's fields as the metadata stores them. */
  abstract toMetadata(): SpecMetadata;
}

/** Weight-like names that a linear can hold directly; which of them exist is decided by what was saved. */
export const PARAMETER_NAMES = ['weight', 'bias'] as const;

/** Where a linear's own parameters stand: on the module, or one level down when PEFT wrapped it. */
export const BASE_LAYER_PREFIXES = ['', 'base_layer.'] as const;

/** "lora" where some parameter is a LoRA matrix of the linear `qualifiedName`. */
export function holdsLora(qualifiedName: string, parameterNames: Iterable<string>): 'lora' | null {
  const prefix = `${qualifiedName}.lora_`;
  for (const name of parameterNames) if (name.startsWith(prefix)) return 'lora';
  return null;
}

/** Throws if the ranks' tensors are not as many as the spec says there are ranks. */
export function checkRankCount(spec: ModelWeightTransformationSpec, name: string, locals: readonly View[]): void {
  if (locals.length === spec.tpSize) return;
  throw new ShardloomError({
    tag: 'parallel-size-mismatch',
    what: `${spec.name} of the metadata was made for another tensor parallel size than the shards.`,
    tensor: name,
    found: `${locals.length} tensor parallel ranks in the shards`,
    expected: `tp_size ${spec.tpSize}`,
    advice: 'Put the metadata and the shards of the same training run together.',
  });
}

/** The error for tensors whose shape does not follow from the spec's sizes. */
export function shapeMismatch(name: string, local: View | undefined, what: string, expected: string): ShardloomError {
  const file = local?.regions[0]?.source.file;
  return new ShardloomError({
    tag: 'shape-mismatch',
    what,
    ...(file !== undefined && { file }),
    tensor: name,
    found: local ? `shape ${formatShape(local.shape)}` : 'nothing',
    expected,
    advice: 'The metadata and the shards do not fit together: take both from the same checkpoint.',
  });
}

/**
 * The ranks' parts joined along the axis that the spec splits. The metadata may say that another axis is split, on which ranks may
 * differ: then they cannot be joined. Throws `shape-mismatch`.
 */
export function joinedAlong(axis: number, name: string, locals: readonly View[]): View {
  const first = locals[0]!;
  const odd = locals.find(
    ({ shape }) => axis >= shape.length || shape.some((size, k) => k !== axis && size !== first.shape[k]),
  );
  if (!odd) return cat(locals, axis);
  const expected = first.shape.map((size, k) => (k === axis ? 'any' : size)).join(' × ');
  throw shapeMismatch(name, odd, `The ranks' parts cannot be joined along axis ${axis}.`, expected);
}

/** All ranks' copies of a tensor that is not parallel: the first is taken, the others must equal it. */
export function copiesOfRanks(locals: readonly View[]): WeightCopy[] {
  return locals.slice(1).map((view, index) => ({ label: `rank ${index + 1}`, view }));
}
