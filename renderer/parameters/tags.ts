import type { ParameterRow } from '../../src-core/index.ts';

/** What was done to a parameter, in kinds that have a colour each. */
export const TAGS = ['split', 'fused', 'query', 'kv', 'lora', 'copied'] as const;
export type Tag = (typeof TAGS)[number];

export const TAG_NAMES: Readonly<Record<Tag, string>> = {
  split: 'split',
  fused: 'fused',
  query: 'GQA query',
  kv: 'KV replicated',
  lora: 'shared lora_A',
  copied: 'copied',
};

const TAG_OF: Readonly<Record<ParameterRow['transformation'], Tag>> = {
  copied: 'copied',
  joined: 'split',
  sharded: 'split',
  merged: 'copied',
  unfused: 'fused',
  'query heads reordered': 'query',
  'KV replica taken': 'kv',
  'shared lora_A copied': 'lora',
};

export function tagOf({ transformation }: Pick<ParameterRow, 'transformation'>): Tag {
  return TAG_OF[transformation];
}

/** The tag's words for one row: `split dim 0`, `KV replicated ×2`. */
export function tagText(row: Pick<ParameterRow, 'transformation' | 'dim' | 'copies'>): string {
  const tag = tagOf(row);
  if (tag === 'split') return row.dim === null ? 'whole on one rank' : `split dim ${row.dim}`;
  if (tag === 'kv') return `KV replicated ×${row.copies + 1}`;
  return TAG_NAMES[tag];
}
