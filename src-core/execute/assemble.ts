import {
  partsOfContent,
  type PlanContent,
  type PlanRegion,
  type PlanSource,
  type PlanSourceFile,
} from '../plan/plan.ts';
import { dtypeBytes, type DType } from '../tensor/dtype.ts';
import { contiguousStrides, elementCount, extent } from '../tensor/shape.ts';
import { intersectBoxes, type Box } from './bands.ts';
import type { KernelMemory } from './kernels.ts';
import { RunningMean } from './mean.ts';
import type { SourceFiles } from './source-files.ts';

/** The part of a region inside a band: a box of the source, and where it lies in the band. */
export interface Piece {
  readonly source: number;
  readonly from: readonly number[];
  /** Relative to the band. */
  readonly at: readonly number[];
  readonly size: readonly number[];
}

/** Reading more than is needed pays while it is at most this many times as much … */
const MAX_READ_AMPLIFICATION = 4;
/** … or so little that the call costs more than the bytes. */
const SMALL_READ_BYTES = 64 * 1024;

/** The parts of `regions` that fall into `band`, grouped by source so that each source is read once per band. */
function piecesIn(band: Box, regions: readonly PlanRegion[]): Map<number, Piece[]> {
  const groups = new Map<number, Piece[]>();
  for (const region of regions) {
    const shared = intersectBoxes(band, region);
    if (!shared) continue;
    const piece: Piece = {
      source: region.source,
      from: shared.at.map((at, axis) => region.from[axis]! + at - region.at[axis]!),
      at: shared.at.map((at, axis) => at - band.at[axis]!),
      size: shared.size,
    };
    const group = groups.get(region.source);
    if (group) group.push(piece);
    else groups.set(region.source, [piece]);
  }
  return groups;
}

/** What regions refer to: sources by index, and by index of these their files. */
export interface Inputs {
  readonly sources: readonly PlanSource[];
  readonly files: readonly PlanSourceFile[];
}

/** What a buffer was filled with. */
export interface Filled {
  /** Where the elements come from, by source; those of a mean's first term. */
  readonly pieces: ReadonlyMap<number, readonly Piece[]>;
  /** Elements of a mean whose terms were not all equal. */
  readonly averaged: number;
}

/** Puts bands together in memory from the sources' files. */
export class Assembler {
  readonly #memory: KernelMemory;
  readonly #files: SourceFiles;
  readonly #inputs: Inputs;
  readonly #scratch: number;
  readonly #scratchBytes: number;

  /** `scratch` is the address of a buffer of `scratchBytes` in `memory` that nothing else uses meanwhile. */
  constructor(memory: KernelMemory, files: SourceFiles, inputs: Inputs, scratch: number, scratchBytes: number) {
    this.#memory = memory;
    this.#files = files;
    this.#inputs = inputs;
    this.#scratch = scratch;
    this.#scratchBytes = scratchBytes;
  }

  /**
   * Fills the buffer at `target` with a band of a content, elements in C order: as they are stored, or the mean of the terms.
   * Every reader and the copier go through here. Throws `unsupported` for a mean of a dtype that has none.
   */
  fill(content: PlanContent, dtype: DType, band: Box, target: number): Filled {
    const terms = partsOfContent(content).map((regions) => piecesIn(band, regions));
    const pieces = terms[0]!;
    if (!content.meanOf) {
      this.#assemble(pieces, band.size, target);
      return { pieces, averaged: 0 };
    }
    const count = elementCount(band.size);
    const bytes = this.#memory.bytes.subarray(target, target + count * dtypeBytes(dtype));
    const mean = new RunningMean(dtype, count);
    for (const term of terms) {
      this.#assemble(term, band.size, target);
      mean.add(bytes);
    }
    return { pieces, averaged: mean.finish(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)) };
  }

  #assemble(groups: ReadonlyMap<number, readonly Piece[]>, bandSize: readonly number[], target: number): void {
    const strides = contiguousStrides(bandSize);
    for (const [index, pieces] of groups) this.#fetchGroup(this.#inputs.sources[index]!, pieces, strides, target);
  }

  /** All pieces of one source: in one read if they lie close together, else each on its own. */
  #fetchGroup(source: PlanSource, pieces: readonly Piece[], strides: readonly number[], target: number): void {
    if (pieces.length > 1) {
      const spans = pieces.map((piece) => spanOf(source, piece));
      const from = Math.min(...spans.map((span) => span.from));
      const to = Math.max(...spans.map((span) => span.to));
      const needed = pieces.reduce((sum, piece) => sum + elementCount(piece.size), 0) * dtypeBytes(source.dtype);
      if (this.#worthOneRead(to - from, needed)) {
        this.#read(source, from, to - from, this.#scratch);
        pieces.forEach((piece, i) => {
          this.#copyBox(source, piece, this.#scratch + spans[i]!.from - from, strides, target);
        });
        return;
      }
    }
    for (const piece of pieces) this.#fetchPiece(source, piece, strides, target);
  }

  #fetchPiece(source: PlanSource, piece: Piece, strides: readonly number[], target: number): void {
    const bytes = dtypeBytes(source.dtype);
    const { from, to } = spanOf(source, piece);
    const needed = elementCount(piece.size) * bytes;
    if (isRun(piece.size, source.strides) && isRun(piece.size, strides)) {
      this.#read(source, from, needed, target + offsetOf(piece.at, strides) * bytes);
      return;
    }
    if (this.#worthOneRead(to - from, needed)) {
      this.#read(source, from, to - from, this.#scratch);
      this.#copyBox(source, piece, this.#scratch, strides, target);
      return;
    }
    for (const half of halves(piece, widestAxis(piece, source.strides)))
      this.#fetchPiece(source, half, strides, target);
  }

  #worthOneRead(span: number, needed: number): boolean {
    return span <= this.#scratchBytes && span <= Math.max(SMALL_READ_BYTES, MAX_READ_AMPLIFICATION * needed);
  }

  #read(source: PlanSource, at: number, length: number, address: number): void {
    this.#files.get(this.#inputs.files[source.file]!).read(this.#memory.bytes.subarray(address, address + length), at);
  }

  /** Copies a box whose first element is at `address`, laid out with the source's strides, into the band. */
  #copyBox(source: PlanSource, piece: Piece, address: number, strides: readonly number[], target: number): void {
    const bytes = dtypeBytes(source.dtype);
    const axes = collapseAxes(piece.size, source.strides, strides);
    const start = target + offsetOf(piece.at, strides) * bytes;
    const inner = axes.pop() ?? { size: 1, source: 1, target: 1 };
    if (inner.source === 1 && inner.target === 1) {
      const rows = axes.pop() ?? { size: 1, source: 0, target: 0 };
      forEachPosition(axes, (fromOffset, toOffset) => {
        this.#memory.kernels.copyRows(
          address + fromOffset * bytes,
          rows.source * bytes,
          start + toOffset * bytes,
          rows.target * bytes,
          inner.size * bytes,
          rows.size,
        );
      });
      return;
    }
    const { copyRows, gatherElements } = this.#memory.kernels;
    forEachPosition(axes, (fromOffset, toOffset) => {
      const [read, write] = [address + fromOffset * bytes, start + toOffset * bytes];
      if (inner.target === 1) gatherElements(read, inner.source * bytes, write, bytes, inner.size);
      else copyRows(read, inner.source * bytes, write, inner.target * bytes, bytes, inner.size);
    });
  }
}

interface AxisStep {
  readonly size: number;
  readonly source: number;
  readonly target: number;
}

/** The axes of a copy, without those of size 1, and with neighbours joined where both sides run on. */
function collapseAxes(size: readonly number[], source: readonly number[], target: readonly number[]): AxisStep[] {
  const axes: AxisStep[] = [];
  for (let axis = 0; axis < size.length; axis++) {
    if (size[axis] === 1) continue;
    const step = { size: size[axis]!, source: source[axis]!, target: target[axis]! };
    const before = axes.at(-1);
    if (before?.source === step.source * step.size && before.target === step.target * step.size) {
      axes[axes.length - 1] = { ...step, size: before.size * step.size };
    } else {
      axes.push(step);
    }
  }
  return axes;
}

function forEachPosition(axes: readonly AxisStep[], visit: (source: number, target: number) => void): void {
  const [first, ...rest] = axes;
  if (!first) {
    visit(0, 0);
    return;
  }
  for (let i = 0; i < first.size; i++) {
    forEachPosition(rest, (source, target) => {
      visit(i * first.source + source, i * first.target + target);
    });
  }
}

/** The bytes of the file between a piece's first and last element. */
function spanOf(source: PlanSource, piece: Piece): { readonly from: number; readonly to: number } {
  const bytes = dtypeBytes(source.dtype);
  const from = source.byteOffset + offsetOf(piece.from, source.strides) * bytes;
  return { from, to: from + extent(piece.size, source.strides) * bytes };
}

function offsetOf(position: readonly number[], strides: readonly number[]): number {
  return position.reduce((sum, at, axis) => sum + at * strides[axis]!, 0);
}

/** True if a box of this size is one run of elements under these strides. */
function isRun(size: readonly number[], strides: readonly number[]): boolean {
  let step = 1;
  for (let axis = size.length - 1; axis >= 0; axis--) {
    if (size[axis] === 1) continue;
    if (strides[axis] !== step) return false;
    step *= size[axis]!;
  }
  return true;
}

function widestAxis(piece: Piece, strides: readonly number[]): number {
  let widest = 0;
  let span = -1;
  piece.size.forEach((size, axis) => {
    if (size > 1 && strides[axis]! > span) {
      widest = axis;
      span = strides[axis]!;
    }
  });
  return widest;
}

function halves(piece: Piece, axis: number): [Piece, Piece] {
  const first = Math.ceil(piece.size[axis]! / 2);
  const moved = (values: readonly number[]): number[] => values.map((v, k) => (k === axis ? v + first : v));
  const resized = (size: number): number[] => piece.size.map((v, k) => (k === axis ? size : v));
  return [
    { ...piece, size: resized(first) },
    { ...piece, from: moved(piece.from), at: moved(piece.at), size: resized(piece.size[axis]! - first) },
  ];
}
