import type { PlanOperand, PlanSource, PlanSourceFile } from '../plan/plan.ts';
import { castBetween } from '../tensor/cast.ts';
import { elementReader } from '../tensor/decode.ts';
import { dtypeBytes, isCastable, type DType } from '../tensor/dtype.ts';
import { elementCount } from '../tensor/shape.ts';
import { Assembler, piecesIn } from './assemble.ts';
import { bandsOf, type Box } from './bands.ts';
import { cancelled, CONTROL_FIELDS, type CopySettings } from './copy-tensors.ts';
import { conversionLoop, createComparingMemory } from './kernels.ts';
import { SourceFiles } from './source-files.ts';

/** Two tensors of the same shape, in whatever dtypes. */
export interface TensorPair {
  readonly name: string;
  readonly left: PlanOperand;
  readonly right: PlanOperand;
}

/** Pairs that are compared one after the other, complete in itself like a copy task. */
export interface DiffTask {
  readonly kind: 'diff';
  readonly pairs: readonly TensorPair[];
  readonly sources: readonly PlanSource[];
  readonly files: readonly PlanSourceFile[];
  readonly settings: CopySettings;
}

/** How two tensors differ. Sums are over elements that are finite on both sides. */
export interface ValueDifference {
  readonly name: string;
  /** "identical": the same dtype and bytes. "equal": other bytes, but the same values (another dtype, zeros of another sign). */
  readonly status: 'identical' | 'equal' | 'different';
  readonly elements: number;
  /** Elements whose values differ, and of these those that are NaN or Inf on a side. */
  readonly changed: number;
  readonly nonFinite: number;
  readonly maxAbs: number;
  /** The element with the largest difference, and both sides' values there; null where none is finite and differs. */
  readonly largest: { readonly at: readonly number[]; readonly left: number; readonly right: number } | null;
  /** Sums of |d|, d², l², r² and l·r, d being right minus left. */
  readonly sums: {
    readonly absolute: number;
    readonly squares: number;
    readonly left: number;
    readonly right: number;
    readonly dot: number;
  };
  /** Elements that differ by the exponent of |d| as a float32: entry e counts 2^(e-127) up to twice that; 0 what is smaller. */
  readonly histogram: readonly number[];
}

const BINS = 256;
/** Bytes of the sums and counts that the compiled loops write: see `kernels/difference.as.ts`. */
const RESULT_BYTES = 64;
/** The widest element: both sides are widened to float32 or float64. */
const WIDE_BYTES = 8;

export function pairBytes({ left, right }: TensorPair): number {
  const elements = elementCount(left.shape);
  return elements * (dtypeBytes(left.dtype) + dtypeBytes(right.dtype));
}

/** Compares pairs of tensors band by band. One per thread; its memory does not depend on what is compared. */
export class TensorDiffer {
  readonly #bandBytes: number;
  readonly #memory: ReturnType<typeof createComparingMemory>;
  readonly #files = new SourceFiles();

  constructor(bandBytes: number) {
    this.#bandBytes = bandBytes;
    const wide = bandBytes + RESULT_BYTES;
    this.#memory = createComparingMemory([bandBytes, bandBytes, bandBytes, wide, wide, RESULT_BYTES, BINS * 4]);
  }

  run(task: DiffTask): ValueDifference[] {
    const scratch = this.#memory.addresses[2]!;
    const assembler = new Assembler(this.#memory, this.#files, task, scratch, this.#bandBytes);
    const control = new BigInt64Array(task.settings.control);
    return task.pairs.map((pair) => this.#compare(pair, assembler, control));
  }

  close(): void {
    this.#files.close();
  }

  /** Bytes first: what is identical costs no more than reading it. Only where they differ all values are looked at. */
  #compare(pair: TensorPair, assembler: Assembler, control: BigInt64Array): ValueDifference {
    const elements = elementCount(pair.left.shape);
    if (pair.left.dtype === pair.right.dtype && this.#sameBytes(pair, assembler, control)) return same(pair, elements);
    return this.#values(pair, assembler, control);
  }

  #sameBytes(pair: TensorPair, assembler: Assembler, control: BigInt64Array): boolean {
    const element = dtypeBytes(pair.left.dtype);
    const all = Buffer.from(this.#memory.bytes.buffer);
    for (const band of bandsOf(pair.left.shape, Math.max(1, Math.floor(this.#bandBytes / element)))) {
      const [left, right] = this.#read(pair, band, assembler, control);
      const length = elementCount(band.size) * element;
      if (all.compare(all, left, left + length, right, right + length) !== 0) return false;
      Atomics.add(control, CONTROL_FIELDS.done, BigInt(2 * length));
    }
    return true;
  }

  #read(pair: TensorPair, band: Box, assembler: Assembler, control: BigInt64Array): readonly [number, number] {
    if (Atomics.load(control, CONTROL_FIELDS.cancelled) !== 0n) throw cancelled();
    const [left, right] = this.#memory.addresses as [number, number];
    assembler.assemble(piecesIn(band, pair.left.regions), band.size, left);
    assembler.assemble(piecesIn(band, pair.right.regions), band.size, right);
    return [left, right];
  }

  #values(pair: TensorPair, assembler: Assembler, control: BigInt64Array): ValueDifference {
    const { kernels, bytes, view, addresses } = this.#memory;
    const [, , , wideLeft, wideRight, out, histogram] = addresses as [
      number,
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    bytes.fill(0, out, out + RESULT_BYTES);
    bytes.fill(0, histogram, histogram + BINS * 4);
    const wide = wideDType(pair);
    let largest: ValueDifference['largest'] = null;
    let maxAbs = 0;
    // Finite elements that differ, up to the band before.
    let seen = 0;
    const perBand = Math.max(1, Math.floor(this.#bandBytes / WIDE_BYTES));
    const pairElement = dtypeBytes(pair.left.dtype) + dtypeBytes(pair.right.dtype);
    for (const band of bandsOf(pair.left.shape, perBand)) {
      const [left, right] = this.#read(pair, band, assembler, control);
      const count = elementCount(band.size);
      this.#widen(pair.left.dtype, wide, left, wideLeft, count);
      this.#widen(pair.right.dtype, wide, right, wideRight, count);
      view.setFloat32(out + 48, 0, true);
      if (wide === 'F32') kernels.compare32(wideLeft, wideRight, Math.ceil(count / 4) * 4, out, histogram);
      else kernels.compare64(wideLeft, wideRight, count, out, histogram);
      const differing = view.getUint32(out + 40, true) - view.getUint32(out + 44, true);
      // A hair below what was rounded to float32, so that no larger one is missed.
      if (differing > seen && view.getFloat32(out + 48, true) >= maxAbs * (1 - 2 ** -23)) {
        const found = this.#largestIn(wide, wideLeft, wideRight, band);
        if (found.maxAbs > maxAbs) ({ maxAbs, largest } = found);
      }
      seen = differing;
      Atomics.add(control, CONTROL_FIELDS.done, BigInt(count * pairElement));
    }
    const sum = (index: number): number => view.getFloat64(out + 8 * index, true);
    const changed = view.getUint32(out + 40, true);
    return {
      name: pair.name,
      status: changed === 0 ? 'equal' : 'different',
      elements: elementCount(pair.left.shape),
      changed,
      nonFinite: view.getUint32(out + 44, true),
      maxAbs,
      largest,
      sums: { absolute: sum(0), squares: sum(1), left: sum(2), right: sum(3), dot: sum(4) },
      histogram: [...new Uint32Array(bytes.buffer, histogram, BINS)],
    };
  }

  /** Values as float32 or float64, with zeros behind them up to the next four. */
  #widen(from: DType, to: 'F32' | 'F64', source: number, target: number, count: number): void {
    const { kernels, bytes, view } = this.#memory;
    const width = dtypeBytes(to);
    const convert = conversionLoop(kernels, from, to);
    if (from === to) bytes.copyWithin(target, source, source + count * width);
    else if (convert) convert(source, target, count);
    else if (isCastable(from)) castBetween(from, to)(this.#at(source), this.#at(target), count);
    else {
      const read = elementReader(from);
      const step = dtypeBytes(from);
      for (let i = 0; i < count; i++) {
        const value = read(view, source + i * step);
        if (to === 'F32') view.setFloat32(target + i * width, value, true);
        else view.setFloat64(target + i * width, value, true);
      }
    }
    bytes.fill(0, target + count * width, target + Math.ceil(count / 4) * 4 * width);
  }

  #at(address: number): DataView {
    return new DataView(this.#memory.bytes.buffer, address);
  }

  #largestIn(
    wide: 'F32' | 'F64',
    left: number,
    right: number,
    { at, size }: Box,
  ): { readonly maxAbs: number; readonly largest: ValueDifference['largest'] } {
    const { buffer } = this.#memory.bytes;
    const count = elementCount(size);
    const wideAt = (address: number): Float32Array | Float64Array =>
      wide === 'F32' ? new Float32Array(buffer, address, count) : new Float64Array(buffer, address, count);
    const [l, r] = [wideAt(left), wideAt(right)];
    let maxAbs = 0;
    let index = -1;
    for (let i = 0; i < count; i++) {
      const difference = Math.abs(r[i]! - l[i]!);
      if (difference > maxAbs && difference < Infinity) {
        maxAbs = difference;
        index = i;
      }
    }
    if (index < 0) return { maxAbs: 0, largest: null };
    return { maxAbs, largest: { at: positionIn(index, at, size), left: l[index]!, right: r[index]! } };
  }
}

/** Where the element `index` of a box is, its elements in C order. */
function positionIn(index: number, at: readonly number[], size: readonly number[]): number[] {
  const position = [...at];
  let rest = index;
  for (let axis = size.length - 1; axis >= 0; axis--) {
    position[axis] = position[axis]! + (rest % size[axis]!);
    rest = Math.floor(rest / size[axis]!);
  }
  return position;
}

/** float32 holds every value of these types; the others are looked at as float64. */
function wideDType({ left, right }: TensorPair): 'F32' | 'F64' {
  const narrow: readonly DType[] = ['F32', 'BF16', 'F16', 'F8_E4M3', 'F8_E5M2', 'U8', 'I8', 'BOOL', 'I16', 'U16'];
  return narrow.includes(left.dtype) && narrow.includes(right.dtype) ? 'F32' : 'F64';
}

function same({ name }: TensorPair, elements: number): ValueDifference {
  return {
    name,
    status: 'identical',
    elements,
    changed: 0,
    nonFinite: 0,
    maxAbs: 0,
    largest: null,
    sums: { absolute: 0, squares: 0, left: 0, right: 0, dot: 0 },
    histogram: [],
  };
}
