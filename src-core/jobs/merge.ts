import path from 'node:path';
import { ShardloomError, type Finding } from '../errors.ts';
import { executePlan, type ExecuteResult, type WrittenOutput } from '../execute/execute.ts';
import type { OpenOptions } from '../models/open-checkpoint.ts';
import { planMerge, type MergedAdapter, type MergedModule, type MergePlan } from '../peft/merge.ts';
import { planModelFiles, type ConsolidationOptions } from '../plan/consolidation.ts';
import type { PartKvPlacement } from '../plan/part-name.ts';
import { PlanBuilder } from '../plan/plan-builder.ts';
import type { Plan } from '../plan/plan.ts';
import { modelCompanions } from '../plan/sidecars.ts';
import type { OriginalWeight } from '../specs/spec.ts';
import type { DType } from '../tensor/dtype.ts';
import { findingsWhileCopying, replicaSummary } from '../verify/replicas.ts';
import { DEFAULT_MAX_SHARD_BYTES, type ConsolidateOptions } from './consolidate.ts';
import { findingEntry, MANIFEST_FILE, MANIFEST_FORMAT, manifestFile, manifestText } from './manifest.ts';
import { checkOutputOutside } from './output-place.ts';
import { openWeights, viewsOf, type AdapterInput, type WeightsInput } from './weights-input.ts';

/** An adapter by its name, and how strongly it is merged: 1 is as it was trained. */
export interface ChosenAdapter {
  readonly name: string;
  readonly weight: number;
}

export interface MergeOptions extends Omit<ConsolidateOptions, 'parts' | 'part'>, OpenOptions {
  /** Absent: the one adapter that there is. */
  readonly adapters?: readonly ChosenAdapter[];
}

/** A merge that is ready to run. */
export interface PreparedMerge {
  readonly base: WeightsInput;
  readonly adapterFolder: string;
  readonly adapters: readonly ChosenAdapter[];
  readonly modules: readonly MergedModule[];
  readonly plan: Plan;
  readonly options: ConsolidationOptions;
  /** How copies of KV heads are placed in the folders that are sharded. */
  readonly kvPlacements: readonly PartKvPlacement[];
  /** What was found before merging; none is an error. */
  readonly findings: readonly Finding[];
}

export interface MergeResult extends ExecuteResult {
  readonly out: string;
  readonly plan: Plan;
  readonly modules: readonly MergedModule[];
  readonly findings: readonly Finding[];
}

/** From the folders of a base model and of adapters, each in Hugging Face's form or sharded, to a plan. */
export function prepareMerge(baseFolder: string, adapterFolder: string, chosen: MergeOptions = {}): PreparedMerge {
  const base = openWeights(baseFolder, chosen);
  if (!base.model) {
    throw new ShardloomError({
      tag: 'usage',
      what: 'The base folder holds adapters, and no model to merge them into.',
      file: base.root,
      isFolder: true,
      expected: 'the folder of the base model',
    });
  }
  const input = path.resolve(adapterFolder) === base.root ? base : openWeights(adapterFolder, chosen);
  const adapters = chosenAdapters(input, chosen.adapters);
  const options: ConsolidationOptions = {
    format: chosen.format ?? 'safetensors',
    maxShardBytes: chosen.maxShardBytes ?? DEFAULT_MAX_SHARD_BYTES,
    ...(chosen.dtype && { dtype: chosen.dtype }),
  };
  const merge = planMerge(viewsOf(base.model), adapters);
  const names = adapters.map(({ name, weight }) => ({ name, weight }));
  const inputs = [...new Set([base, input])];
  return {
    base,
    adapterFolder: input.root,
    adapters: names,
    modules: merge.modules,
    plan: planOf(base, merge, options),
    options,
    kvPlacements: inputs.flatMap(({ kvPlacements }) => kvPlacements),
    findings: inputs.flatMap(({ findings }) => findings),
  };
}

/**
 * Writes the base model with adapters merged in: Hugging Face weights, the files a loader needs beside them, and shardloom.json. Band
 * by band: no weight is ever whole in memory.
 */
export async function merge(
  baseFolder: string,
  adapterFolder: string,
  out: string,
  options: MergeOptions = {},
): Promise<MergeResult> {
  const prepared = prepareMerge(baseFolder, adapterFolder, options);
  const { plan, modules } = prepared;
  checkOutputOutside([prepared.adapterFolder, prepared.base.root], out);
  let { findings } = prepared;
  const result = await executePlan(plan, out, {
    ...options,
    beforePublish: (written) => {
      findings = [...prepared.findings, ...findingsWhileCopying(plan, written)];
      return [{ path: MANIFEST_FILE, text: manifestOf(prepared, written, options.version) }];
    },
  });
  return { ...result, out: path.resolve(out), plan, modules, findings };
}

function planOf(base: WeightsInput, { weights, replaced }: MergePlan, options: ConsolidationOptions): Plan {
  const builder = new PlanBuilder();
  // What takes the place of a base weight is written as that weight is.
  const own = (name: string): DType | undefined => options.dtype ?? base.model!.get(name)!.view.dtype;
  const typed = new Map<string, OriginalWeight>(
    [...weights].map(([name, weight]) => [name, replaced.includes(name) ? { ...weight, dtype: own(name)! } : weight]),
  );
  const { outputs, texts } = planModelFiles(builder, typed, options);
  const companions = modelCompanions(base.root, base.files, base.config, options.dtype);
  return {
    files: builder.files,
    sources: builder.sources,
    outputs,
    texts: [...texts, ...companions.texts],
    sidecars: companions.sidecars,
  };
}

function chosenAdapters(
  { root, adapters }: WeightsInput,
  chosen: readonly ChosenAdapter[] | undefined,
): MergedAdapter[] {
  const names = adapters.map(({ name }) => name).join(', ');
  if (!chosen && adapters.length !== 1) {
    throw new ShardloomError({
      tag: adapters.length === 0 ? 'not-a-checkpoint' : 'usage',
      what: adapters.length === 0 ? 'The folder holds no adapter.' : 'The folder holds several adapters.',
      file: root,
      isFolder: true,
      ...(adapters.length > 0 && { found: names }),
      advice: adapters.length === 0 ? 'Name the folder of an adapter.' : 'Choose with --adapter NAME, or NAME=WEIGHT.',
    });
  }
  return (chosen ?? [{ name: adapters[0]!.name, weight: 1 }]).map(({ name, weight }) => {
    const adapter = adapters.find((candidate) => candidate.name === name);
    if (!adapter) {
      throw new ShardloomError({
        tag: 'usage',
        what: 'The folder holds no adapter of this name.',
        file: root,
        isFolder: true,
        found: name,
        expected: names,
      });
    }
    return { name, weight, weights: viewsOf(adapter.weights), config: documentOf(adapter, root) };
  });
}

function documentOf({ name, config }: AdapterInput, root: string): Readonly<Record<string, unknown>> {
  if (config) return config.document;
  throw new ShardloomError({
    tag: 'missing-file',
    what: `Adapter ${name} has no adapter_config.json, which says how it is scaled.`,
    file: root,
    isFolder: true,
    advice: 'Copy it from the training machine.',
  });
}

function manifestOf(prepared: PreparedMerge, written: readonly WrittenOutput[], version = 'unknown'): string {
  const { base, adapterFolder, adapters, modules, options, plan, kvPlacements } = prepared;
  const about = {
    format: MANIFEST_FORMAT,
    made_by: `shardloom ${version}`,
    operation: 'merge',
    source: {
      base: base.root,
      adapters: { folder: adapterFolder, merged: adapters },
      files: plan.files.length,
      bytes: plan.files.reduce((sum, file) => sum + file.size, 0),
    },
    options: { format: options.format, max_shard_size: options.maxShardBytes, dtype: options.dtype ?? null },
    merged: modules,
  };
  const files = written.map((one) => manifestFile(one, findingsWhileCopying(plan, [one])));
  const findings = prepared.findings.map(findingEntry);
  return manifestText({ about, kvPlacements, findings }, files, replicaSummary(written));
}
