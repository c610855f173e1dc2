import {
  checkpointFingerprint,
  makeSample,
  openCheckpoint,
  parameterDetail,
  parameterRows,
  partsOf,
  removeLeftIn,
  ShardloomError,
  summarize,
  type AdapterDetail,
  type Checkpoint,
  type CheckpointPart,
  type CheckpointSummary,
  type Diagnosis,
  type DifferenceHeatmap,
  type Heatmap,
  type ParameterDetail,
  type ParameterLayout,
  type ParameterRow,
  type PartName,
  type Placement,
  type Rank,
  type RankContent,
  type Slice,
  type SliceValues,
  type TensorTarget,
  type UpdateNorm,
} from '../../src-core/app-door.ts';
import type {
  CheckpointId,
  ConsolidationChoices,
  ElementLineage,
  OutputPreview,
  ParameterPage,
  PictureRequest,
  ShardingRequest,
  StatisticsWithHistogram,
  StoredElement,
} from '../channels.ts';
import { diagnosis, type DiagnosisRequest } from './diagnosing.ts';
import { difference, placement, type ComparedTensor } from './differences.ts';
import { consolidationPreview, mergePreview, shardingPreview, type MergeOfFolders } from './previews.ts';
import { adapter, descendants, heatmap, heldBy, layout, lineage, norms, statistics, values } from './looking.ts';

/** What opening gives back to the main process. */
export interface OpenResult {
  readonly summary: CheckpointSummary;
  readonly parameterCount: number;
}

export interface Opened {
  readonly checkpoint: Checkpoint;
  readonly parts: readonly CheckpointPart[];
  readonly rows: readonly ParameterRow[];
}

interface Named {
  readonly id: CheckpointId;
  readonly part: PartName;
  readonly name: string;
}

interface Targeted {
  readonly id: CheckpointId;
  readonly target: TensorTarget;
}

interface Indexed {
  readonly index: readonly number[];
}

/** The checkpoints that are open, by number. Lives in the thread that opens and inspects. */
const opened = new Map<CheckpointId, Opened>();

/** What the inspecting thread does, by name; each takes one plain value and gives one. */
export const inspections = {
  open: ({ id, folder }: { readonly id: CheckpointId; readonly folder: string }): OpenResult => {
    const checkpoint = openCheckpoint(folder);
    const parts = partsOf(checkpoint);
    const rows = parameterRows(parts);
    opened.set(id, { checkpoint, parts, rows });
    return { summary: summarize(checkpoint, parts), parameterCount: rows.length };
  },

  close: (id: CheckpointId): void => {
    opened.delete(id);
  },

  parameters: ({ id, offset, limit }: { id: CheckpointId; offset: number; limit: number }): ParameterPage => {
    const { rows } = find(id);
    return { rows: rows.slice(offset, offset + limit), total: rows.length };
  },

  parameter: ({ id, part, name }: { id: CheckpointId; part: PartName; name: string }): ParameterDetail =>
    parameterDetail(find(id).parts, part, name),

  layout: ({ id, part, name }: Named): ParameterLayout => layout(find(id), part, name),

  lineage: ({ id, part, name, index }: Named & Indexed): ElementLineage => lineage(find(id), part, name, index),

  rank: ({ id, part, rank }: { id: CheckpointId; part: PartName; rank: Rank }): RankContent =>
    heldBy(find(id), part, rank),

  values: ({ id, target, slice }: Targeted & { slice: Slice }): SliceValues => values(find(id), target, slice),

  heatmap: ({ id, ...request }: Targeted & PictureRequest): Promise<Heatmap> => heatmap(find(id), request),

  statistics: ({ id, target }: Targeted): Promise<StatisticsWithHistogram> => statistics(find(id), target),

  descendants: ({ id, target, index }: Targeted & Indexed): StoredElement => descendants(find(id), target, index),

  adapter: ({ id, part }: { id: CheckpointId; part: PartName }): AdapterDetail => adapter(find(id), part),

  norms: ({ id, part }: { id: CheckpointId; part: PartName }): Promise<UpdateNorm[]> => norms(find(id), part),

  fingerprint: (id: CheckpointId): string => checkpointFingerprint(find(id).checkpoint.found.opened),

  preview: (request: { id: CheckpointId; out: string; choices: ConsolidationChoices }): OutputPreview =>
    consolidationPreview(find(request.id).checkpoint, request.out, request.choices),

  shardingPreview: (request: ShardingRequest): OutputPreview => shardingPreview(request),

  mergePreview: (request: MergeOfFolders): OutputPreview => mergePreview(request),

  removeLeft: (out: string): void => {
    removeLeftIn(out);
  },

  placement: (which: ComparedTensor): Placement => placement(which),

  difference: (request: Parameters<typeof difference>[0]): Promise<DifferenceHeatmap> => difference(request),

  diagnosis: (request: DiagnosisRequest): Diagnosis => diagnosis(request),

  sample: async (folder: string): Promise<string> => (await makeSample(folder, { workers: 0 })).checkpoint,
} as const;

export type Inspections = typeof inspections;

function find(id: CheckpointId): Opened {
  const found = opened.get(id);
  if (found) return found;
  throw new ShardloomError({
    tag: 'usage',
    what: 'This checkpoint is no longer open.',
    advice: 'Open its folder again.',
  });
}
