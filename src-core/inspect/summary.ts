import type { Checkpoint, ShardedState } from '../checkpoint/checkpoint.ts';
import { isShardloomError, toFinding, type Finding } from '../errors.ts';
import { originalWeightsOf } from '../plan/original-weights.ts';
import type { OriginalWeight } from '../specs/spec.ts';
import { dtypeBytes, torchName, type DType } from '../tensor/dtype.ts';
import { elementCount } from '../tensor/shape.ts';
import { detectKvPlacement, kvPlacementFinding, type KvPlacement } from '../verify/kv-placement.ts';

/** What a checkpoint is, in the figures a user asks for first. */
export interface CheckpointSummary {
  readonly folder: string;
  /** From config.json: "llama". */
  readonly modelType: string | null;
  readonly model: PartSummary | null;
  readonly adapters: readonly AdapterSummary[];
  readonly health: 'sound' | 'look' | 'damaged';
  readonly findings: readonly Finding[];
}

/** The shards of a model or of an adapter. */
export interface PartSummary {
  readonly tensorParallelSize: number;
  readonly pipelineParallelSize: number;
  readonly xser: boolean;
  /** torch names, most bytes first. */
  readonly dtypes: readonly string[];
  readonly layers: number;
  /** Of the consolidated model; null where the shards cannot be joined. */
  readonly parameters: number | null;
  readonly tensors: number | null;
  readonly consolidatedBytes: number | null;
  /** On disk, copies included. */
  readonly shardBytes: number;
  readonly shardFiles: number;
  readonly kvPlacement: KvPlacement | null;
}

export interface AdapterSummary extends PartSummary {
  readonly name: string;
  readonly rank: number | null;
  readonly alpha: number | null;
}

/** Sums up an opened checkpoint. Reads no weights but the beginnings of KV heads where they are replicated. */
export function summarize(checkpoint: Checkpoint): CheckpointSummary {
  const findings = [...checkpoint.findings];
  const model = checkpoint.model ? partSummary(checkpoint.model, findings) : null;
  const adapters = checkpoint.adapters.map((state) => ({
    ...partSummary(state, findings),
    name: state.adapterName ?? 'default',
    rank: state.adapterConfig?.rank ?? null,
    alpha: state.adapterConfig?.alpha ?? null,
  }));
  const damaged = findings.some(({ severity }) => severity === 'error');
  const noticed = findings.some(({ severity }) => severity === 'warning');
  return {
    folder: checkpoint.found.opened,
    modelType: checkpoint.config?.modelType ?? null,
    model,
    adapters,
    health: damaged ? 'damaged' : noticed ? 'look' : 'sound',
    findings,
  };
}

function partSummary(state: ShardedState, findings: Finding[]): PartSummary {
  const weights = joined(state, findings);
  const views = weights && [...weights.values()].map(({ view }) => view);
  const sum = (of: (count: number, dtype: DType) => number): number | null =>
    views && views.reduce((total, { shape, dtype }) => total + of(elementCount(shape), dtype), 0);
  const placement = weights && placementOf(state, weights, findings);
  return {
    tensorParallelSize: state.tensorParallelSize,
    pipelineParallelSize: state.pipelineParallelSize,
    xser: state.xser,
    dtypes: dtypesByBytes(state),
    layers: layerCount(weights ? weights.keys() : state.stages.flatMap((stage) => [...stage.tensors.keys()])),
    parameters: sum((count) => count),
    tensors: views ? views.length : null,
    consolidatedBytes: sum((count, dtype) => count * dtypeBytes(dtype)),
    shardBytes: state.bytes,
    shardFiles: state.fileCount,
    kvPlacement: placement,
  };
}

/** The original weights, or null with a finding where they cannot be made out. */
function joined(state: ShardedState, findings: Finding[]): Map<string, OriginalWeight> | null {
  if (state.findings.some(({ severity }) => severity === 'error')) return null;
  try {
    return originalWeightsOf(state);
  } catch (error) {
    if (!isShardloomError(error)) throw error;
    findings.push(toFinding(error, 'error'));
    return null;
  }
}

function placementOf(
  state: ShardedState,
  weights: ReadonlyMap<string, OriginalWeight>,
  findings: Finding[],
): KvPlacement | null {
  const result = detectKvPlacement(state, weights);
  const finding = result && kvPlacementFinding(result);
  if (finding) findings.push(finding);
  return result?.placement ?? null;
}

function dtypesByBytes(state: ShardedState): string[] {
  const bytes = new Map<DType, number>();
  for (const stage of state.stages) {
    for (const locals of stage.tensors.values()) {
      for (const { dtype, shape } of locals) {
        bytes.set(dtype, (bytes.get(dtype) ?? 0) + elementCount(shape) * dtypeBytes(dtype));
      }
    }
  }
  return [...bytes].sort(([, a], [, b]) => b - a).map(([dtype]) => torchName(dtype) ?? dtype);
}

/** How many different `layers.<n>` the names hold. */
function layerCount(names: Iterable<string>): number {
  const layers = new Set<string>();
  for (const name of names) {
    const match = /(?:^|\.)layers\.(\d+)\./.exec(name);
    if (match) layers.add(match[1]!);
  }
  return layers.size;
}
