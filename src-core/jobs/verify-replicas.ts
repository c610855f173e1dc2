import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { ShardloomError, type Finding } from '../errors.ts';
import { compareCopies, type CompareOptions } from '../execute/compare-copies.ts';
import type { CopiedTensor } from '../execute/copy-tensors.ts';
import { partsOf, type CheckpointPart } from '../inspect/parts.ts';
import { kvPlacementsOf, type PartKvPlacement, type PartName } from '../plan/part-name.ts';
import { PlanBuilder, plannedWeights } from '../plan/plan-builder.ts';
import type { PlanSource, PlanSourceFile, PlanTensor } from '../plan/plan.ts';
import type { Transformation, WeightCopy } from '../specs/spec.ts';
import type { Rank } from '../tensor/stored.ts';

/** What the checkpoint holds more than once, and whether all copies are equal. */
export interface ReplicaCheck {
  readonly replicas: readonly Replica[];
  /** Copies that were compared, and those that differ from what consolidation takes. */
  readonly compared: number;
  readonly different: number;
  readonly bytes: number;
  readonly seconds: number;
  /** How copies of KV heads stand over the ranks, for each part that has some. */
  readonly kvPlacements: readonly PartKvPlacement[];
  /** What is to be known of the placement. */
  readonly findings: readonly Finding[];
}

/** One original parameter of which there are copies. */
export interface Replica {
  readonly part: PartName;
  readonly name: string;
  /** Saved names of the Neuron parameters that hold it. */
  readonly from: readonly string[];
  readonly kind: ReplicaKind;
  readonly copies: number;
  /** The copies that differ, with where and by how much. */
  readonly differences: readonly CopyDifference[];
}

export type ReplicaKind = 'not parallel' | 'KV replicas' | 'shared lora_A' | 'pipeline stages';

export interface CopyDifference {
  /** "rank 3", "KV replica 1". */
  readonly label: string;
  readonly places: readonly DifferentPlace[];
}

export interface DifferentPlace {
  readonly rank: Rank | null;
  readonly file: string;
  /** The saved name of the tensor that holds the copy. */
  readonly tensor: string;
  readonly elements: number;
  /** Largest absolute difference; null where a NaN stands against another value. */
  readonly maxAbs: number | null;
}

/**
 * Compares everything that a checkpoint holds more than once with what consolidation would take, and writes nothing. Throws
 * the first error where the shards cannot be joined, and `cancelled` when the signal says so.
 */
export async function verifyReplicas(checkpoint: Checkpoint, options: CompareOptions = {}): Promise<ReplicaCheck> {
  const started = performance.now();
  const parts = partsOf(checkpoint);
  const planned = parts.map((part) => ({ part, ...planPart(part) }));
  const replicas: Replica[] = [];
  let bytes = 0;
  for (const { part, builder, tensors } of planned) {
    const inputs = { files: builder.files, sources: builder.sources };
    // One part after the other: progress is told for each of them from its start.
    const copied = await compareCopies(inputs, tensors, options);
    for (const tensor of tensors) {
      replicas.push(replicaOf(part, tensor, copied.get(tensor.name)!, inputs));
      bytes += tensor.byteLength * (1 + tensor.copies.length);
    }
  }
  const states = parts.map(({ state }) => state);
  return {
    replicas,
    compared: replicas.reduce((sum, { copies }) => sum + copies, 0),
    different: replicas.reduce((sum, { differences }) => sum + differences.length, 0),
    bytes,
    seconds: (performance.now() - started) / 1000,
    kvPlacements: kvPlacementsOf(states),
    findings: states.flatMap(({ findings }) => findings.filter(({ tag }) => tag === 'kv-placement')),
  };
}

function planPart({ state, weights, problem }: CheckpointPart): { builder: PlanBuilder; tensors: PlanTensor[] } {
  const fault = state.findings.find(({ severity }) => severity === 'error') ?? problem;
  if (!weights) throw new ShardloomError(fault!);
  const builder = new PlanBuilder();
  const copied = [...weights].filter(([, weight]) => weight.copies.length > 0);
  const tensors = plannedWeights(copied, undefined).map((weight) => builder.tensor(weight, 0));
  // A shared lora_A is compared under the first of its names only.
  return { builder, tensors: tensors.filter(({ copies }) => copies.length > 0) };
}

function replicaOf(
  part: CheckpointPart,
  tensor: PlanTensor,
  copied: CopiedTensor,
  { sources, files }: { readonly sources: readonly PlanSource[]; readonly files: readonly PlanSourceFile[] },
): Replica {
  const differences = copied.differences.map(({ copy, where }): CopyDifference => ({
    label: tensor.copies[copy]!.label,
    places: where.map(({ source, elements, maxAbs }) => {
      const { rank, file, name } = sources[source]!;
      return {
        rank: rank ?? null,
        file: files[file]!.path,
        tensor: name,
        elements,
        maxAbs: Number.isNaN(maxAbs) ? null : maxAbs,
      };
    }),
  }));
  const weight = part.weights!.get(tensor.name)!;
  return {
    part: part.name,
    name: tensor.name,
    from: tensor.from,
    kind: kindOf(tensor.transformation, weight.copies),
    copies: tensor.copies.length,
    differences,
  };
}

function kindOf(transformation: Transformation, copies: readonly WeightCopy[]): ReplicaKind {
  if (transformation === 'KV replica taken') return 'KV replicas';
  if (transformation === 'shared lora_A copied') return 'shared lora_A';
  return copies.every(({ label }) => label.startsWith('pipeline stage')) ? 'pipeline stages' : 'not parallel';
}
