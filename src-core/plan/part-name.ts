import type { KvPlacementFound, ShardedState } from '../checkpoint/checkpoint.ts';

/** What a checkpoint consists of: the model, and adapters by name. */
export type PartName = 'model' | `adapter:${string}`;

export function partNameOf({ adapterName }: Pick<ShardedState, 'adapterName'>): PartName {
  return adapterName === undefined ? 'model' : `adapter:${adapterName}`;
}

export function isPartName(text: string): text is PartName {
  return text === 'model' || /^adapter:./s.test(text);
}

/** How copies of KV heads are placed in a part that has some. */
export interface PartKvPlacement extends KvPlacementFound {
  readonly part: PartName;
}

/** The placements of those parts in which it matters. */
export function kvPlacementsOf(states: readonly ShardedState[]): PartKvPlacement[] {
  return states.flatMap((state) => (state.kvPlacement ? [{ part: partNameOf(state), ...state.kvPlacement }] : []));
}
