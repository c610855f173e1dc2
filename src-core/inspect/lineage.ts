import { ShardloomError } from '../errors.ts';
import { intersectBoxes, type Box } from '../execute/bands.ts';
import type { PartName } from '../plan/part-name.ts';
import { byteRuns, type ByteRun } from '../tensor/byte-runs.ts';
import { dtypeBytes } from '../tensor/dtype.ts';
import type { Rank, StoredTensor } from '../tensor/stored.ts';
import { regionsOf, type View } from '../tensor/view.ts';
import { weightOf, type CheckpointPart } from './parts.ts';

/** Where a box of an original parameter lies on disk. */
export interface Lineage {
  readonly part: PartName;
  readonly name: string;
  readonly box: Box;
  /** What consolidation takes first, then the copies. */
  readonly pieces: readonly LineagePiece[];
}

/** The part of the box that one rank's tensor holds. */
export interface LineagePiece {
  /** 0 is what consolidation takes. */
  readonly copy: number;
  /** "taken", or what the copy is: "rank 3", "KV replica 1". */
  readonly label: string;
  readonly tensor: StoredTensor;
  /** Where it begins in the parameter, and in the rank's tensor. */
  readonly at: readonly number[];
  readonly from: readonly number[];
  readonly size: readonly number[];
  /** Its bytes in the file, in C order; the first of {@link byteRuns}. */
  readonly runs: readonly ByteRun[];
  readonly runCount: number;
}

/** Every place on disk that holds a box of an original parameter. Throws `usage` for a box outside it. Reads no weights. */
export function lineageOf(parts: readonly CheckpointPart[], part: PartName, name: string, box: Box): Lineage {
  const weight = weightOf(parts, part, name);
  checkBox(name, weight.view.shape, box);
  const copies = [{ label: 'taken', view: weight.view }, ...weight.copies.map(({ label, view }) => ({ label, view }))];
  return {
    part,
    name,
    box,
    pieces: copies.flatMap(({ label, view }, copy) => piecesOf(view, box).map((piece) => ({ copy, label, ...piece }))),
  };
}

function piecesOf(view: View, box: Box): Omit<LineagePiece, 'copy' | 'label'>[] {
  return regionsOf(view).flatMap((region) => {
    const shared = intersectBoxes(box, region);
    if (!shared) return [];
    const from = shared.at.map((at, axis) => region.from[axis]! + at - region.at[axis]!);
    return [
      { tensor: region.source, at: shared.at, from, size: shared.size, ...byteRuns(region.source, from, shared.size) },
    ];
  });
}

/** An element of an original parameter that a stored element becomes, or is a copy of. */
export interface Descendant {
  readonly part: PartName;
  readonly name: string;
  readonly at: readonly number[];
  readonly copy: number;
  readonly label: string;
}

/** The other way: what the element at `index` of a rank's tensor is in the original model. */
export function descendantsOf(
  parts: readonly CheckpointPart[],
  tensor: StoredTensor,
  index: readonly number[],
): Descendant[] {
  checkBox(tensor.name, tensor.shape, { at: index, size: index.map(() => 1) });
  const found: Descendant[] = [];
  for (const { name: part, weights } of parts) {
    for (const [name, { view, from, copies }] of weights ?? []) {
      if (!from.includes(tensor.name)) continue;
      [{ label: 'taken', view }, ...copies].forEach(({ label, view: candidate }, copy) => {
        for (const region of regionsOf(candidate)) {
          if (region.source !== tensor || !holds(region.from, region.size, index)) continue;
          const at = index.map((position, axis) => region.at[axis]! + position - region.from[axis]!);
          found.push({ part, name, at, copy, label });
        }
      });
    }
  }
  return found;
}

/** The stored tensor and the element in it that a byte of a file belongs to, or null for bytes of no tensor. */
export function storedElementAt(
  parts: readonly CheckpointPart[],
  file: string,
  offset: number,
): { readonly tensor: StoredTensor; readonly index: readonly number[] } | null {
  for (const tensor of storedTensors(parts)) {
    if (tensor.file !== file) continue;
    const index = indexAt(tensor, Math.floor((offset - tensor.byteOffset) / dtypeBytes(tensor.dtype)));
    if (index) return { tensor, index };
  }
  return null;
}

/** A rank's tensor by what names it. Throws `usage` where the rank holds no such tensor. */
export function storedTensorOf(parts: readonly CheckpointPart[], rank: Rank, name: string): StoredTensor {
  for (const tensor of storedTensors(parts)) {
    if (tensor.name === name && tensor.rank?.tp === rank.tp && tensor.rank.pp === rank.pp) return tensor;
  }
  throw new ShardloomError({
    tag: 'usage',
    what: `TP rank ${rank.tp}, pipeline rank ${rank.pp} holds no such tensor.`,
    tensor: name,
    advice: 'shardloom layout FOLDER PARAMETER names the tensors that a parameter is made from.',
  });
}

function* storedTensors(parts: readonly CheckpointPart[]): Generator<StoredTensor> {
  for (const { state } of parts) {
    for (const stage of state.stages) for (const locals of stage.tensors.values()) yield* locals;
  }
}

/** The index of the element that many elements behind the first, or null where the tensor has none there. */
function indexAt({ shape, strides }: StoredTensor, elements: number): number[] | null {
  if (elements < 0) return null;
  const index = shape.map(() => 0);
  // Larger steps first: with the strides of any torch layout that does not overlap this is the only way to get there.
  const axes = shape.map((_, axis) => axis).sort((a, b) => strides[b]! - strides[a]!);
  let rest = elements;
  for (const axis of axes) {
    const stride = strides[axis]!;
    if (stride === 0) continue;
    index[axis] = Math.min(shape[axis]! - 1, Math.floor(rest / stride));
    rest -= index[axis] * stride;
  }
  return rest === 0 ? index : null;
}

function holds(from: readonly number[], size: readonly number[], index: readonly number[]): boolean {
  return index.every((position, axis) => position >= from[axis]! && position < from[axis]! + size[axis]!);
}

function checkBox(name: string, shape: readonly number[], { at, size }: Box): void {
  const fits =
    at.length === shape.length &&
    at.every((start, axis) => {
      const length = size[axis] ?? 0;
      return (
        Number.isInteger(start) &&
        Number.isInteger(length) &&
        start >= 0 &&
        length >= 1 &&
        start + length <= shape[axis]!
      );
    });
  if (fits) return;
  throw new ShardloomError({
    tag: 'usage',
    what: 'This is not inside the parameter.',
    tensor: name,
    found: at.map((start, axis) => `${start}:${start + (size[axis] ?? 1)}`).join(', ') || 'no index',
    expected: `${shape.length} indices below ${shape.join(', ')}`,
  });
}
