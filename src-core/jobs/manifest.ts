import type { Finding } from '../errors.ts';
import { toProblem } from '../errors.ts';
import type { WrittenOutput } from '../execute/execute.ts';
import { replicaSummary } from '../verify/replicas.ts';
import type { PreparedConsolidation } from './consolidate.ts';

/** The version of shardloom.json's form. Readers must refuse a higher one. */
const MANIFEST_FORMAT = 1;

/**
 * shardloom.json: where the weights came from, what was done to them, and a digest of every tensor's bytes as written. No
 * time of day and no machine: the same run gives the same file.
 */
export function manifestText(
  prepared: PreparedConsolidation,
  written: readonly WrittenOutput[],
  findings: readonly Finding[],
  version = 'unknown',
): string {
  const { checkpoint, plan, options } = prepared;
  const states = [...(checkpoint.model ? [checkpoint.model] : []), ...checkpoint.adapters];
  const manifest = {
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
    checks: {
      coverage: 'every element of every tensor comes from exactly one place',
      replicas: replicaSummary(written),
      kv_placement: prepared.kvPlacement?.placement ?? null,
    },
    findings: findings.map(({ severity, ...finding }) => ({ severity, ...toProblem(finding) })),
    files: written.map(({ output, tensors }) => ({
      path: output.path,
      bytes: output.size,
      tensors: Object.fromEntries(
        output.tensors.map((tensor, index) => [
          tensor.name,
          { dtype: tensor.dtype, shape: tensor.shape, bytes: tensor.byteLength, digest: tensors[index]!.digest },
        ]),
      ),
    })),
  };
  return `${JSON.stringify(manifest, null, 2)}\n`;
}
