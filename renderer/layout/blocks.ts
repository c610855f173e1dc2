import type { LayoutBlock, ParameterLayout, ParameterRow, ReplicaCheck } from '../../src-core/index.ts';
import { formatCount, formatPlural } from '../../src-core/units.ts';
import { differenceText } from '../components/difference-text.ts';

/** Blocks that hold the same elements of the parameter as this one, itself included: what it is a copy of, and its copies. */
export function counterparts(blocks: readonly LayoutBlock[], index: number): number[] {
  const chosen = blocks[index];
  if (!chosen) return [];
  const found: number[] = [];
  blocks.forEach((block, other) => {
    if (meet(chosen, block)) found.push(other);
  });
  return found;
}

function meet(a: LayoutBlock, b: LayoutBlock): boolean {
  return a.at.every((at, axis) => at < b.at[axis]! + b.size[axis]! && b.at[axis]! < at + a.size[axis]!);
}

/** Names of the last two axes; vectors have elements. */
export function axisNames(axes: number): string[] {
  if (axes === 0) return [];
  if (axes === 1) return ['Elements'];
  return [...Array.from({ length: axes - 2 }, (_, axis) => `Dim ${axis}`), 'Rows', 'Columns'];
}

/** Which heads a block is of, in a few words; empty where there are none. Query heads have no replicas: only what they use has. */
export function headText({ head, kvHead }: LayoutBlock, { heads }: Pick<ParameterLayout, 'heads'>): string {
  if (!heads) return '';
  return head === null ? `KV head ${kvHead ?? 0}` : `query head ${head} (uses KV head ${kvHead ?? 0})`;
}

/** Which copy a block is; empty where there is one alone. */
export function copyText(copy: number, copies: number): string {
  if (copies === 1) return '';
  return copy === 0 ? 'taken' : `copy ${copy} of ${copies - 1}`;
}

/** On how many ranks a parameter is, and on how many once more. */
export function heldText({ ranks, copies, transformation }: ParameterRow): string {
  if (copies === 0) return `Read from ${formatPlural(ranks, 'rank')}.`;
  const taken = formatPlural(ranks, 'rank holds', 'ranks hold');
  const what = transformation === 'KV replica taken' ? 'the same heads again' : 'the same again';
  const more = ranks * copies;
  return `${taken} what is taken; ${formatCount(more)} more ${more === 1 ? 'holds' : 'hold'} ${what} (×${copies + 1}).`;
}

/** The ranks' tensors whose copy differs from what is taken, with by how much: by their position in the layout. */
export function differingTensors(layout: ParameterLayout, check: ReplicaCheck | null): ReadonlyMap<number, string> {
  const found = new Map<number, string>();
  const replica = check?.replicas.find(({ part, name }) => part === layout.row.part && name === layout.row.name);
  for (const { file, tensor, elements, maxAbs } of replica?.differences.flatMap(({ places }) => places) ?? []) {
    const index = layout.tensors.findIndex((candidate) => candidate.file === file && candidate.name === tensor);
    const by = differenceText(maxAbs);
    if (index >= 0)
      found.set(index, `${formatCount(elements)} ${elements === 1 ? 'element differs' : 'elements differ'}, ${by}`);
  }
  return found;
}
