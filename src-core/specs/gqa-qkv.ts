import { ShardloomError } from '../errors.ts';
import { gatherBlocks, narrow } from '../tensor/operations.ts';
import type { ParametersMetadata } from '../tensor/parallel.ts';
import type { View } from '../tensor/view.ts';
import { computeQueryIndicesForRank, gqaLayout, queryHeadPositions } from './gqa-heads.ts';
import {
  adaptGqaProjections,
  createKvProjLocalWeightFromRegularWeight,
  createQueryOrOutputProjectionLocalWeightFromRegularWeight,
  type GQAQKVFields,
} from './gqa-sharding.ts';
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

/**
 * Query, key and value projections as one GQAQKVColumnParallelLinear, with key and value heads multiplied until every rank
 * has some (optimum-neuron `GQAQKVColumnParallelLinearSpec`).
 */
export class GQAQKVColumnParallelLinearSpec extends ModelWeightTransformationSpec {
  readonly name = 'GQAQKVColumnParallelLinearSpec';
  readonly fields: GQAQKVFields;
  readonly tpSize: number;

  constructor(fields: GQAQKVFields, peftType: string | null = null, unknownFields: SpecMetadata = {}) {
    super(peftType, unknownFields);
    this.fields = fields;
    this.tpSize = fields.tpSize;
    const { queryProjectionName: q, keyProjectionName: k, valueProjectionName: v, outputProjectionName: o } = fields;
    ModelWeightTransformationSpec.checkDistinct([q, k, v, o]);
    gqaLayout(fields);
  }

  static computeQueryIndicesForRank = computeQueryIndicesForRank;

  static createKvProjLocalWeightFromRegularWeight = createKvProjLocalWeightFromRegularWeight;
  static createQueryOrOutputProjectionLocalWeightFromRegularWeight =
    createQueryOrOutputProjectionLocalWeightFromRegularWeight;

  override get fusion(): Fusion {
    const { gqaQkvProjectionName, queryProjectionName, keyProjectionName, valueProjectionName } = this.fields;
    return { into: gqaQkvProjectionName, linears: [queryProjectionName, keyProjectionName, valueProjectionName] };
  }

  getRelevantParameterNames(moduleFullyQualifiedName: string): Set<string> {
    const { fields } = this;
    const names = new Set<string>();
    const projections = [...this.#projections().map(([, name]) => name), fields.outputProjectionName];
    const suffixes = fields.fuseQkv ? ['_qkv'] : ['_q', '_k', '_v'];
    for (const parameter of fields.bias ? PARAMETER_NAMES : (['weight'] as const)) {
      for (const projection of projections) {
        for (const level of ['', 'lora_A.', 'lora_B.']) {
          names.add(`${moduleFullyQualifiedName}.${projection}.${level}${parameter}`);
        }
      }
      const gqa = `${moduleFullyQualifiedName}.${fields.gqaQkvProjectionName}`;
      names.add(`${gqa}.lora_A.${parameter}`);
      for (const suffix of suffixes) {
        names.add(`${gqa}.${parameter}${suffix}`);
        names.add(`${gqa}.lora_B.${parameter}${suffix}`);
      }
    }
    return names;
  }

  toOriginalWeights(
    moduleFullyQualifiedName: string,
    shardedStateDicts: ShardedStateDicts,
    _parametersMetadata: ParametersMetadata,
  ): OriginalWeights {
    const weights = new Map<string, OriginalWeight>();
    const keysToRemove: string[] = [];
    const module = (linear: string, level: string): string => `${moduleFullyQualifiedName}.${linear}.${level}`;
    const gqa = this.fields.gqaQkvProjectionName;
    for (const parameter of PARAMETER_NAMES) {
      for (const level of [...BASE_LAYER_PREFIXES, 'lora_B.']) {
        const found = this.#localProjections(module(gqa, level), parameter, shardedStateDicts);
        if (!found) continue;
        for (const [kind, projection] of this.#projections()) {
          weights.set(
            module(projection, `${level}${parameter}`),
            this.#whole(kind, found.locals[kind], found.from[kind]),
          );
        }
        keysToRemove.push(...new Set(Object.values(found.from)));
      }
      const loraA = module(gqa, `lora_A.${parameter}`);
      const shared = this.#ranks(loraA, shardedStateDicts);
      if (shared) {
        for (const [, projection] of this.#projections()) {
          weights.set(module(projection, `lora_A.${parameter}`), {
            view: shared[0]!,
            transformation: 'shared lora_A copied',
            from: [loraA],
            copies: copiesOfRanks(shared),
          });
        }
        keysToRemove.push(loraA);
      }
    }
    // The output projection's own weight and its lora_A have attention heads as columns; its bias and lora_B have not.
    for (const level of [...BASE_LAYER_PREFIXES, 'lora_A.']) {
      const name = module(this.fields.outputProjectionName, `${level}weight`);
      const locals = this.#ranks(name, shardedStateDicts);
      if (!locals) continue;
      weights.set(name, this.#reorderHeads(name, joinedAlong(1, name, locals), 1));
      keysToRemove.push(name);
    }
    return { weights, keysToRemove };
  }

  #projections(): readonly (readonly ['q' | 'k' | 'v', string])[] {
    const { queryProjectionName, keyProjectionName, valueProjectionName } = this.fields;
    return [
      ['q', queryProjectionName],
      ['k', keyProjectionName],
      ['v', valueProjectionName],
    ];
  }

  #ranks(name: string, shardedStateDicts: ShardedStateDicts): readonly View[] | undefined {
    const locals = shardedStateDicts.get(name);
    if (locals) checkRankCount(this, name, locals);
    return locals;
  }

  /**
   * The ranks' query, key and value tensors under `prefix`, separate or cut from the fused one, or null where none was saved.
   * A fused lora_B may also be called `weight` (what the reference writes when it shards) instead of `weight_qkv`.
   */
  #localProjections(prefix: string, parameter: string, shardedStateDicts: ShardedStateDicts): LocalProjections | null {
    const fusedNames = [`${prefix}${parameter}_qkv`];
    if (prefix.endsWith('.lora_B.')) fusedNames.push(`${prefix}${parameter}`);
    for (const name of fusedNames) {
      const locals = this.#ranks(name, shardedStateDicts);
      if (locals) return { ...this.#cutFused(name, locals), from: { q: name, k: name, v: name } };
    }
    const names = { q: `${prefix}${parameter}_q`, k: `${prefix}${parameter}_k`, v: `${prefix}${parameter}_v` };
    const [q, k, v] = [names.q, names.k, names.v].map((name) => this.#ranks(name, shardedStateDicts));
    if (!q && !k && !v) return null;
    if (!q || !k || !v) {
      const missing = [!q && names.q, !k && names.k, !v && names.v].filter(Boolean).join(', ');
      throw new ShardloomError({
        tag: 'missing-tensor',
        what: 'Query, key and value are saved together, but not all of them are in the shards.',
        tensor: missing,
        advice: 'Save the checkpoint again, or take the shards from the same save.',
      });
    }
    this.#checkRows(names.q, q, this.fields.qOutputSizePerPartition);
    this.#checkRows(names.k, k, this.fields.kvOutputSizePerPartition);
    this.#checkRows(names.v, v, this.fields.kvOutputSizePerPartition);
    return { locals: { q, k, v }, from: names };
  }

  /** [q; k; v] of each rank, cut along its rows. */
  #cutFused(name: string, locals: readonly View[]): Pick<LocalProjections, 'locals'> {
    const { qOutputSizePerPartition: q, kvOutputSizePerPartition: kv } = this.fields;
    this.#checkRows(name, locals, q + 2 * kv);
    return {
      locals: {
        q: locals.map((local) => narrow(local, 0, 0, q)),
        k: locals.map((local) => narrow(local, 0, q, kv)),
        v: locals.map((local) => narrow(local, 0, q + kv, kv)),
      },
    };
  }

  #checkRows(name: string, locals: readonly View[], rows: number): void {
    for (const local of locals) {
      if (local.shape[0] === rows) continue;
      throw shapeMismatch(
        name,
        local,
        'The attention projection does not have the rows that the metadata gives.',
        `${rows} rows`,
      );
    }
  }

  #whole(kind: 'q' | 'k' | 'v', locals: readonly View[], from: string): OriginalWeight {
    const joined = joinedAlong(0, from, locals);
    return kind === 'q' ? this.#reorderHeads(from, joined, 0) : this.#takeReplica(joined, from);
  }

  #reorderHeads(name: string, joined: View, axis: 0 | 1): OriginalWeight {
    const headDim = (joined.shape[axis] ?? 0) / this.fields.numAttentionHeads;
    if (!Number.isInteger(headDim)) {
      throw shapeMismatch(
        name,
        joined,
        'The attention heads do not divide the projection.',
        `axis ${axis} divisible by ${this.fields.numAttentionHeads} heads`,
      );
    }
    const view = gatherBlocks(joined, axis, headDim, queryHeadPositions(this.fields));
    return { view, transformation: 'query heads reordered', from: [name], copies: [] };
  }

  /** All KV slots stand one behind the other: replica 0 of every head, then replica 1 … */
  #takeReplica(joined: View, from: string): OriginalWeight {
    const multiplier = this.fields.kvSizeMultiplier;
    const rows = (joined.shape[0] ?? 0) / multiplier;
    const replica = (index: number): View => narrow(joined, 0, index * rows, rows);
    const copies = Array.from({ length: multiplier - 1 }, (_, index) => ({
      label: `KV replica ${index + 1}`,
      view: replica(index + 1),
    }));
    return {
      view: replica(0),
      transformation: multiplier > 1 ? 'KV replica taken' : 'joined',
      from: [from],
      copies,
    };
  }

  guessPeftType(moduleFullyQualifiedName: string, parameterNames: Iterable<string>): 'lora' | null {
    return holdsLora(`${moduleFullyQualifiedName}.${this.fields.gqaQkvProjectionName}`, parameterNames);
  }

  withPeftType(peftType: 'lora' | null): GQAQKVColumnParallelLinearSpec {
    return new GQAQKVColumnParallelLinearSpec(this.fields, peftType, this.unknownFields);
  }

  adaptStateDict(moduleFullyQualifiedName: string, stateDict: StateDict, rank: TensorParallelRank): StateDict {
    return adaptGqaProjections(this.fields, moduleFullyQualifiedName, stateDict, rank);
  }

  toMetadata(): SpecMetadata {
    const { fields } = this;
    return {
      ...this.unknownFields,
      gqa_qkv_projection_name: fields.gqaQkvProjectionName,
      query_projection_name: fields.queryProjectionName,
      key_projection_name: fields.keyProjectionName,
      value_projection_name: fields.valueProjectionName,
      output_projection_name: fields.outputProjectionName,
      num_attention_heads: fields.numAttentionHeads,
      num_key_value_heads: fields.numKeyValueHeads,
      kv_size_multiplier: fields.kvSizeMultiplier,
      q_output_size_per_partition: fields.qOutputSizePerPartition,
      kv_output_size_per_partition: fields.kvOutputSizePerPartition,
      fuse_qkv: fields.fuseQkv,
      bias: fields.bias,
      tp_size: fields.tpSize,
      peft_type: this.peftType,
    };
  }
}

interface LocalProjections {
  readonly locals: Readonly<Record<'q' | 'k' | 'v', readonly View[]>>;
  readonly from: Readonly<Record<'q' | 'k' | 'v', string>>;
}
