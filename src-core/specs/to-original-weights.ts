import { ShardloomError } from '../errors.ts';
import type { ParameterMetadata, ParametersMetadata } from '../tensor/parallel.ts';
import { sameShape } from '../tensor/shape.ts';
import type { View } from '../tensor/view.ts';
import { metadataBySavedName } from './adapter-names.ts';
import { joinLocalWeights } from './local-weights.ts';
import { producedTwice, type ModelWeightTransformationSpecs } from './specs.ts';
import { copiesOfRanks, shapeMismatch, type OriginalWeight, type ShardedStateDicts } from './spec.ts';
import { formatShape } from '../units.ts';

/**
 * All weights of one pipeline stage, as the original model has them (optimum-neuron `to_original_weights`).
 *
 * Specs come first. What they leave is joined along its partition axis, or taken from rank 0 where it is not parallel.
 * Every saved tensor ends up in the result or in a spec; parameters of the metadata that were not saved are skipped.
 *
 * @param adapterName the adapter whose tensors these are; without it they are a full model's
 */
export function toOriginalWeights(
  transformationSpecs: readonly ModelWeightTransformationSpecs[],
  shardedStateDicts: ShardedStateDicts,
  parametersMetadata: ParametersMetadata,
  adapterName?: string,
): Map<string, OriginalWeight> {
  const bySavedName = metadataBySavedName(parametersMetadata, adapterName);
  checkLocals(shardedStateDicts, bySavedName);
  const weights = new Map<string, OriginalWeight>();
  const done = new Set<string>();
  for (const specs of transformationSpecs) {
    const result = specs.toOriginalWeights(shardedStateDicts, bySavedName);
    for (const [name, weight] of result.weights) {
      if (weights.has(name)) throw producedTwice(name);
      weights.set(name, weight);
    }
    for (const name of result.keysToRemove) done.add(name);
  }
  for (const [name, locals] of shardedStateDicts) {
    if (done.has(name)) continue;
    if (weights.has(name)) throw producedTwice(name);
    weights.set(name, plainWeight(name, locals, bySavedName.get(name)));
  }
  return weights;
}

/** Ranks must agree in dtype and shape, the partition axis aside. Specs rely on it. */
function checkLocals(shardedStateDicts: ShardedStateDicts, metadata: ReadonlyMap<string, ParameterMetadata>): void {
  for (const [name, locals] of shardedStateDicts) {
    const parameter = metadata.get(name);
    const partitionDim = parameter?.tensorModelParallel ? parameter.partitionDim : undefined;
    const first = locals[0]!;
    locals.forEach((local, rank) => {
      if (local.dtype !== first.dtype)
        throw disagreement('dtype-mismatch', name, local, rank, local.dtype, first.dtype);
      const shape = ignoring(local.shape, partitionDim);
      if (!sameShape(shape, ignoring(first.shape, partitionDim))) {
        const [found, expected] = [local, first].map((view) => formatShape(view.shape));
        throw disagreement('shape-mismatch', name, local, rank, found!, expected!);
      }
    });
    checkPartition(name, locals, parameter);
  }
}

/** Along the partition axis all parts are equal, or the last ones shorter, as splitting by ceil(axis / tp) leaves them. */
function checkPartition(name: string, locals: readonly View[], parameter: ParameterMetadata | undefined): void {
  if (!parameter?.tensorModelParallel) return;
  const axis = parameter.partitionDim ?? 0;
  const { numPartitions } = parameter;
  if (numPartitions !== undefined && numPartitions !== locals.length) {
    throw new ShardloomError({
      tag: 'parallel-size-mismatch',
      what: 'The metadata was made for another tensor parallel size than the shards.',
      tensor: name,
      found: `${locals.length} tensor parallel ranks in the shards`,
      expected: `num_partitions ${numPartitions}`,
      advice:
        'Put the metadata and the shards of the same training run together; look for missing or extra rank files.',
    });
  }
  const sizes = locals.map((local) => local.shape[axis]);
  if (sizes.includes(undefined)) {
    throw shapeMismatch(name, locals[0], `The metadata says that axis ${axis} is split.`, `at least ${axis + 1} axes`);
  }
  const total = (sizes as number[]).reduce((sum, size) => sum + size, 0);
  const part = Math.ceil(total / locals.length);
  const fits = (sizes as number[]).every((size, rank) => size === Math.max(0, Math.min(part, total - rank * part)));
  if (!fits) {
    const odd = locals.find((local) => local.shape[axis] !== locals[0]!.shape[axis]);
    throw shapeMismatch(
      name,
      odd ?? locals[0],
      `The ranks' parts along axis ${axis} are not those of one tensor: ${sizes.join(', ')}.`,
      `parts of ${part}, only the last shorter`,
    );
  }
}

function plainWeight(name: string, locals: readonly View[], parameter: ParameterMetadata | undefined): OriginalWeight {
  if (!parameter?.tensorModelParallel) {
    // Where the metadata does not know the parameter, equal copies are the only sign that it is not parallel.
    const copies = copiesOfRanks(locals).map((copy) => (parameter ? copy : { ...copy, mustAgree: true as const }));
    return { view: locals[0]!, transformation: 'copied', from: [name], copies };
  }
  const stride = parameter.partitionStride ?? 1;
  const view = joinLocalWeights(locals, parameter.partitionDim ?? 0, stride);
  if (!view) {
    throw shapeMismatch(
      name,
      locals[0],
      'A rank holds several pieces of the tensor (partition_stride), but they are not equal.',
      `axis ${parameter.partitionDim} divisible by ${stride}`,
    );
  }
  return { view, transformation: 'joined', from: [name], copies: [] };
}

function ignoring(shape: readonly number[], axis: number | undefined): number[] {
  return shape.map((size, k) => (k === axis ? -1 : size));
}

function disagreement(
  tag: 'dtype-mismatch' | 'shape-mismatch',
  name: string,
  local: View,
  rank: number,
  found: string,
  expected: string,
): ShardloomError {
  const file = local.regions[0]?.source.file;
  return new ShardloomError({
    tag,
    what: `Tensor parallel rank ${rank} holds another ${tag === 'dtype-mismatch' ? 'dtype' : 'shape'} of this parameter than rank 0.`,
    ...(file !== undefined && { file }),
    tensor: name,
    found,
    expected: `${expected}, as on rank 0`,
    advice: 'The shards are not from the same save: copy all ranks again from one checkpoint.',
  });
}
