import { toProblem, type Finding } from '../errors.ts';
import type { WrittenOutput } from '../execute/execute.ts';
import type { ReplicaSummary } from '../verify/replicas.ts';
import type { PreparedConsolidation } from './consolidate.ts';

/** The version of shardloom.json's form. Readers must refuse a higher one. */
export const MANIFEST_FORMAT = 1;

/** In the output folder: where the weights came from, what was done to them, and a digest of every tensor's bytes as written. */
export const MANIFEST_FILE = 'shardloom.json';

/** What shardloom.json says before anything is written. No time of day and no machine: the same run gives the same file. */
export interface ManifestHead {
  readonly about: Record<string, unknown>;
  readonly kvPlacements: unknown;
  readonly findings: readonly unknown[];
}

/** One file's entry, with what was noticed on it while copying. */
export interface ManifestFile {
  readonly entry: { readonly path: string; readonly bytes: number };
  readonly findings: readonly Record<string, unknown>[];
}

export function manifestHead(prepared: PreparedConsolidation, version = 'unknown'): ManifestHead {
  const { checkpoint, plan, options } = prepared;
  const states = [...(checkpoint.model ? [checkpoint.model] : []), ...checkpoint.adapters];
  const about = {
    format: MANIFEST_FORMAT,
    made_by: `shardloom ${version}`,
    operation: 'consolidate',
    source: {
      folder: checkpoint.found.opened,
      files: plan.files.length,
      bytes: plan.files.reduce((sum, file) => sum + file.size, 0),
      parts: states.map((state) => ({
        adapter: state.adapterName ?? null,
        tensor_parallel_size: state.tensorParallelSize,
        pipeline_parallel_size: state.pipelineParallelSize,
        xser: state.xser,
      })),
    },
    options: {
      format: options.format,
      max_shard_size: options.maxShardBytes,
      dtype: options.dtype ?? null,
    },
  };
  return {
    about,
    kvPlacements: prepared.kvPlacements,
    findings: prepared.findings.map(findingEntry),
  };
}

/** The entry of a file that was written. */
export function manifestFile({ output, tensors }: WrittenOutput, findings: readonly Finding[]): ManifestFile {
  const entry = {
    path: output.path,
    bytes: output.size,
    tensors: Object.fromEntries(
      output.tensors.map((tensor, index) => [
        tensor.name,
        { dtype: tensor.dtype, shape: tensor.shape, bytes: tensor.byteLength, digest: tensors[index]!.digest },
      ]),
    ),
  };
  return { entry, findings: findings.map(findingEntry) };
}

/** shardloom.json, from what was known before and what each file became. */
export function manifestText(head: ManifestHead, files: readonly ManifestFile[], replicas: ReplicaSummary): string {
  const manifest = {
    ...head.about,
    checks: {
      coverage: 'every element of every tensor comes from exactly one place',
      replicas,
      kv_placements: head.kvPlacements,
    },
    findings: [...head.findings, ...files.flatMap((file) => file.findings)],
    files: files.map(({ entry }) => entry),
  };
  return `${JSON.stringify(manifest, null, 2)}\n`;
}

/** A finding as the record has it. */
export function findingEntry({ severity, ...finding }: Finding): Record<string, unknown> {
  return { severity, ...toProblem(finding) };
}
