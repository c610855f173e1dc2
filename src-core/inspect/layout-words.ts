import type { StoredTensor } from '../tensor/stored.ts';
import type { HeadLayout } from './head-layout.ts';
import type { LayoutBlock } from './layout.ts';
import type { ParameterRow } from './parameters.ts';

/** What one rank's tensor holds of a parameter, in a sentence. Ranges are half-open in the data and inclusive in words. */
export function rankInWords(
  { name, dim }: Pick<ParameterRow, 'name' | 'dim'>,
  tensor: StoredTensor,
  blocks: readonly LayoutBlock[],
  heads: HeadLayout | null,
  copies: number,
): string {
  const who = `TP rank ${tensor.rank?.tp ?? 0}`;
  const short = shortName(name);
  if (blocks.length === 0) return `${who} holds nothing of ${short}.`;
  const axis = heads?.axis ?? dim;
  if (axis === null) return `${who} holds all of ${short}${copyWords(blocks, copies)}.`;
  const ranges = joined(blocks.map(({ at, size }) => ({ from: at[axis]!, to: at[axis]! + size[axis]! })));
  const where = `${axisName(axis, blocks[0]!.at.length)} ${ranges.map(({ from, to }) => rangeText(from, to)).join(', ')} of ${short}`;
  if (!heads) return `${who} holds ${where}${copyWords(blocks, copies)}.`;
  return `${who} holds ${headWords(blocks, heads)}: ${where}.`;
}

function headWords(blocks: readonly LayoutBlock[], heads: HeadLayout): string {
  const slots = new Map<string, LayoutBlock[]>();
  for (const block of [...blocks].sort((a, b) => a.from[heads.axis]! - b.from[heads.axis]!)) {
    const slot = `${block.kvHead ?? 0}/${block.kvReplica ?? 0}`;
    slots.set(slot, [...(slots.get(slot) ?? []), block]);
  }
  return [...slots.values()].map((slot) => slotWords(slot, heads)).join('; ');
}

function slotWords(slot: readonly LayoutBlock[], { kind, kvSizeMultiplier }: HeadLayout): string {
  const { kvHead, kvReplica } = slot[0]!;
  const replica = kvSizeMultiplier > 1 ? ` (replica ${(kvReplica ?? 0) + 1} of ${kvSizeMultiplier})` : '';
  if (kind === 'kv') return `KV head ${kvHead ?? 0}${replica}`;
  const numbers = joined(slot.map(({ head }) => ({ from: head!, to: head! + 1 })));
  const several = slot.length > 1;
  const text = numbers.map(({ from, to }) => rangeText(from, to)).join(', ');
  return `query head${several ? 's' : ''} ${text}, which use${several ? '' : 's'} KV head ${kvHead ?? 0}${replica}`;
}

/** Ranges in the order given, neighbours made one, each once. */
function joined(ranges: readonly { readonly from: number; readonly to: number }[]): { from: number; to: number }[] {
  const sorted = [...ranges].sort((a, b) => a.from - b.from);
  const found: { from: number; to: number }[] = [];
  for (const { from, to } of sorted) {
    const last = found.at(-1);
    if (last && from <= last.to) last.to = Math.max(last.to, to);
    else found.push({ from, to });
  }
  return found;
}

function rangeText(from: number, to: number): string {
  return to - from === 1 ? String(from) : `${from}–${to - 1}`;
}

function axisName(axis: number, axes: number): string {
  if (axes === 1) return 'elements';
  return axis === axes - 2 ? 'rows' : axis === axes - 1 ? 'columns' : `indices of dim ${axis}`;
}

function copyWords(blocks: readonly LayoutBlock[], copies: number): string {
  if (copies === 1) return '';
  const numbers = [...new Set(blocks.map(({ copy }) => copy))];
  return numbers.includes(0) ? ', the copy that is taken' : `, a copy that should be equal`;
}

/** The last module and the parameter: "q_proj", "gate_proj.bias", "norm". */
function shortName(name: string): string {
  const segments = name.split('.');
  const last = segments.at(-1);
  const module = segments.at(-2);
  if (module === undefined) return name;
  return last === 'weight' ? module : `${module}.${last ?? ''}`;
}
