import fs from 'node:fs';
import path from 'node:path';
import {
  bytesLeftIn,
  consolidateCommandLine,
  freeBytes,
  isShardloomError,
  mergeCommandLine,
  openShardInput,
  planShard,
  prepareConsolidation,
  prepareMerge,
  shardCommandLine,
  toProblem,
  type Checkpoint,
  type Finding,
  type OpenOptions,
  type Plan,
  type Problem,
  type ShardingOptions,
} from '../../src-core/app-door.ts';
import type { ConsolidationChoices, MergeRequest, OutputPreview, ShardingRequest } from '../channels.ts';

/** The engine's options for what was chosen. */
export function optionsOf({ format, maxShardBytes, dtype, digest, parts, replace }: ConsolidationChoices) {
  return { format, maxShardBytes, digest, parts, replace, ...(dtype && { dtype }) };
}

/** The engine's options for the sizes of a request. */
export function shardingOf({ sizes: { kvSizeMultiplier, ...sizes } }: Pick<ShardingRequest, 'sizes'>): ShardingOptions {
  return { ...sizes, ...(kvSizeMultiplier !== null && { kvSizeMultiplier }) };
}

/** How the source of sharding is opened. */
export function openOptionsOf({ config }: Pick<ShardingRequest, 'config'>): OpenOptions {
  return config === null ? {} : { config };
}

/** What a consolidation would write. */
export function consolidationPreview(
  checkpoint: Checkpoint,
  out: string,
  choices: ConsolidationChoices,
): OutputPreview {
  const all = [...(checkpoint.model ? ['model'] : []), ...checkpoint.adapters].length;
  const { parts, ...others } = choices;
  const opened = checkpoint.found.opened;
  const command = consolidateCommandLine(opened, out, parts.length === all ? others : choices, process.platform);
  return preview(out, choices.replace, command, ['shardloom.json'], () =>
    prepareConsolidation(checkpoint, optionsOf(choices)),
  );
}

/** What sharding or resharding would write. */
export function shardingPreview(request: ShardingRequest): OutputPreview {
  const { from, folder, out, replace } = request;
  const opening = openOptionsOf(request);
  const sharding = shardingOf(request);
  const command = shardCommandLine(from, folder, out, sharding, { replace, ...opening }, process.platform);
  return preview(out, replace, command, [], () => {
    return { plan: planShard(openShardInput(from, folder, opening), sharding), findings: [] };
  });
}

/** A merge by the folders of both sides. */
export interface MergeOfFolders extends Omit<MergeRequest, 'checkpoint' | 'base'> {
  readonly base: string;
  readonly folder: string;
}

/** The engine's options for a merge. */
export function mergeOptionsOf({ adapters, dtype, replace }: Pick<MergeRequest, 'adapters' | 'dtype' | 'replace'>) {
  return { adapters, replace, ...(dtype && { dtype }) };
}

/** What merging would write. */
export function mergePreview({ base, folder, out, ...choices }: MergeOfFolders): OutputPreview {
  const command = mergeCommandLine(base, folder, out, choices, process.platform);
  return preview(out, choices.replace, command, ['shardloom.json'], () => {
    return { plan: prepareMerge(base, folder, mergeOptionsOf(choices)).plan, findings: [] };
  });
}

/** What a plan would write. What is in its way is told as a problem, so that the rest can be shown all the same. */
function preview(
  out: string,
  replace: boolean,
  command: string,
  besides: readonly string[],
  prepare: () => { readonly plan: Plan; readonly findings: readonly Finding[] },
): OutputPreview {
  const base = { command, freeBytes: freeBytes(out), leftBytes: 0 };
  try {
    const { plan, findings } = prepare();
    const files = plan.outputs.map(({ path: file, size, tensors }) => {
      return { path: file, bytes: size, tensors: tensors.length };
    });
    const companions = [...[...plan.texts, ...plan.sidecars].map((companion) => companion.path), ...besides];
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    const existing = [...files.map((file) => file.path), ...companions].filter((file) =>
      fs.existsSync(path.join(out, file)),
    );
    const leftBytes = Math.min(bytes, bytesLeftIn(out, plan));
    const problem = inTheWay(out, bytes - leftBytes, base.freeBytes, existing, replace);
    return { ...base, files, companions, bytes, leftBytes, existing, findings, problem };
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
  replace: boolean,
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
    isFolder: true,
    advice: 'Free some space, or choose an output folder on another disk.',
  };
}
