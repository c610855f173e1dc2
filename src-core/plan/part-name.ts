import type { ShardedState } from '../checkpoint/checkpoint.ts';

/** What a checkpoint consists of: the model, and adapters by name. */
export type PartName = 'model' | `adapter:${string}`;

export function partNameOf({ adapterName }: Pick<ShardedState, 'adapterName'>): PartName {
  return adapterName === undefined ? 'model' : `adapter:${adapterName}`;
}

export function isPartName(text: string): text is PartName {
  return text === 'model' || /^adapter:./s.test(text);
}
