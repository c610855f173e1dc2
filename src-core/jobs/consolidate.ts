import path from 'node:path';
import { realPathOf } from '../bytes/file.ts';
import type { Checkpoint, ShardedState } from '../checkpoint/checkpoint.ts';
import { checkAdapterFolder } from '../checkpoint/file-names.ts';
import { ShardloomError, type Finding } from '../errors.ts';
import type { DigestName } from '../execute/digest.ts';
import { executePlan, type ExecuteOptions, type ExecuteResult, type WrittenOutput } from '../execute/execute.ts';
import { planConsolidation, type ConsolidationOptions } from '../plan/consolidation.ts';
import { kvPlacementsOf, partNameOf, type PartKvPlacement, type PartName } from '../plan/part-name.ts';
import { originalWeightsOf } from '../plan/original-weights.ts';
import type { Plan } from '../plan/plan.ts';
import { findingsWhileCopying, replicaSummary, type ReplicaSummary } from '../verify/replicas.ts';
import { MANIFEST_FILE, manifestFile, manifestHead, manifestText } from './manifest.ts';
import { checkOutputOutside } from './output-place.ts';
import { isPartFinished, partText } from './parts.ts';

/** What the caller may choose; the plan's options and those of running it. */
export interface ConsolidateOptions
  extends
    Partial<ConsolidationOptions>,
    Pick<
      ExecuteOptions,
      'workers' | 'pool' | 'bandBytes' | 'replace' | 'sync' | 'part' | 'signal' | 'onProgress' | 'progressInterval'
    > {
  readonly digest?: DigestName;
  /** Which of the model and the adapters are consolidated; absent: all. */
  readonly parts?: readonly PartName[];
  /** Written into shardloom.json. */
  readonly version?: string;
}

/** A consolidation that is ready to run. */
export interface PreparedConsolidation {
  readonly checkpoint: Checkpoint;
  readonly options: ConsolidationOptions;
  readonly plan: Plan;
  readonly kvPlacements: readonly PartKvPlacement[];
  /** What was found before copying; none is an error. */
  readonly findings: readonly Finding[];
}

export interface ConsolidateResult extends ExecuteResult {
  readonly out: string;
  readonly plan: Plan;
  readonly replicas: ReplicaSummary;
  readonly kvPlacements: readonly PartKvPlacement[];
  /** Everything that was found, before and while copying. */
  readonly findings: readonly Finding[];
}

/** Hugging Face's default for a weights file. */
export const DEFAULT_MAX_SHARD_BYTES = 5_000_000_000;

/**
 * From an opened checkpoint to a plan. Throws the first of the findings that are errors: a checkpoint that is not whole is
 * not consolidated.
 */
export function prepareConsolidation(checkpoint: Checkpoint, chosen: ConsolidateOptions = {}): PreparedConsolidation {
  const states = chosenStates(checkpoint, chosen.parts);
  const findings = findingsOf(checkpoint, states);
  throwFirstError(findings);
  const options: ConsolidationOptions = {
    format: chosen.format ?? 'safetensors',
    maxShardBytes: chosen.maxShardBytes ?? DEFAULT_MAX_SHARD_BYTES,
    ...(chosen.dtype && { dtype: chosen.dtype }),
  };
  const weights = new Map(states.map((state) => [state, originalWeightsOf(state)]));
  const plan = planConsolidation(checkpoint, weights, options);
  checkAdapterFolders(states, plan);
  findings.push(...linkedSidecars(plan, checkpoint.found.root));
  return { checkpoint, options, plan, kvPlacements: kvPlacementsOf(states), findings };
}

/** Adapters that get a folder get one of their own. */
function checkAdapterFolders(states: readonly ShardedState[], plan: Plan): void {
  const paths = [...plan.outputs, ...plan.texts, ...plan.sidecars].map((entry) => entry.path);
  const atTop = [...paths.filter((name) => !name.includes('/')), MANIFEST_FILE];
  for (const { adapterName, shards } of states) {
    const hasFolder = adapterName !== undefined && paths.some((name) => name.startsWith(`${adapterName}/`));
    if (hasFolder) checkAdapterFolder(adapterName, shards.folder, atTop);
  }
}

/**
 * Links are followed: huggingface_hub keeps every file as one. But what is copied from elsewhere is told, because a folder from other
 * people could lead to a file that was not meant to be shared.
 */
function linkedSidecars({ sidecars }: Plan, root: string): Finding[] {
  const inside = realPathOf(root) + path.sep;
  // A config.json that the user named is no link of the folder's.
  const own = sidecars.filter(({ from }) => path.resolve(from).startsWith(path.resolve(root) + path.sep));
  const linked = own.filter(({ from }) => !realPathOf(from).startsWith(inside));
  const [first] = linked;
  if (!first) return [];
  const more = linked.length > 1 ? ` and ${linked.length - 1} more` : '';
  return [
    {
      severity: 'note',
      tag: 'linked-file',
      what: `${path.basename(first.from)}${more} beside the weights lead out of the checkpoint: what they lead to is copied.`,
      file: first.from,
      found: realPathOf(first.from),
      advice: 'Look at these files before you share the result.',
    },
  ];
}

/**
 * Consolidates an opened checkpoint into `out`: Hugging Face weights, the files a loader needs beside them, and
 * shardloom.json with what was done and a digest per tensor.
 */
export async function consolidate(
  checkpoint: Checkpoint,
  out: string,
  options: ConsolidateOptions = {},
): Promise<ConsolidateResult> {
  const prepared = prepareConsolidation(checkpoint, options);
  checkOutputOutside(shardFolders(checkpoint), out, [checkpoint.found.root]);
  const { plan } = prepared;
  if (options.part && isPartFinished(out, plan, options.part)) return finishedAlready(prepared, out);
  let findings: readonly Finding[] = prepared.findings;
  const result = await executePlan(plan, out, {
    ...options,
    beforePublish: (written: readonly WrittenOutput[]) => {
      findings = [...prepared.findings, ...findingsWhileCopying(plan, written)];
      throwFirstError(findings);
      const head = manifestHead(prepared, options.version);
      const findingsOn = (files: readonly WrittenOutput[]): Finding[] => findingsWhileCopying(plan, files);
      if (options.part) return [partText(plan, head, written, findingsOn)];
      const files = written.map((one) => manifestFile(one, findingsOn([one])));
      return [{ path: MANIFEST_FILE, text: manifestText(head, files, replicaSummary(written)) }];
    },
  });
  return {
    ...result,
    out: path.resolve(out),
    plan,
    replicas: replicaSummary(result.written),
    kvPlacements: prepared.kvPlacements,
    findings,
  };
}

/** The result of a part that an earlier run has finished: nothing was written now. */
function finishedAlready({ plan, kvPlacements, findings }: PreparedConsolidation, out: string): ConsolidateResult {
  const nothing = { written: [], bytesWritten: 0, seconds: 0, workers: 0, replicas: { compared: 0, different: 0 } };
  return { ...nothing, out: path.resolve(out), plan, kvPlacements, findings };
}

function allStates({ model, adapters }: Checkpoint): ShardedState[] {
  return [...(model ? [model] : []), ...adapters];
}

/** What is the checkpoint's own in its folder; beside it there is room for results. */
function shardFolders(checkpoint: Checkpoint): string[] {
  return allStates(checkpoint).flatMap(({ shards, adapterConfig }) => [
    shards.folder,
    ...(adapterConfig ? [path.dirname(adapterConfig.file)] : []),
  ]);
}

function chosenStates(checkpoint: Checkpoint, parts: readonly PartName[] | undefined): ShardedState[] {
  const all = allStates(checkpoint);
  if (!parts) return all;
  const names = all.map(partNameOf);
  const unknown = parts.find((part) => !names.includes(part));
  if (unknown !== undefined || parts.length === 0) {
    throw new ShardloomError({
      tag: 'usage',
      what: 'The checkpoint does not hold what is to be consolidated.',
      file: checkpoint.found.opened,
      isFolder: true,
      found: unknown ?? 'nothing chosen',
      expected: names.join(', '),
    });
  }
  return all.filter((state) => parts.includes(partNameOf(state)));
}

/** What was found on the checkpoint as a whole and on these of its states. */
function findingsOf(checkpoint: Checkpoint, states: readonly ShardedState[]): Finding[] {
  const leftOut = new Set(allStates(checkpoint).flatMap((state) => (states.includes(state) ? [] : state.findings)));
  return checkpoint.findings.filter((finding) => !leftOut.has(finding));
}

function throwFirstError(findings: readonly Finding[]): void {
  const errors = findings.filter(({ severity }) => severity === 'error');
  const first = errors[0];
  if (!first) return;
  const more = errors.length > 1 ? ` (${errors.length - 1} more problems: see shardloom inspect)` : '';
  throw new ShardloomError({ ...first, what: first.what + more });
}
