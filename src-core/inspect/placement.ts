import type { ModelConfig } from '../checkpoint/configs.ts';
import { MAX_LAYOUT_BLOCKS } from '../limits.ts';
import type { OriginalWeight } from '../specs/spec.ts';
import { regionsOf } from '../tensor/view.ts';
import type { PlacedRegion, Placement } from './drawing/placement.ts';
import { headLayoutOf } from './head-layout.ts';

/** A weight of one of several folders that hold the same parameter. */
export interface PlacedWeight extends OriginalWeight {
  readonly name: string;
  readonly config: ModelConfig | undefined;
}

/** Ranks and heads of a parameter, each from the first side that knows them. At most {@link MAX_LAYOUT_BLOCKS} regions. */
export function placementOf(sides: readonly PlacedWeight[]): Placement {
  const regions = sides.map(placedRegionsOf).find((found) => found.length > 0) ?? [];
  const heads = sides.map((side) => headLayoutOf(side.name, side, side.config)).find((found) => found !== null);
  return {
    regions: regions.slice(0, MAX_LAYOUT_BLOCKS),
    heads: heads ? { kind: heads.kind, axis: heads.axis, headDim: heads.headDim } : null,
  };
}

function placedRegionsOf({ view }: PlacedWeight): PlacedRegion[] {
  return regionsOf(view).flatMap(({ at, size, source: { rank, file } }) => (rank ? [{ at, size, rank, file }] : []));
}
