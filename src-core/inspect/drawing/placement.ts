import type { Rank } from '../../tensor/stored.ts';

/** Where a rank's shards and the attention heads are in an original parameter. */
export interface Placement {
  /** What each rank holds, in elements; empty where nothing is sharded. */
  readonly regions: readonly PlacedRegion[];
  /** Blocks of `headDim` rows or columns along `axis`; null where it has no heads. */
  readonly heads: { readonly kind: 'query' | 'kv'; readonly axis: number; readonly headDim: number } | null;
}

export interface PlacedRegion {
  readonly at: readonly number[];
  readonly size: readonly number[];
  readonly rank: Rank;
  readonly file: string;
}

/** Whose shard an element is in, and which head it belongs to; null what nobody knows. */
export interface ElementPlace {
  readonly rank: Rank | null;
  readonly file: string | null;
  readonly head: string | null;
}

/** The place of one element. */
export function placeAt({ regions, heads }: Placement, at: readonly number[]): ElementPlace {
  const region = regions.find((one) =>
    one.at.every((from, axis) => at[axis]! >= from && at[axis]! < from + one.size[axis]!),
  );
  return {
    rank: region?.rank ?? null,
    file: region?.file ?? null,
    head: heads && `${heads.kind === 'kv' ? 'KV' : 'query'} head ${Math.floor(at[heads.axis]! / heads.headDim)}`,
  };
}
