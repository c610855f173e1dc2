import type { PlanSource } from '../plan/plan.ts';
import { elementReader } from '../tensor/decode.ts';
import { dtypeBytes, type DType } from '../tensor/dtype.ts';
import { contiguousStrides, elementCount } from '../tensor/shape.ts';
import type { Piece } from './assemble.ts';
import type { KernelMemory } from './kernels.ts';

/** How one rank's copy differs from the tensor that was taken. */
export interface Difference {
  /** Index of the plan's source that holds the copy: it knows the rank and the file. */
  readonly source: number;
  /** Elements whose bytes differ. */
  readonly elements: number;
  /** Largest absolute difference of two values; NaN where one of two different values is NaN. */
  readonly maxAbs: number;
}

/**
 * Compares a band of the taken tensor with the same band of a copy. Equal bands cost one comparison of memory; only where
 * they differ each rank's piece is looked at element by element.
 */
export function compareBands(
  memory: KernelMemory,
  taken: number,
  copy: number,
  bandSize: readonly number[],
  dtype: DType,
  pieces: ReadonlyMap<number, readonly Piece[]>,
): Difference[] {
  const byteLength = elementCount(bandSize) * dtypeBytes(dtype);
  const bytes = Buffer.from(memory.bytes.buffer);
  if (bytes.compare(bytes, taken, taken + byteLength, copy, copy + byteLength) === 0) return [];
  const differences: Difference[] = [];
  for (const [source, ofSource] of pieces) {
    let elements = 0;
    let maxAbs = 0;
    for (const piece of ofSource) {
      const found = comparePiece(memory, taken, copy, bandSize, dtype, piece);
      elements += found.elements;
      maxAbs = larger(maxAbs, found.maxAbs);
    }
    if (elements > 0) differences.push({ source, elements, maxAbs });
  }
  return differences;
}

/** Adds differences of another band to those found so far. */
export function addDifferences(found: Map<number, Difference>, more: readonly Difference[]): void {
  for (const { source, elements, maxAbs } of more) {
    const before = found.get(source);
    found.set(source, {
      source,
      elements: elements + (before?.elements ?? 0),
      maxAbs: larger(before?.maxAbs ?? 0, maxAbs),
    });
  }
}

/** The ranks that the sources of differences belong to, each once, in order. */
export function ranksOf(differences: readonly Difference[], sources: readonly PlanSource[]): number[] {
  const ranks = differences.flatMap(({ source }) => sources[source]?.rank?.tp ?? []);
  return [...new Set(ranks)].sort((a, b) => a - b);
}

/** The larger of two magnitudes; NaN once seen stays. */
export function larger(a: number, b: number): number {
  return Number.isNaN(a) || Number.isNaN(b) ? NaN : Math.max(a, b);
}

function comparePiece(
  memory: KernelMemory,
  taken: number,
  copy: number,
  bandSize: readonly number[],
  dtype: DType,
  piece: Piece,
): { elements: number; maxAbs: number } {
  const step = dtypeBytes(dtype);
  // Complex numbers are compared by their real parts here; which elements differ is decided on all their bytes.
  const read = elementReader(dtype === 'C64' ? 'F32' : dtype);
  const strides = contiguousStrides(bandSize);
  let elements = 0;
  let maxAbs = 0;
  for (const index of indicesIn(piece, strides)) {
    const [a, b] = [taken + index * step, copy + index * step];
    if (sameBytes(memory.bytes, a, b, step)) continue;
    elements++;
    maxAbs = larger(maxAbs, Math.abs(read(memory.view, a) - read(memory.view, b)));
  }
  return { elements, maxAbs };
}

function* indicesIn(piece: Piece, strides: readonly number[], axis = 0, base = 0): Generator<number> {
  if (axis === piece.size.length) {
    yield base;
    return;
  }
  for (let i = 0; i < piece.size[axis]!; i++) {
    yield* indicesIn(piece, strides, axis + 1, base + (piece.at[axis]! + i) * strides[axis]!);
  }
}

function sameBytes(bytes: Uint8Array, a: number, b: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (bytes[a + i] !== bytes[b + i]) return false;
  return true;
}
