import { ShardloomError } from '../errors.ts';

/** Head counts of grouped query attention and how its key/value heads are multiplied for the ranks. */
export interface GqaSizes {
  readonly numAttentionHeads: number;
  readonly numKeyValueHeads: number;
  readonly kvSizeMultiplier: number;
  readonly tpSize: number;
}

/** What follows from the sizes. */
export interface GqaLayout {
  readonly queryHeadsPerRank: number;
  /** KV heads that a rank holds, copies included. */
  readonly kvSlotsPerRank: number;
  /** Query heads that belong to one KV head a rank holds. */
  readonly queryHeadsPerSlot: number;
}

/**
 * The layout for these sizes, or an error where they do not divide. A multiplier above the tensor parallel size, or one
 * that makes a rank hold a number of KV heads that does not divide their count, is refused: there the reference computes a
 * head order that is not a permutation, or a wrong one without an error.
 */
export function gqaLayout(sizes: GqaSizes): GqaLayout {
  const { numAttentionHeads: heads, numKeyValueHeads: kvHeads, kvSizeMultiplier: multiplier, tpSize } = sizes;
  const queryHeadsPerRank = heads / tpSize;
  const kvSlotsPerRank = (kvHeads * multiplier) / tpSize;
  const queryHeadsPerSlot = queryHeadsPerRank / kvSlotsPerRank;
  const whole = [heads / kvHeads, queryHeadsPerRank, kvSlotsPerRank, queryHeadsPerSlot, kvHeads / kvSlotsPerRank];
  if (!whole.every((n) => Number.isInteger(n) && n >= 1)) {
    throw new ShardloomError({
      tag: 'unsupported',
      what: 'These attention heads cannot be laid out over the ranks.',
      found: `num_attention_heads ${heads}, num_key_value_heads ${kvHeads}, kv_size_multiplier ${multiplier}, tensor parallel size ${tpSize}`,
      expected: `${workingMultipliers(sizes)}`,
      advice: 'The metadata is damaged, or belongs to another model: check it against config.json and trn_config.json.',
    });
  }
  return { queryHeadsPerRank, kvSlotsPerRank, queryHeadsPerSlot };
}

function workingMultipliers({ numAttentionHeads, numKeyValueHeads, tpSize }: GqaSizes): string {
  const working: number[] = [];
  for (let m = 1; m <= tpSize; m++) {
    const slots = (numKeyValueHeads * m) / tpSize;
    const whole = [numAttentionHeads / tpSize, slots, numAttentionHeads / tpSize / slots, numKeyValueHeads / slots];
    if ([numAttentionHeads / numKeyValueHeads, ...whole].every((n) => Number.isInteger(n) && n >= 1)) working.push(m);
  }
  return working.length > 0
    ? `a kv_size_multiplier of ${working.join(' or ')} for this tensor parallel size`
    : 'head counts that the tensor parallel size divides';
}

/**
 * The query heads of the original model that a rank holds, in its order (the reference's `compute_query_indices_for_rank`).
 *
 * With S = K * m / tp KV slots a rank, slot j of rank r is the global slot p = r * S + j. It holds KV head k = p mod K as
 * replica c = floor(p / K), and of that head's H / K query heads those from c * g on, g being the query heads per slot.
 */
export function computeQueryIndicesForRank(
  tpSize: number,
  tpRank: number,
  numAttentionHeads: number,
  numKeyValueHeads: number,
  kvSizeMultiplier: number,
): number[] {
  const { kvSlotsPerRank, queryHeadsPerSlot } = gqaLayout({
    numAttentionHeads,
    numKeyValueHeads,
    kvSizeMultiplier,
    tpSize,
  });
  const queryHeadsPerKvHead = numAttentionHeads / numKeyValueHeads;
  const indices: number[] = [];
  for (let slot = 0; slot < kvSlotsPerRank; slot++) {
    const globalSlot = tpRank * kvSlotsPerRank + slot;
    const kvHead = globalSlot % numKeyValueHeads;
    const replica = Math.floor(globalSlot / numKeyValueHeads);
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
    );
    for (const head of indices) positions[head] = position++;
  }
  return positions;
}
