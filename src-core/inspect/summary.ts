import type { Checkpoint, KvPlacementFound, ShardedState } from '../checkpoint/checkpoint.ts';
import type { Finding } from '../errors.ts';
import type { PartName } from '../plan/part-name.ts';
import { dtypeBytes, torchName, type DType } from '../tensor/dtype.ts';
import { elementCount } from '../tensor/shape.ts';
import { partsOf, type CheckpointPart } from './parts.ts';
import { rankGrid, type RankSummary } from './ranks.ts';

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
  readonly part: PartName;
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
  /** Null where it does not matter, or is not known. */
  readonly kvPlacement: KvPlacementFound | null;
  /** All TP × PP ranks, stage by stage. */
  readonly ranks: readonly RankSummary[];
}

export interface AdapterSummary extends PartSummary {
  readonly name: string;
  readonly rank: number | null;
  readonly alpha: number | null;
  /** From adapter_config.json: a name on the Hub, or a folder of the training machine. */
  readonly baseModel: string | null;
}

/**
 * Sums up an opened checkpoint. Reads no weights.
 * @param parts its parts, where they are at hand already
 */
export function summarize(
  checkpoint: Checkpoint,
  parts: readonly CheckpointPart[] = partsOf(checkpoint),
): CheckpointSummary {
  const findings = [...checkpoint.findings];
  const modelPart = parts.find(({ state }) => state.adapterName === undefined);
  const model = modelPart ? partSummary(modelPart, findings) : null;
  const adapters = parts.filter((part) => part !== modelPart).map((part) => adapterSummary(part, findings));
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

function adapterSummary(part: CheckpointPart, findings: Finding[]): AdapterSummary {
  const { adapterName, adapterConfig } = part.state;
  return {
    ...partSummary(part, findings),
    name: adapterName ?? 'default',
    rank: adapterConfig?.rank ?? null,
    alpha: adapterConfig?.alpha ?? null,
    baseModel: adapterConfig?.baseModel ?? null,
  };
}

function partSummary({ name, state, weights, problem }: CheckpointPart, findings: Finding[]): PartSummary {
  if (problem) findings.push(problem);
  const views = weights && [...weights.values()].map(({ view }) => view);
  const sum = (of: (count: number, dtype: DType) => number): number | null =>
    views && views.reduce((total, { shape, dtype }) => total + of(elementCount(shape), dtype), 0);
  return {
    part: name,
    tensorParallelSize: state.tensorParallelSize,
    pipelineParallelSize: state.pipelineParallelSize,
    xser: state.xser,
    dtypes: state.stages.some(({ tensors }) => tensors.size > 0) ? dtypesByBytes(state) : state.dtypes.map(nameOfDtype),
    layers: layerCount(weights ? weights.keys() : state.stages.flatMap((stage) => [...stage.tensors.keys()])),
    parameters: sum((count) => count),
    tensors: views ? views.length : null,
    consolidatedBytes: sum((count, dtype) => count * dtypeBytes(dtype)),
    shardBytes: state.bytes,
    shardFiles: state.fileCount,
    kvPlacement: state.kvPlacement ?? null,
    ranks: rankGrid(state),
  };
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
  return [...bytes].sort(([, a], [, b]) => b - a).map(([dtype]) => nameOfDtype(dtype));
}

function nameOfDtype(dtype: DType): string {
  return torchName(dtype) ?? dtype;
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
