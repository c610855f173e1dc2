import { ShardloomError } from '../errors.ts';
import { cat, mean, narrow } from '../tensor/operations.ts';
import type { View } from '../tensor/view.ts';
import type { TensorParallelRank } from './spec.ts';
import { formatShape } from '../units.ts';

/**
 * The part of `fullWeight` that one rank holds: pieces of ceil(axis / tp) along `partitionDim`, the last one shorter. With
 * `stride` s the axis is cut into s * tp pieces and the rank gets pieces r, r + tp, r + 2 tp … one behind the other.
 * (The reference's `create_local_weight_with_padding`; despite its name nothing is padded.)
 */
export function createLocalWeightWithPadding(
  fullWeight: View,
  partitionDim: number,
  stride: number,
  { tpSize, tpRank }: TensorParallelRank,
): View {
  const size = fullWeight.shape[partitionDim] ?? 0;
  const piece = Math.ceil(size / tpSize / stride);
  const pieces: View[] = [];
  for (let index = tpRank; index < stride * tpSize; index += tpSize) {
    const start = Math.min(index * piece, size);
    pieces.push(narrow(fullWeight, partitionDim, start, Math.min(piece, size - start)));
  }
  return cat(pieces, partitionDim);
}

/**
 * Part `tpRank` of each individual weight along `partitionDim`, joined along `fuseAxis` (`create_local_fused_weight`).
 */
export function createLocalFusedWeight(
  tpRank: number,
  tpSize: number,
  individualWeights: readonly View[],
  partitionDim: number,
  fuseAxis: number,
): View {
  const parts = individualWeights.map((weight) => {
    const size = (weight.shape[partitionDim] ?? 0) / tpSize;
    return narrow(weight, partitionDim, tpRank * size, size);
  });
  return cat(parts, fuseAxis);
}

/**
 * The whole tensor from all ranks' parts along `partitionDim`. With `stride` s each rank's part is s pieces: piece i of all
 * ranks, then piece i + 1. (The reference ignores the stride when it joins.) Null where a part has no s equal pieces.
 */
export function joinLocalWeights(locals: readonly View[], partitionDim: number, stride: number): View | null {
  if (stride === 1) return cat(locals, partitionDim);
  const pieces: View[] = [];
  for (let index = 0; index < stride; index++) {
    for (const local of locals) {
      const piece = (local.shape[partitionDim] ?? 0) / stride;
      if (!Number.isInteger(piece)) return null;
      pieces.push(narrow(local, partitionDim, index * piece, piece));
    }
  }
  return cat(pieces, partitionDim);
}

/**
 * Takes the parameters `names` of linears that the Neuron model holds as one out of `stateDict`, or null where none of them is
 * there. Throws `missing-tensor` where only some are.
 */
export function takeTogether(
  stateDict: Map<string, View>,
  names: readonly string[],
  fusedInto: string,
): readonly View[] | null {
  const found = names.flatMap((name) => stateDict.get(name) ?? []);
  if (found.length === 0) return null;
  if (found.length < names.length) {
    const isLora = names[0]!.includes('.lora_');
    throw new ShardloomError({
      tag: 'missing-tensor',
      what: `The Neuron model holds these linears as one, ${fusedInto}, but only some of them are there.`,
      tensor: names.filter((name) => !stateDict.has(name)).join(', '),
      found: names.filter((name) => stateDict.has(name)).join(', '),
      advice: isLora
        ? 'An adapter for training has to target all linears that are fused, or none of them.'
        : 'Add the files that hold them.',
    });
  }
  for (const name of names) stateDict.delete(name);
  return found;
}

/** The one lora_A that fused linears share in training: the mean of theirs. Throws `shape-mismatch` where they have no mean. */
export function sharedLoraA(name: string, loraA: readonly View[]): View {
  const kinds = new Set(loraA.map(({ dtype, shape }) => `${dtype} ${formatShape(shape)}`));
  if (kinds.size === 1) return mean(loraA);
  throw new ShardloomError({
    tag: 'shape-mismatch',
    what: 'Linears that are fused in training share one lora_A, the mean of theirs, but these differ in kind.',
    tensor: name,
    found: [...kinds].join(', '),
    expected: 'the same rank and dtype for all of them',
    advice: 'Give these linears the same rank in rank_pattern, then train the adapter again.',
  });
}
