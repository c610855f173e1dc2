import type { LayoutBlock, ParameterLayout } from '../../src-core/index.ts';

/** What the colours of the layout view stand for. */
export const COLOURINGS = ['kv', 'head', 'part', 'rank'] as const;
export type Colouring = (typeof COLOURINGS)[number];

export const COLOURING_NAMES: Readonly<Record<Colouring, string>> = {
  kv: 'KV head',
  head: 'Head',
  part: 'Projection',
  rank: 'Rank',
};

/** Colours that can be told apart; after them they begin again. */
export const CATEGORIES = 8;

/** The colourings that say something about a parameter, the most telling one first. */
export function colouringsOf({ heads, others }: Pick<ParameterLayout, 'heads' | 'others'>): Colouring[] {
  return [
    ...(heads ? (['kv'] as const) : []),
    ...(heads?.kind === 'query' ? (['head'] as const) : []),
    ...(others.length > 0 ? (['part'] as const) : []),
    'rank' as const,
  ].sort((a, b) => Number(b === 'part' && !heads) - Number(a === 'part' && !heads));
}

/** The parameters that share the ranks' tensors, in the order in which they lie there; the shown one is among them. */
export function partsInside({ row, blocks, others }: ParameterLayout): string[] {
  const first = new Map<string, number>();
  const add = (name: string, from: readonly number[]): void => {
    const start = from.reduce((sum, at) => sum + at, 0);
    first.set(name, Math.min(start, first.get(name) ?? Infinity));
  };
  for (const { from } of blocks) add(row.name, from);
  for (const { name, from } of others) add(name, from);
  return [...first].sort(([, a], [, b]) => a - b).map(([name]) => name);
}

/** The category of a block, from 1. */
export function categoryOf(
  block: LayoutBlock,
  { row, tensors }: Pick<ParameterLayout, 'row' | 'tensors'>,
  colouring: Colouring,
  parts: readonly string[],
): number {
  const number = {
    kv: () => block.kvHead ?? 0,
    head: () => block.head ?? block.kvHead ?? 0,
    part: () => parts.indexOf(row.name),
    rank: () => tensors[block.tensor]?.rank?.tp ?? 0,
  }[colouring]();
  return (number % CATEGORIES) + 1;
}

export interface LegendEntry {
  readonly category: number;
  readonly text: string;
}

/** What the colours mean, the first eight of them. */
export function legendOf(layout: ParameterLayout, colouring: Colouring, parts: readonly string[]): LegendEntry[] {
  const { heads, tensors, row } = layout;
  if (colouring === 'part') {
    return parts.map((name, index) => ({ category: (index % CATEGORIES) + 1, text: shortName(name, row.name) }));
  }
  const ranks = new Set(tensors.map(({ rank }) => rank?.tp ?? 0)).size;
  const count = {
    kv: heads?.numKeyValueHeads ?? 1,
    head: heads?.numAttentionHeads ?? 1,
    rank: ranks,
  }[colouring];
  const what = { kv: 'KV head', head: 'head', rank: 'TP' }[colouring];
  return Array.from({ length: Math.min(count, CATEGORIES) }, (_, index) => {
    const numbers = Array.from({ length: Math.ceil((count - index) / CATEGORIES) }, (__, k) => index + k * CATEGORIES);
    const shown = numbers.length > 3 ? [...numbers.slice(0, 2), '…', numbers.at(-1)!] : numbers;
    return { category: index + 1, text: `${what} ${shown.join(', ')}` };
  });
}

/** What tells a parameter from others of its module: `up_proj`, `k_proj.bias`. */
export function shortName(name: string, beside: string): string {
  const [own, other] = [name.split('.'), beside.split('.')];
  let same = 0;
  while (same < own.length - 1 && own[same] === other[same]) same++;
  const rest = name === beside ? own.slice(-2) : own.slice(same);
  return rest.at(-1) === 'weight' && rest.length > 1 ? rest.slice(0, -1).join('.') : rest.join('.');
}
