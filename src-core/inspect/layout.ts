import type { ModelConfig } from '../checkpoint/configs.ts';
import { MAX_LAYOUT_BLOCKS } from '../limits.ts';
import type { PartName } from '../plan/part-name.ts';
import type { OriginalWeight } from '../specs/spec.ts';
import type { StoredTensor } from '../tensor/stored.ts';
import { regionsOf, sourcesOf, type Region, type View } from '../tensor/view.ts';
import { rankInWords } from './layout-words.ts';
import { headLayoutOf, type HeadLayout } from './head-layout.ts';
import { parameterRow, type ParameterRow } from './parameters.ts';
import { weightOf, type CheckpointPart } from './parts.ts';

/** How one original parameter is spread over the ranks: the picture as plain data. */
export interface ParameterLayout {
  readonly row: ParameterRow;
  /** The ranks' tensors that hold it, copies included, by pipeline stage, TP rank and name. */
  readonly tensors: readonly StoredTensor[];
  /** What each of the tensors holds of the parameter, in a sentence. */
  readonly words: readonly string[];
  /** Boxes of the parameter, cut where heads end; the first {@link MAX_LAYOUT_BLOCKS}. */
  readonly blocks: readonly LayoutBlock[];
  readonly blockCount: number;
  /** What the same tensors hold besides: boxes of other original parameters (up beside gate). */
  readonly others: readonly OtherBlock[];
  readonly heads: HeadLayout | null;
  /** Copies that each element stands in, the one that is taken included. */
  readonly copies: number;
}

/** The box at `from` of a rank's tensor holds the box at `at` of the parameter, both of size `size`, in elements. */
export interface LayoutBlock {
  /** Index into the tensors. */
  readonly tensor: number;
  readonly from: readonly number[];
  readonly at: readonly number[];
  readonly size: readonly number[];
  /** 0 is what consolidation takes; others are copies that should equal it. */
  readonly copy: number;
  /** The query head, or null. */
  readonly head: number | null;
  /** The KV head that it is, or that its query head shares. */
  readonly kvHead: number | null;
  /** Which replica of the KV head: for a query head, the one on its rank. */
  readonly kvReplica: number | null;
}

export interface OtherBlock {
  readonly tensor: number;
  readonly from: readonly number[];
  readonly size: readonly number[];
  /** The original parameter that is there. */
  readonly name: string;
}

/** The layout of one parameter. Reads no weights. Throws `usage` for a name that the checkpoint does not have. */
export function parameterLayout(
  parts: readonly CheckpointPart[],
  config: ModelConfig | undefined,
  part: PartName,
  name: string,
): ParameterLayout {
  const weight = weightOf(parts, part, name);
  const views = [weight.view, ...weight.copies.map(({ view }) => view)];
  const tensors = inRankOrder([...new Set(views.flatMap(sourcesOf))]);
  const index = new Map(tensors.map((tensor, position) => [tensor, position]));
  const heads = headLayoutOf(name, weight, config);
  const blocks = views.flatMap((view, copy) => blocksOf(view, copy, heads, index));
  const row = parameterRow(part, name, weight);
  const ofTensor: LayoutBlock[][] = tensors.map(() => []);
  for (const block of blocks) ofTensor[block.tensor]!.push(block);
  return {
    row,
    tensors,
    words: tensors.map((tensor, position) => rankInWords(row, tensor, ofTensor[position]!, heads, views.length)),
    blocks: blocks.slice(0, MAX_LAYOUT_BLOCKS),
    blockCount: blocks.length,
    others: othersIn(parts, part, name, weight, index),
    heads,
    copies: views.length,
  };
}

function inRankOrder(tensors: StoredTensor[]): StoredTensor[] {
  const key = ({ rank }: StoredTensor): [number, number] => [rank?.pp ?? 0, rank?.tp ?? 0];
  return tensors.sort((a, b) => {
    const [[ap, at], [bp, bt]] = [key(a), key(b)];
    return ap - bp || at - bt || (a.name < b.name ? -1 : 1);
  });
}

function blocksOf(
  view: View,
  copy: number,
  heads: HeadLayout | null,
  index: ReadonlyMap<StoredTensor, number>,
): LayoutBlock[] {
  return regionsOf(view).flatMap((region) => {
    const tensor = index.get(region.source)!;
    const pieces = heads ? cutEvery(region, heads.axis, heads.headDim) : [region];
    return pieces.map(({ from, at, size }) => ({ tensor, from, at, size, copy, ...labelOf(at, copy, heads) }));
  });
}

/** A region in pieces that end where a multiple of `step` along `axis` of the parameter is reached. */
function cutEvery(region: Region, axis: number, step: number): Region[] {
  const pieces: Region[] = [];
  const end = region.at[axis]! + region.size[axis]!;
  for (let start = region.at[axis]!; start < end;) {
    const stop = Math.min(end, (Math.floor(start / step) + 1) * step);
    const moved = (values: readonly number[], value: number): number[] =>
      values.map((old, k) => (k === axis ? value : old));
    pieces.push({
      source: region.source,
      from: moved(region.from, region.from[axis]! + start - region.at[axis]!),
      at: moved(region.at, start),
      size: moved(region.size, stop - start),
    });
    start = stop;
  }
  return pieces;
}

/**
 * Which head a block belongs to. Query heads that share a KV head are neighbours in the original model; with the head in
 * several replicas each replica's rank holds an equal run of them (the definition in specs/gqa-heads.ts, read backwards).
 */
function labelOf(
  at: readonly number[],
  copy: number,
  heads: HeadLayout | null,
): Pick<LayoutBlock, 'head' | 'kvHead' | 'kvReplica'> {
  if (!heads) return { head: null, kvHead: null, kvReplica: null };
  const position = Math.floor(at[heads.axis]! / heads.headDim);
  if (heads.kind === 'kv') return { head: null, kvHead: position, kvReplica: copy };
  const group = heads.numAttentionHeads / heads.numKeyValueHeads;
  const perReplica = group / heads.kvSizeMultiplier;
  return {
    head: position,
    kvHead: Math.floor(position / group),
    kvReplica: Math.floor((position % group) / perReplica),
  };
}

/** Boxes of the shown tensors that other parameters of the part are made from. */
function othersIn(
  parts: readonly CheckpointPart[],
  part: PartName,
  name: string,
  weight: OriginalWeight,
  index: ReadonlyMap<StoredTensor, number>,
): OtherBlock[] {
  const weights = parts.find((candidate) => candidate.name === part)?.weights ?? new Map<string, OriginalWeight>();
  const others: OtherBlock[] = [];
  for (const [other, { view, from, copies }] of weights) {
    // A shared lora_A is the same tensor under several names: nothing else is in it.
    if (other === name || weight.transformation === 'shared lora_A copied') continue;
    if (!from.some((saved) => weight.from.includes(saved))) continue;
    for (const region of [view, ...copies.map((copy) => copy.view)].flatMap(regionsOf)) {
      const tensor = index.get(region.source);
      if (tensor !== undefined) others.push({ tensor, from: region.from, size: region.size, name: other });
    }
  }
  return others.slice(0, MAX_LAYOUT_BLOCKS);
}
