import { layerOf } from './layer-of.ts';

/** How rows that have a parameter's name are put together. */
export const GROUPINGS = ['none', 'layer', 'module'] as const;
export type Grouping = (typeof GROUPINGS)[number];

/** A line of a table: the head of a group with the indices of its rows, or a row by its index. */
export type Line = { readonly kind: 'row'; readonly index: number } | GroupLine;

export interface GroupLine {
  readonly kind: 'group';
  readonly key: string;
  readonly indices: readonly number[];
  readonly isOpen: boolean;
}

/** The lines of a table of `count` rows. A group stands where its first row does; those in `closed` show only their heads. */
export function groupedLines(
  count: number,
  groupOf: ((index: number) => string) | null,
  closed: ReadonlySet<string>,
): readonly Line[] {
  if (!groupOf) return Array.from({ length: count }, (_, index) => ({ kind: 'row', index }));
  const groups = new Map<string, number[]>();
  for (let index = 0; index < count; index++) {
    const key = groupOf(index);
    const group = groups.get(key);
    if (group) group.push(index);
    else groups.set(key, [index]);
  }
  return [...groups].flatMap(([key, indices]): Line[] => {
    const isOpen = !closed.has(key);
    const head: Line = { kind: 'group', key, indices, isOpen };
    return isOpen ? [head, ...indices.map((index): Line => ({ kind: 'row', index }))] : [head];
  });
}

/** The layer or the module that a parameter belongs to, in words; empty without groups. */
export function groupOfName(name: string, grouping: Grouping): string {
  if (grouping === 'none') return '';
  if (grouping === 'layer') {
    const layer = layerOf(name);
    return layer === null ? 'Outside the layers' : `Layer ${layer}`;
  }
  // The module that holds the linear: model.layers.0.self_attn for model.layers.0.self_attn.q_proj.weight.
  const segments = name.split('.');
  return segments.slice(0, Math.max(1, segments.length - 2)).join('.');
}

/** A set of closed groups with one of them opened or closed. */
export function toggled(closed: ReadonlySet<string>, key: string): ReadonlySet<string> {
  const after = new Set(closed);
  if (!after.delete(key)) after.add(key);
  return after;
}
