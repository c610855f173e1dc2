import { ShardloomError } from '../errors.ts';
import type { KvPlacement } from '../tensor/parallel.ts';

/** Key/value heads that are multiplied for the ranks: `numKeyValueHeads * kvSizeMultiplier` slots, counted through all ranks. */
export interface KvSlots {
  readonly numKeyValueHeads: number;
  readonly kvSizeMultiplier: number;
  /** Absent: tiled. */
  readonly kvPlacement?: KvPlacement;
}

/** Head counts of grouped query attention and how its key/value heads are multiplied for the ranks. */
export interface GqaSizes extends KvSlots {
  readonly numAttentionHeads: number;
  readonly tpSize: number;
}

/**
 * The KV head that a slot holds, and as which of its replicas: with K heads and multiplier m, slot p holds p mod K as replica
 * floor(p / K) where they are tiled, and floor(p / m) as replica p mod m where they are adjacent. The order of the query heads, and
 * with it that of the output projection's columns, follows from this: adjacent leaves it as the model has it.
 */
export function kvHeadOfSlot(
  { numKeyValueHeads, kvSizeMultiplier, kvPlacement }: KvSlots,
  slot: number,
): { readonly kvHead: number; readonly replica: number } {
  return kvPlacement === 'adjacent'
    ? { kvHead: Math.floor(slot / kvSizeMultiplier), replica: slot % kvSizeMultiplier }
    : { kvHead: slot % numKeyValueHeads, replica: Math.floor(slot / numKeyValueHeads) };
}

/** The other way: by replica, then by KV head, the slot that holds it. */
export function slotsOfReplicas(slots: KvSlots): number[][] {
  const found = Array.from({ length: slots.kvSizeMultiplier }, () => new Array<number>(slots.numKeyValueHeads));
  for (let slot = 0; slot < slots.numKeyValueHeads * slots.kvSizeMultiplier; slot++) {
    const { kvHead, replica } = kvHeadOfSlot(slots, slot);
    found[replica]![kvHead] = slot;
  }
  return found;
}

/** True where the two placements are different ones: there are several heads, and copies of each. */
export function hasKvPlacement({ numKeyValueHeads, kvSizeMultiplier }: KvSlots): boolean {
  return numKeyValueHeads > 1 && kvSizeMultiplier > 1;
}

/** What follows from the sizes. */
export interface GqaLayout {
  readonly queryHeadsPerRank: number;
  /** KV heads that a rank holds, copies included. */
  readonly kvSlotsPerRank: number;
  /** Query heads that belong to one KV head a rank holds. */
  readonly queryHeadsPerSlot: number;
}

/** The layout for these sizes. Throws `unsupported` where they do not divide: see {@link kvSizeMultipliersThatFit}. */
export function gqaLayout(sizes: GqaSizes): GqaLayout {
  const layout = layoutOf(sizes);
  if (fits(sizes, layout)) return layout;
  const { numAttentionHeads, numKeyValueHeads, kvSizeMultiplier, tpSize } = sizes;
  const fitting = kvSizeMultipliersThatFit(sizes);
  throw new ShardloomError({
    tag: 'unsupported',
    what: 'These attention heads cannot be laid out over the ranks.',
    found: `num_attention_heads ${numAttentionHeads}, num_key_value_heads ${numKeyValueHeads}, kv_size_multiplier ${kvSizeMultiplier}, tensor parallel size ${tpSize}`,
    expected:
      fitting.length > 0
        ? `a kv_size_multiplier of ${fitting.join(' or ')} for this tensor parallel size`
        : 'head counts that the tensor parallel size divides',
    advice: 'The metadata is damaged, or belongs to another model: check it against config.json and trn_config.json.',
  });
}

/**
 * The multipliers with which heads can be laid out. One above the tensor parallel size, or one that makes a rank hold a number
 * of KV heads that does not divide their count, is none: there the reference computes a head order that is not a permutation,
 * or a wrong one without an error.
 */
export function kvSizeMultipliersThatFit(sizes: Omit<GqaSizes, 'kvSizeMultiplier'>): number[] {
  return Array.from({ length: sizes.tpSize }, (_, index) => index + 1).filter((kvSizeMultiplier) => {
    const one = { ...sizes, kvSizeMultiplier };
    return fits(one, layoutOf(one));
  });
}

function layoutOf({ numAttentionHeads, numKeyValueHeads, kvSizeMultiplier, tpSize }: GqaSizes): GqaLayout {
  const queryHeadsPerRank = numAttentionHeads / tpSize;
  const kvSlotsPerRank = (numKeyValueHeads * kvSizeMultiplier) / tpSize;
  return { queryHeadsPerRank, kvSlotsPerRank, queryHeadsPerSlot: queryHeadsPerRank / kvSlotsPerRank };
}

/** True if every division of the layout comes out even. */
function fits({ numAttentionHeads, numKeyValueHeads }: GqaSizes, layout: GqaLayout): boolean {
  const { queryHeadsPerRank, kvSlotsPerRank, queryHeadsPerSlot } = layout;
  const whole = [
    numAttentionHeads / numKeyValueHeads,
    queryHeadsPerRank,
    kvSlotsPerRank,
    queryHeadsPerSlot,
    numKeyValueHeads / kvSlotsPerRank,
  ];
  return whole.every((n) => Number.isInteger(n) && n >= 1);
}

/**
 * The query heads of the original model that a rank holds, in its order (the reference's `compute_query_indices_for_rank`).
 *
 * With S = K * m / tp KV slots a rank, slot j of rank r is the global slot p = r * S + j. It holds KV head k as replica c
 * ({@link kvHeadOfSlot}), and of that head's H / K query heads those from c * g on, g being the query heads per slot.
 */
export function computeQueryIndicesForRank(
  tpSize: number,
  tpRank: number,
  numAttentionHeads: number,
  numKeyValueHeads: number,
  kvSizeMultiplier: number,
  kvPlacement: KvPlacement = 'tiled',
): number[] {
  const sizes = { numAttentionHeads, numKeyValueHeads, kvSizeMultiplier, kvPlacement, tpSize };
  const { kvSlotsPerRank, queryHeadsPerSlot } = gqaLayout(sizes);
  const queryHeadsPerKvHead = numAttentionHeads / numKeyValueHeads;
  const indices: number[] = [];
  for (let slot = 0; slot < kvSlotsPerRank; slot++) {
    const { kvHead, replica } = kvHeadOfSlot(sizes, tpRank * kvSlotsPerRank + slot);
    const first = kvHead * queryHeadsPerKvHead + replica * queryHeadsPerSlot;
    for (let head = 0; head < queryHeadsPerSlot; head++) indices.push(first + head);
  }
  return indices;
}

/** For each original query head, where it stands in the ranks' joined order: the inverse of all ranks' indices. */
export function queryHeadPositions(sizes: GqaSizes): number[] {
  const positions = new Array<number>(sizes.numAttentionHeads);
  let position = 0;
  for (let rank = 0; rank < sizes.tpSize; rank++) {
    const indices = computeQueryIndicesForRank(
      sizes.tpSize,
      rank,
      sizes.numAttentionHeads,
      sizes.numKeyValueHeads,
      sizes.kvSizeMultiplier,
      sizes.kvPlacement,
    );
    for (const head of indices) positions[head] = position++;
  }
  return positions;
}
