import fs from 'node:fs';
import path from 'node:path';
import {
  checkpointFingerprint,
  consolidateCommandLine,
  freeBytes,
  isShardloomError,
  makeSample,
  openCheckpoint,
  parameterDetail,
  parameterRows,
  partsOf,
  prepareConsolidation,
  ShardloomError,
  summarize,
  toProblem,
  type Checkpoint,
  type CheckpointPart,
  type CheckpointSummary,
  type Heatmap,
  type ParameterDetail,
  type ParameterLayout,
  type ParameterRow,
  type PartName,
  type Problem,
  type Rank,
  type RankContent,
  type Slice,
  type SliceValues,
  type TensorTarget,
} from '../../src-core/index.ts';
import type {
  CheckpointId,
  ConsolidationChoices,
  ConsolidationPreview,
  ElementLineage,
  ParameterPage,
  StatisticsWithHistogram,
  StoredElement,
} from '../channels.ts';
import { descendants, heatmap, heldBy, layout, lineage, statistics, values, type PictureRequest } from './looking.ts';

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

  fingerprint: (id: CheckpointId): string => checkpointFingerprint(find(id).checkpoint.found.opened),

  preview: (request: { id: CheckpointId; out: string; choices: ConsolidationChoices }): ConsolidationPreview =>
    preview(find(request.id).checkpoint, request.out, request.choices),

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

/** The engine's options for what was chosen. */
export function optionsOf({ format, maxShardBytes, dtype, digest, parts, replace }: ConsolidationChoices) {
  return { format, maxShardBytes, digest, parts, replace, ...(dtype && { dtype }) };
}

/** What a consolidation would write. What is in its way is told as a problem, so that the rest can be shown all the same. */
function preview(checkpoint: Checkpoint, out: string, choices: ConsolidationChoices): ConsolidationPreview {
  const all = [...(checkpoint.model ? ['model'] : []), ...checkpoint.adapters].length;
  const { parts, ...others } = choices;
  const command = consolidateCommandLine(
    checkpoint.found.opened,
    out,
    parts.length === all ? others : choices,
    process.platform,
  );
  const base = { command, freeBytes: freeBytes(out) };
  try {
    const { plan, findings } = prepareConsolidation(checkpoint, optionsOf(choices));
    const files = plan.outputs.map(({ path: file, size, tensors }) => ({
      path: file,
      bytes: size,
      tensors: tensors.length,
    }));
    const companions = [...plan.texts, ...plan.sidecars].map((companion) => companion.path).concat('shardloom.json');
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    const existing = [...files.map((file) => file.path), ...companions].filter((file) =>
      fs.existsSync(path.join(out, file)),
    );
    return {
      ...base,
      files,
      companions,
      bytes,
      existing,
      findings,
      problem: inTheWay(out, bytes, base.freeBytes, existing, choices),
    };
  } catch (error) {
    if (!isShardloomError(error)) throw error;
    return { ...base, files: [], companions: [], bytes: 0, existing: [], findings: [], problem: toProblem(error) };
  }
}

function inTheWay(
  out: string,
  bytes: number,
  free: number | null,
  existing: readonly string[],
  { replace }: ConsolidationChoices,
): Problem | null {
  const first = existing[0];
  if (first !== undefined && !replace) {
    return {
      tag: 'output-exists',
      what: 'The output folder holds files of the same names.',
      file: path.join(out, first),
      found: existing.length === 1 ? first : `${existing.length} of the files`,
      advice: 'Choose another folder, or replace them.',
    };
  }
  if (free === null || bytes <= free) return null;
  return {
    tag: 'no-space',
    what: 'There is not enough space on the disk for the output.',
    file: out,
    advice: 'Free some space, or choose an output folder on another disk.',
  };
}
