import {
  adapterDetail,
  byteRuns,
  descendantsOf,
  heatmapOf,
  histogramOf,
  lineageOf,
  lineagePython,
  parameterLayout,
  rankContent,
  ShardloomError,
  statisticsOf,
  updateNorms,
  storedTensorOf,
  valuesOf,
  viewOfTarget,
  type AdapterDetail,
  type CheckpointPart,
  type Heatmap,
  type ParameterLayout,
  type PartName,
  type Rank,
  type RankContent,
  type Slice,
  type SliceValues,
  type TensorTarget,
  type UpdateNorm,
} from '../../src-core/app-door.ts';
import type { ElementLineage, PictureRequest, StatisticsWithHistogram, StoredElement } from '../channels.ts';
import type { Opened } from './opened.ts';
import { newest } from './running.ts';

/** Bars of a histogram: as many as a side panel has room for. */
const BARS = 64;

export function layout({ checkpoint, parts }: Opened, part: PartName, name: string): ParameterLayout {
  return parameterLayout(parts, checkpoint.config, part, name);
}

export function lineage({ parts }: Opened, part: PartName, name: string, index: readonly number[]): ElementLineage {
  const { pieces } = lineageOf(parts, part, name, { at: index, size: index.map(() => 1) });
  return { pieces: pieces.map((piece) => ({ ...piece, python: lineagePython(name, piece) })) };
}

export function heldBy({ parts }: Opened, part: PartName, rank: Rank): RankContent {
  return rankContent(partOf(parts, part), rank);
}

export function values({ parts }: Opened, target: TensorTarget, slice: Slice): SliceValues {
  return valuesOf(target.name, viewOfTarget(parts, target), slice);
}

export function heatmap(
  { parts }: Opened,
  { target, slice, width, height, firstOnly }: PictureRequest & { readonly target: TensorTarget },
): Promise<Heatmap> {
  const signal = newest('heatmap');
  return heatmapOf(target.name, viewOfTarget(parts, target), slice, { width, height }, { signal, firstOnly });
}

export async function statistics({ parts }: Opened, target: TensorTarget): Promise<StatisticsWithHistogram> {
  const signal = newest('statistics');
  const { counts, ...figures } = await statisticsOf(viewOfTarget(parts, target), { signal });
  const { min, max } = figures;
  return { statistics: figures, histogram: min === null || max === null ? [] : histogramOf(counts, min, max, BARS) };
}

export function adapter({ parts }: Opened, part: PartName): AdapterDetail {
  return adapterDetail(partOf(parts, part));
}

export function norms({ parts }: Opened, part: PartName): Promise<UpdateNorm[]> {
  return updateNorms(partOf(parts, part), { signal: newest('norms') });
}

export function descendants(
  { parts }: Opened,
  { part, name, rank }: TensorTarget,
  index: readonly number[],
): StoredElement {
  const ofPart = [partOf(parts, part)];
  if (rank === null) throw new ShardloomError({ tag: 'usage', what: 'Only what a rank has stored becomes something.' });
  const tensor = storedTensorOf(ofPart, rank, name);
  const becomes = descendantsOf(ofPart, tensor, index);
  const ones = index.map(() => 1);
  const { offset, length } = byteRuns(tensor, index, ones).runs[0]!;
  return { file: tensor.file, offset, bytes: length, becomes };
}

function partOf(parts: readonly CheckpointPart[], name: PartName): CheckpointPart {
  const found = parts.find((part) => part.name === name);
  if (found) return found;
  throw new ShardloomError({ tag: 'usage', what: 'The checkpoint has no such part.', found: name });
}
