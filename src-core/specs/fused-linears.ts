import { ShardloomError } from '../errors.ts';
import { cat, split } from '../tensor/operations.ts';
import type { ParametersMetadata } from '../tensor/parallel.ts';
import type { View } from '../tensor/view.ts';
import { createLocalFusedWeight, createLocalWeightWithPadding, sharedLoraA, takeTogether } from './local-weights.ts';
import type { Fusion } from './peft-config/adapt.ts';
import {
  BASE_LAYER_PREFIXES,
  checkRankCount,
  copiesOfRanks,
  holdsLora,
  joinedAlong,
  ModelWeightTransformationSpec,
  PARAMETER_NAMES,
  shapeMismatch,
  type OriginalWeight,
  type OriginalWeights,
  type ShardedStateDicts,
  type SpecMetadata,
  type StateDict,
  type TensorParallelRank,
} from './spec.ts';

export interface FusedLinearsFields {
  readonly fusedLinearName: string;
  readonly linearNames: readonly string[];
  readonly bias: boolean;
  /** 0 (also "column"): fused along the output axis; 1 ("row"): along the input axis. */
  readonly fuseAxis: 0 | 1 | 'column' | 'row';
  /** Size of each original linear along the fuse axis. */
  readonly originalDims: readonly number[];
  readonly tpSize: number;
}

/** Several linears that the Neuron model holds as one, sharded over the ranks (optimum-neuron `FusedLinearsSpec`). */
export class FusedLinearsSpec extends ModelWeightTransformationSpec implements FusedLinearsFields {
  readonly name = 'FusedLinearsSpec';
  readonly fusedLinearName: string;
  readonly linearNames: readonly string[];
  readonly bias: boolean;
  readonly fuseAxis: 0 | 1;
  readonly originalDims: readonly number[];
  readonly tpSize: number;

  constructor(fields: FusedLinearsFields, peftType: string | null = null, unknownFields: SpecMetadata = {}) {
    super(peftType, unknownFields);
    this.fusedLinearName = fields.fusedLinearName;
    this.linearNames = fields.linearNames;
    this.bias = fields.bias;
    this.fuseAxis = fields.fuseAxis === 'column' || fields.fuseAxis === 0 ? 0 : 1;
    this.originalDims = fields.originalDims;
    this.tpSize = fields.tpSize;
    ModelWeightTransformationSpec.checkDistinct(this.linearNames);
    if (this.linearNames.length !== this.originalDims.length) {
      throw new ShardloomError({
        tag: 'bad-metadata',
        what: 'FusedLinearsSpec has another number of linears than of sizes.',
        tensor: this.fusedLinearName,
        found: `linear_names: ${this.linearNames.length}, original_dims: ${this.originalDims.length}`,
        expected: 'one size for each linear',
      });
    }
  }

  override get fusion(): Fusion {
    return { into: this.fusedLinearName, linears: this.linearNames };
  }

  getRelevantParameterNames(moduleFullyQualifiedName: string): Set<string> {
    const names = new Set<string>();
    for (const linear of [this.fusedLinearName, ...this.linearNames]) {
      for (const parameter of this.bias ? PARAMETER_NAMES : (['weight'] as const)) {
        for (const level of ['', 'lora_A.', 'lora_B.']) {
          names.add(`${moduleFullyQualifiedName}.${linear}.${level}${parameter}`);
        }
      }
    }
    return names;
  }

  toOriginalWeights(
    moduleFullyQualifiedName: string,
    shardedStateDicts: ShardedStateDicts,
    parametersMetadata: ParametersMetadata,
  ): OriginalWeights {
    const weights = new Map<string, OriginalWeight>();
    const keysToRemove: string[] = [];
    const take = (level: string, transform: (fused: string, locals: readonly View[]) => OriginalWeight[]): void => {
      const fused = `${moduleFullyQualifiedName}.${this.fusedLinearName}.${level}`;
      const locals = shardedStateDicts.get(fused);
      if (!locals) return;
      checkRankCount(this, fused, locals);
      const parts = transform(fused, locals);
      this.linearNames.forEach((linear, index) => {
        weights.set(`${moduleFullyQualifiedName}.${linear}.${level}`, parts[index]!);
      });
      keysToRemove.push(fused);
    };
    for (const parameter of PARAMETER_NAMES) {
      for (const prefix of BASE_LAYER_PREFIXES) {
        take(`${prefix}${parameter}`, (fused, locals) => {
          return this.#unfuse(fused, locals, parametersMetadata.get(fused)?.partitionDim ?? this.fuseAxis);
        });
      }
      take(`lora_A.${parameter}`, (fused, locals) => this.#shareLoraA(fused, locals));
      take(`lora_B.${parameter}`, (fused, locals) => {
        return this.fuseAxis === 0 ? this.#unfuse(fused, locals, 0) : this.#unfuseRowLoraB(fused, locals);
      });
    }
    return { weights, keysToRemove };
  }

  /** Cuts each rank's fused weight along the fuse axis and joins part i of all ranks along the partition axis. */
  #unfuse(fused: string, locals: readonly View[], partitionDim: number): OriginalWeight[] {
    const sizes = this.originalDims.map((size) => (partitionDim === this.fuseAxis ? size / this.tpSize : size));
    const expected = sizes.reduce((sum, size) => sum + size, 0);
    for (const local of locals) {
      if (local.shape[this.fuseAxis] !== expected || !sizes.every(Number.isInteger)) {
        throw shapeMismatch(
          fused,
          local,
          `The fused linears ${this.linearNames.join(', ')} do not have the sizes that the metadata gives.`,
          `axis ${this.fuseAxis} of size ${sizes.join(' + ')} (original_dims ${this.originalDims.join(', ')} over ${this.tpSize} ranks)`,
        );
      }
    }
    const parts = locals.map((local) => split(local, sizes, this.fuseAxis));
    return this.linearNames.map((_, index) => ({
      view: cat(
        parts.map((ofRank) => ofRank[index]!),
        partitionDim,
      ),
      transformation: 'unfused',
      from: [fused],
      copies: [],
    }));
  }

  /** Column: one lora_A on every rank. Row: lora_A is split along its input axis. Each linear gets a copy of the whole. */
  #shareLoraA(fused: string, locals: readonly View[]): OriginalWeight[] {
    const whole = this.fuseAxis === 0 ? locals[0]! : joinedAlong(1, fused, locals);
    const copies = this.fuseAxis === 0 ? copiesOfRanks(locals) : [];
    return this.linearNames.map(() => ({ view: whole, transformation: 'shared lora_A copied', from: [fused], copies }));
  }

  /** Row: lora_B is not split over ranks; it is cut along the fuse axis into equal parts. */
  #unfuseRowLoraB(fused: string, locals: readonly View[]): OriginalWeight[] {
    const cut = (view: View): View[] => {
      const size = (view.shape[this.fuseAxis] ?? 0) / this.linearNames.length;
      if (!Number.isInteger(size)) {
        throw shapeMismatch(
          fused,
          view,
          `The lora_B of ${this.linearNames.join(', ')} cannot be cut into equal parts.`,
          `axis ${this.fuseAxis} divisible by ${this.linearNames.length}`,
        );
      }
      return split(view, new Array<number>(this.linearNames.length).fill(size), this.fuseAxis);
    };
    const ofRanks = locals.map(cut);
    return this.linearNames.map((_, index) => ({
      view: ofRanks[0]![index]!,
      transformation: 'unfused',
      from: [fused],
      copies: copiesOfRanks(ofRanks.map((parts) => parts[index]!)),
    }));
  }

  guessPeftType(parameterNames: Iterable<string>, moduleFullyQualifiedName: string): 'lora' | null {
    return holdsLora(`${moduleFullyQualifiedName}.${this.fusedLinearName}`, parameterNames);
  }

  withPeftType(peftType: 'lora' | null): FusedLinearsSpec {
    return new FusedLinearsSpec(this, peftType, this.unknownFields);
  }

  adaptStateDict(moduleFullyQualifiedName: string, stateDict: StateDict, rank: TensorParallelRank): StateDict {
    const adapted = new Map(stateDict);
    const fuse = (parameter: string, transform: (whole: readonly View[], name: string) => View): void => {
      const names = this.linearNames.map((linear) => `${moduleFullyQualifiedName}.${linear}.${parameter}`);
      const whole = takeTogether(adapted, names, this.fusedLinearName);
      const name = `${moduleFullyQualifiedName}.${this.fusedLinearName}.${parameter}`;
      if (whole) adapted.set(name, transform(whole, name));
    };
    const isColumn = this.fuseAxis === 0;
    const fused = (whole: readonly View[]): View =>
      createLocalFusedWeight(rank.tpRank, rank.tpSize, whole, this.fuseAxis, this.fuseAxis);
    for (const parameter of PARAMETER_NAMES) {
      for (const prefix of BASE_LAYER_PREFIXES) fuse(`${prefix}${parameter}`, fused);
      fuse(`lora_A.${parameter}`, (whole, name) => {
        return sharedLoraA(
          name,
          isColumn ? whole : whole.map((view) => createLocalWeightWithPadding(view, 1, 1, rank)),
        );
      });
      fuse(`lora_B.${parameter}`, (whole) => (isColumn ? fused(whole) : cat(whole, this.fuseAxis)));
    }
    return adapted;
  }

  toMetadata(): SpecMetadata {
    return {
      ...this.unknownFields,
      fused_linear_name: this.fusedLinearName,
      linear_names: this.linearNames,
      bias: this.bias,
      fuse_axis: this.fuseAxis,
      original_dims: this.originalDims,
      tp_size: this.tpSize,
      peft_type: this.peftType,
    };
  }
}
