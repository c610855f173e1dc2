import type { ParameterRow } from '../../src-core/index.ts';
import { groupOfName, type Grouping } from '../components/grouped-lines.ts';
import { wordMatcher } from '../components/word-matcher.ts';
import { tagOf, tagText, type Tag } from './tags.ts';

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

/** The group that a row belongs to, by its name, and by its part where there are several. */
export function groupOf({ name, part }: ParameterRow, grouping: Grouping, withParts: boolean): string {
  const prefix = withParts ? (part === 'model' ? 'Model' : `Adapter ${part.slice('adapter:'.length)}`) : '';
  const own = groupOfName(name, grouping);
  return prefix && own ? `${prefix} · ${own}` : prefix || own;
}

/** How many rows have each tag. */
export function tagCounts(rows: readonly ParameterRow[]): ReadonlyMap<Tag, number> {
  const counts = new Map<Tag, number>();
  for (const row of rows) counts.set(tagOf(row), (counts.get(tagOf(row)) ?? 0) + 1);
  return counts;
}
