import { cat, gatherBlocks, narrow } from '../tensor/operations.ts';
import type { KvPlacement } from '../tensor/parallel.ts';
import type { View } from '../tensor/view.ts';
import { computeQueryIndicesForRank, kvHeadOfSlot, type KvSlots } from './gqa-heads.ts';
import { sharedLoraA, takeTogether } from './local-weights.ts';
import { BASE_LAYER_PREFIXES, PARAMETER_NAMES, type StateDict, type TensorParallelRank } from './spec.ts';

export interface GQAQKVFields {
  readonly gqaQkvProjectionName: string;
  readonly queryProjectionName: string;
  readonly keyProjectionName: string;
  readonly valueProjectionName: string;
  readonly outputProjectionName: string;
  readonly numAttentionHeads: number;
  readonly numKeyValueHeads: number;
  readonly kvSizeMultiplier: number;
  /** The metadata does not have it: it is what the copies show, or what was asked for. Absent: tiled. */
  readonly kvPlacement?: KvPlacement;
  /** Rows of the query projection on one rank. */
  readonly qOutputSizePerPartition: number;
  /** Rows of the key (and of the value) projection on one rank, copies included. */
  readonly kvOutputSizePerPartition: number;
  readonly fuseQkv: boolean;
  readonly bias: boolean;
  readonly tpSize: number;
}

/**
 * One rank's key or value weight: the original's heads repeated along its rows, one part of it. Only where copies are adjacent does it
 * matter how many heads there are: `placed` says so.
 */
export function createKvProjLocalWeightFromRegularWeight(
  weight: View,
  kvSizeMultiplier: number,
  outputSizePerPartition: number,
  { tpRank }: TensorParallelRank,
  placed: Pick<KvSlots, 'numKeyValueHeads' | 'kvPlacement'> = { numKeyValueHeads: 1 },
): View {
  const headRows = (weight.shape[0] ?? 0) / placed.numKeyValueHeads;
  const start = tpRank * outputSizePerPartition;
  const [first, end] = [Math.floor(start / headRows), Math.ceil((start + outputSizePerPartition) / headRows)];
  const heads = Array.from({ length: end - first }, (_, slot) => {
    return kvHeadOfSlot({ ...placed, kvSizeMultiplier }, first + slot).kvHead;
  });
  return narrow(gatherBlocks(weight, 0, headRows, heads), 0, start - first * headRows, outputSizePerPartition);
}

/** One rank's query rows ("query", axis 0) or output projection columns ("output", axis 1), by whole heads. */
export function createQueryOrOutputProjectionLocalWeightFromRegularWeight(
  weight: View,
  numAttentionHeads: number,
  numKeyValueHeads: number,
  kvSizeMultiplier: number,
  queryOrOutputProj: 'query' | 'output',
  { tpSize, tpRank }: TensorParallelRank,
  kvPlacement: KvPlacement = 'tiled',
): View {
  const axis = queryOrOutputProj === 'query' ? 0 : 1;
  const headDim = (weight.shape[axis] ?? 0) / numAttentionHeads;
  const heads = computeQueryIndicesForRank(
    tpSize,
    tpRank,
    numAttentionHeads,
    numKeyValueHeads,
    kvSizeMultiplier,
    kvPlacement,
  );
  return gatherBlocks(weight, axis, headDim, heads);
}

/**
 * The state dict of one rank: query, key and value become parts of the GQA projection, with one lora_A for the three; the
 * output projection's columns, and those of its lora_A, follow the order of the query heads.
 */
export function adaptGqaProjections(
  fields: GQAQKVFields,
  moduleFullyQualifiedName: string,
  stateDict: StateDict,
  rank: TensorParallelRank,
): Map<string, View> {
  const adapted = new Map(stateDict);
  const module = (linear: string, parameter: string): string => `${moduleFullyQualifiedName}.${linear}.${parameter}`;
  const projections = [fields.queryProjectionName, fields.keyProjectionName, fields.valueProjectionName];
  const take = (parameter: string): readonly View[] | null =>
    takeTogether(
      adapted,
      projections.map((projection) => module(projection, parameter)),
      fields.gqaQkvProjectionName,
    );
  for (const parameter of PARAMETER_NAMES) {
    for (const level of [...BASE_LAYER_PREFIXES, 'lora_B.']) {
      const whole = take(`${level}${parameter}`);
      if (!whole) continue;
      const locals = localProjections(fields, whole, rank);
      const name = module(fields.gqaQkvProjectionName, `${level}${parameter}`);
      if (fields.fuseQkv) adapted.set(`${name}_qkv`, cat(locals, 0));
      else ['q', 'k', 'v'].forEach((suffix, index) => adapted.set(`${name}_${suffix}`, locals[index]!));
    }
    const loraA = take(`lora_A.${parameter}`);
    if (loraA) {
      const name = module(fields.gqaQkvProjectionName, `lora_A.${parameter}`);
      adapted.set(name, sharedLoraA(name, loraA));
    }
  }
  for (const level of [...BASE_LAYER_PREFIXES, 'lora_A.']) {
    const name = module(fields.outputProjectionName, `${level}weight`);
    const weight = adapted.get(name);
    if (weight) adapted.set(name, localQueryOrOutput(fields, weight, 'output', rank));
  }
  return adapted;
}

function localProjections(fields: GQAQKVFields, [q, k, v]: readonly View[], rank: TensorParallelRank): View[] {
  const { kvSizeMultiplier, kvOutputSizePerPartition } = fields;
  const local = (weight: View): View =>
    createKvProjLocalWeightFromRegularWeight(weight, kvSizeMultiplier, kvOutputSizePerPartition, rank, fields);
  return [localQueryOrOutput(fields, q!, 'query', rank), local(k!), local(v!)];
}

function localQueryOrOutput(
  fields: GQAQKVFields,
  weight: View,
  which: 'query' | 'output',
  rank: TensorParallelRank,
): View {
  const { numAttentionHeads, numKeyValueHeads, kvSizeMultiplier, kvPlacement } = fields;
  return createQueryOrOutputProjectionLocalWeightFromRegularWeight(
    weight,
    numAttentionHeads,
    numKeyValueHeads,
    kvSizeMultiplier,
    which,
    rank,
    kvPlacement,
  );
}
