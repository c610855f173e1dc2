import type { ParameterRow } from '../../src-core/index.ts';
import { wordMatcher } from '../components/word-matcher.ts';
import { layerOf } from './layer-of.ts';
import { tagOf, tagText, type Tag } from './tags.ts';

export const GROUPINGS = ['none', 'layer', 'module'] as const;
export type Grouping = (typeof GROUPINGS)[number];

/** Columns by which rows can be sorted. */
export type SortKey = 'name' | 'shape' | 'dtype' | 'bytes' | 'stage' | 'from' | 'rule' | 'ranks' | 'copies';

export interface Arrangement {
  readonly query: string;
  /** Only these; none for all. */
  readonly tags: ReadonlySet<Tag>;
  readonly sort: { readonly key: SortKey; readonly descending: boolean } | null;
}

/** Rows that hold every word of the query, in the original or a Neuron name, and have one of the tags. */
export function filterRows(rows: readonly ParameterRow[], { query, tags }: Arrangement): readonly ParameterRow[] {
  const matches = wordMatcher(query);
  if (!matches && tags.size === 0) return rows;
  return rows.filter((row) => {
    if (tags.size > 0 && !tags.has(tagOf(row))) return false;
    return matches?.(`${row.name} ${row.from.join(' ')}`) ?? true;
  });
}

const collator = new Intl.Collator('en', { numeric: true });

const elements = ({ shape }: ParameterRow): number => shape.reduce((product, size) => product * size, 1);

/** Ascending order of two rows by each column. Numbers in names count as numbers: layer 10 comes after layer 9. */
const COMPARE: Readonly<Record<SortKey, (a: ParameterRow, b: ParameterRow) => number>> = {
  name: (a, b) => collator.compare(a.name, b.name),
  shape: (a, b) => elements(a) - elements(b),
  dtype: (a, b) => collator.compare(a.dtype, b.dtype),
  bytes: (a, b) => a.bytes - b.bytes,
  stage: (a, b) => a.stage - b.stage,
  from: (a, b) => collator.compare(a.from[0] ?? '', b.from[0] ?? ''),
  rule: (a, b) => collator.compare(tagText(a), tagText(b)),
  ranks: (a, b) => a.ranks - b.ranks,
  copies: (a, b) => a.copies - b.copies,
};

/** Rows in the wanted order; without one in the order of the model. */
export function sortRows(rows: readonly ParameterRow[], sort: Arrangement['sort']): readonly ParameterRow[] {
  if (!sort) return rows;
  const compare = COMPARE[sort.key];
  return [...rows].sort(sort.descending ? (a, b) => compare(b, a) : compare);
}

/** A line of the table: the head of a group, or a row by its index. */
export type Line =
  | { readonly kind: 'row'; readonly index: number }
  | {
      readonly kind: 'group';
      readonly key: string;
      readonly count: number;
      readonly bytes: number;
      readonly isOpen: boolean;
    };

/** The lines of a table, groups where the first row of each stands. */
export function linesOf(
  rows: readonly ParameterRow[],
  grouping: Grouping,
  withParts: boolean,
  closed: ReadonlySet<string>,
): readonly Line[] {
  if (grouping === 'none' && !withParts) return rows.map((_, index) => ({ kind: 'row', index }));
  const groups = new Map<string, number[]>();
  rows.forEach((row, index) => {
    const key = groupOf(row, grouping, withParts);
    const group = groups.get(key);
    if (group) group.push(index);
    else groups.set(key, [index]);
  });
  const lines: Line[] = [];
  for (const [key, indices] of groups) {
    const isOpen = !closed.has(key);
    const bytes = indices.reduce((sum, index) => sum + rows[index]!.bytes, 0);
    lines.push({ kind: 'group', key, count: indices.length, bytes, isOpen });
    if (isOpen) for (const index of indices) lines.push({ kind: 'row', index });
  }
  return lines;
}

/** The group that a row belongs to, by its name. */
export function groupOf({ name, part }: ParameterRow, grouping: Grouping, withParts: boolean): string {
  const prefix = withParts ? (part === 'model' ? 'Model' : `Adapter ${part.slice('adapter:'.length)}`) : '';
  const own = ownGroup(name, grouping);
  return prefix && own ? `${prefix} · ${own}` : prefix || own;
}

function ownGroup(name: string, grouping: Grouping): string {
  if (grouping === 'none') return '';
  if (grouping === 'layer') {
    const layer = layerOf(name);
    return layer === null ? 'Outside the layers' : `Layer ${layer}`;
  }
  // The module that holds the linear: model.layers.0.self_attn for model.layers.0.self_attn.q_proj.weight.
  const segments = name.split('.');
  return segments.slice(0, Math.max(1, segments.length - 2)).join('.');
}

/** How many rows have each tag. */
export function tagCounts(rows: readonly ParameterRow[]): ReadonlyMap<Tag, number> {
  const counts = new Map<Tag, number>();
  for (const row of rows) counts.set(tagOf(row), (counts.get(tagOf(row)) ?? 0) + 1);
  return counts;
}
