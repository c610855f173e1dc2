import type { CharacterTest } from './characters.ts';

/** A regular expression as a tree. */
export type Node =
  | { readonly kind: 'character'; readonly test: CharacterTest }
  | { readonly kind: 'sequence'; readonly items: readonly Node[] }
  | { readonly kind: 'alternatives'; readonly options: readonly Node[] }
  | {
      readonly kind: 'repeat';
      readonly item: Node;
      readonly min: number;
      readonly max: number;
      readonly mode: RepeatMode;
    }
  | { readonly kind: 'group'; readonly number: number; readonly item: Node }
  /** Once matched, never tried in another way. */
  | { readonly kind: 'atomic'; readonly item: Node }
  /** `behind` is the number of characters that a look-behind goes back, null for a look-ahead. */
  | { readonly kind: 'look'; readonly item: Node; readonly negated: boolean; readonly behind: number | null }
  /** A place between two characters: `^`, `\b`. */
  | { readonly kind: 'place'; readonly test: PlaceTest }
  /** What the group has matched, once more. */
  | { readonly kind: 'reference'; readonly group: number; readonly same: (one: number, other: number) => boolean }
  | { readonly kind: 'conditional'; readonly group: number; readonly yes: Node; readonly no: Node };

export type RepeatMode = 'greedy' | 'lazy' | 'possessive';

export type PlaceTest = (text: readonly number[], at: number) => boolean;

/** A pattern that Python would not take either, or that has something in it that is not supported here. */
export class PatternError extends Error {}

/** How many characters a node can match: the least and the most of them. Groups are those that were closed before. */
export function widthOf(node: Node, groups: ReadonlyMap<number, Width>): Width {
  const of = (one: Node): Width => widthOf(one, groups);
  switch (node.kind) {
    case 'character':
      return [1, 1];
    case 'sequence':
      return node.items.map(of).reduce(([min, max], [low, high]) => [min + low, max + high], [0, 0]);
    case 'alternatives':
      return either(node.options.map(of));
    case 'repeat': {
      const [min, max] = of(node.item);
      return [min * node.min, max === 0 ? 0 : max * node.max];
    }
    case 'group':
    case 'atomic':
      return of(node.item);
    case 'look':
    case 'place':
      return [0, 0];
    case 'reference':
      return groups.get(node.group)!;
    case 'conditional':
      return either([of(node.yes), of(node.no)]);
  }
}

export type Width = readonly [min: number, max: number];

function either(widths: readonly Width[]): Width {
  return [Math.min(...widths.map(([min]) => min)), Math.max(...widths.map(([, max]) => max))];
}
