import { withFile } from '../bytes/file.ts';
import { dtypeBytes } from '../tensor/dtype.ts';
import { contiguousStrides, elementCount, extent } from '../tensor/shape.ts';
import type { Rank, StoredTensor } from '../tensor/stored.ts';
import type { CheckpointPart } from './parts.ts';

/** What one rank has on disk. */
export interface RankContent {
  readonly rank: Rank;
  readonly files: readonly RankContentFile[];
  /** In the order in which the rank saved them. */
  readonly tensors: readonly HeldTensor[];
  /** Of all tensors. */
  readonly bytes: number;
}

export interface RankContentFile {
  readonly path: string;
  readonly bytes: number;
  readonly tensors: number;
}

/** A tensor as it is stored, with what of its storage is not its own. */
export interface HeldTensor extends StoredTensor {
  readonly bytes: number;
  /** False for views that torch saved with their strides. */
  readonly contiguous: boolean;
  /** Other tensors of the rank that lie on some of the same bytes. */
  readonly sharesWith: readonly string[];
}

/** Files and tensors of one rank, as stored. Reads no weights. */
export function rankContent({ state }: CheckpointPart, rank: Rank): RankContent {
  const stage = state.stages.find(({ ppRank }) => ppRank === rank.pp);
  const stored = [...(stage?.tensors.values() ?? [])].flatMap((locals) => locals[rank.tp] ?? []);
  const sharing = sharedStorage(stored);
  const tensors = stored.map((tensor): HeldTensor => {
    const dense = contiguousStrides(tensor.shape);
    return {
      ...tensor,
      bytes: elementCount(tensor.shape) * dtypeBytes(tensor.dtype),
      contiguous: tensor.strides.every((stride, axis) => tensor.shape[axis]! < 2 || stride === dense[axis]),
      sharesWith: sharing.get(tensor) ?? [],
    };
  });
  const counts = new Map<string, number>();
  for (const { file } of stored) counts.set(file, (counts.get(file) ?? 0) + 1);
  return {
    rank,
    files: [...counts].map(([path, count]) => ({ path, bytes: withFile(path, ({ size }) => size), tensors: count })),
    tensors,
    bytes: tensors.reduce((sum, { bytes }) => sum + bytes, 0),
  };
}

/** For each tensor that lies on bytes of others: their names. */
function sharedStorage(tensors: readonly StoredTensor[]): Map<StoredTensor, string[]> {
  const spans = tensors
    .map((tensor) => ({
      tensor,
      from: tensor.byteOffset,
      to: tensor.byteOffset + extent(tensor.shape, tensor.strides) * dtypeBytes(tensor.dtype),
    }))
    .sort((a, b) => (a.tensor.file < b.tensor.file ? -1 : a.tensor.file > b.tensor.file ? 1 : a.from - b.from));
  const shared = new Map<StoredTensor, string[]>();
  let open: typeof spans = [];
  for (const span of spans) {
    open = open.filter((other) => other.tensor.file === span.tensor.file && other.to > span.from);
    for (const { tensor } of open) {
      shared.set(tensor, [...(shared.get(tensor) ?? []), span.tensor.name]);
      shared.set(span.tensor, [...(shared.get(span.tensor) ?? []), tensor.name]);
    }
    if (span.to > span.from) open.push(span);
  }
  return shared;
}
