import { ShardloomError } from '../errors.ts';
import { chunk, gatherBlocks, narrow } from '../tensor/operations.ts';
import type { KvPlacement, ParametersMetadata } from '../tensor/parallel.ts';
import type { View } from '../tensor/view.ts';
import { computeQueryIndicesForRank, gqaLayout, queryHeadPositions, slotsOfReplicas } from './gqa-heads.ts';
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
    for (const name of this.outputProjectionNames(moduleFullyQualifiedName)) {
      const locals = this.#ranks(name, shardedStateDicts);
      if (!locals) continue;
      weights.set(name, this.#reorderHeads(name, joinedAlong(1, name, locals), 1));
      keysToRemove.push(name);
    }
    return { weights, keysToRemove };
  }

  /** The output projection's own weight and its lora_A have attention heads as columns; its bias and lora_B have not. */
  outputProjectionNames(moduleFullyQualifiedName: string): string[] {
    const linear = `${moduleFullyQualifiedName}.${this.fields.outputProjectionName}`;
    return [...BASE_LAYER_PREFIXES, 'lora_A.'].map((level) => `${linear}.${level}weight`);
  }

  #projections(): readonly (readonly ['q' | 'k' | 'v', string])[] {
    const { queryProjectionName, keyProjectionName, valueProjectionName } = this.fields;
    return [
      ['q', queryProjectionName],
      ['k', keyProjectionName],
      ['v', valueProjectionName],
    ];
  }

  #ranks(name: string, shardedStateDicts: Lookup): readonly View[] | undefined {
    const locals = shardedStateDicts.get(name);
    if (locals) checkRankCount(this, name, locals);
    return locals;
  }

  /**
   * The ranks' query, key and value tensors under `prefix`, separate or cut from the fused one, or null where none was saved.
   * A fused lora_B may also be called `weight` (what the reference writes when it shards) instead of `weight_qkv`.
   */
  #localProjections(prefix: string, parameter: string, shardedStateDicts: Lookup): LocalProjections | null {
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
    const headDim = wholeHeads(name, joined, axis, this.fields.numAttentionHeads);
    const positions = queryHeadPositions(this.fields);
    const isInOrder = positions.every((position, head) => position === head);
    const view = gatherBlocks(joined, axis, headDim, positions);
    return { view, transformation: isInOrder ? 'joined' : 'query heads reordered', from: [name], copies: [] };
  }

  /** Replica 0 of every KV head; the others should equal it. */
  #takeReplica(joined: View, from: string): OriginalWeight {
    const { numKeyValueHeads, kvSizeMultiplier } = this.fields;
    const headDim = wholeHeads(from, joined, 0, numKeyValueHeads * kvSizeMultiplier);
    const [taken, ...others] = slotsOfReplicas(this.fields).map((slots) => gatherBlocks(joined, 0, headDim, slots));
    return {
      view: taken!,
      transformation: kvSizeMultiplier > 1 ? 'KV replica taken' : 'joined',
      from: [from],
      copies: others.map((view, index) => ({ label: `KV replica ${index + 1}`, view })),
    };
  }

  /**
   * What the KV slots hold, for everything of the module that was saved: by key or value parameter of the original model a view on each
   * slot, in the order of the ranks.
   */
  kvSlots(moduleFullyQualifiedName: string, shardedStateDicts: Pick<ShardedStateDicts, 'get'>): Map<string, View[]> {
    const { fields } = this;
    const count = fields.numKeyValueHeads * fields.kvSizeMultiplier;
    const found = new Map<string, View[]>();
    for (const parameter of PARAMETER_NAMES) {
      for (const level of [...BASE_LAYER_PREFIXES, 'lora_B.']) {
        const gqa = `${moduleFullyQualifiedName}.${fields.gqaQkvProjectionName}.${level}`;
        const saved = this.#localProjections(gqa, parameter, shardedStateDicts);
        if (!saved) continue;
        for (const [kind, projection] of this.#projections()) {
          if (kind === 'q') continue;
          const joined = joinedAlong(0, saved.from[kind], saved.locals[kind]);
          if (wholeHeads(saved.from[kind], joined, 0, count) === 0) continue;
          found.set(`${moduleFullyQualifiedName}.${projection}.${level}${parameter}`, chunk(joined, count, 0));
        }
      }
    }
    return found;
  }

  /** The same spec for another placement of the copies of KV heads. */
  withKvPlacement(kvPlacement: KvPlacement): GQAQKVColumnParallelLinearSpec {
    return new GQAQKVColumnParallelLinearSpec({ ...this.fields, kvPlacement }, this.peftType, this.unknownFields);
  }

  guessPeftType(parameterNames: Iterable<string>, moduleFullyQualifiedName: string): 'lora' | null {
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

/** All that is needed of the ranks' tensors: those of a name. */
type Lookup = Pick<ShardedStateDicts, 'get'>;

interface LocalProjections {
  readonly locals: Readonly<Record<'q' | 'k' | 'v', readonly View[]>>;
  readonly from: Readonly<Record<'q' | 'k' | 'v', string>>;
}

/** Rows or columns of one head. Throws `shape-mismatch` where the heads do not divide the axis. */
function wholeHeads(name: string, joined: View, axis: 0 | 1, heads: number): number {
  const headDim = (joined.shape[axis] ?? 0) / heads;
  if (Number.isInteger(headDim)) return headDim;
  throw shapeMismatch(
    name,
    joined,
    'The attention heads do not divide the projection.',
    `axis ${axis} divisible by ${heads} heads`,
  );
}
