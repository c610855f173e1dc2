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
