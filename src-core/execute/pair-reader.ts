import type { PlanOperand, PlanSource, PlanSourceFile } from '../plan/plan.ts';
import { dtypeBytes, type DType } from '../tensor/dtype.ts';
import { elementCount } from '../tensor/shape.ts';
import { Assembler } from './assemble.ts';
import type { Box } from './bands.ts';
import { wideningIn } from './convert.ts';
import { createComparingMemory } from './kernels.ts';
import { SourceFiles } from './source-files.ts';

/** Two tensors of the same shape, in whatever dtypes. */
export interface TensorPair {
  readonly name: string;
  readonly left: PlanOperand;
  readonly right: PlanOperand;
}

/** Bytes of both sides. */
export function pairBytes({ left, right }: TensorPair): number {
  const elements = elementCount(left.shape);
  return elements * (dtypeBytes(left.dtype) + dtypeBytes(right.dtype));
}

/** Where the operands of pairs come from, as a plan numbers them. */
export interface PairSources {
  readonly sources: readonly PlanSource[];
  readonly files: readonly PlanSourceFile[];
}

/** Both sides of a box as numbers of the same type, in C order. Overwritten by the next one. */
export interface WideBand {
  readonly left: Float32Array | Float64Array;
  readonly right: Float32Array | Float64Array;
}

/** The widest element: both sides are widened to float32 or float64. */
const WIDE_BYTES = 8;
/** Behind the elements there are zeros up to the next four, and room for them. */
const PADDING_BYTES = 64;

/** Reads the same box of two tensors into one memory. What it holds does not depend on the tensors' size. */
export class PairReader {
  readonly bandBytes: number;
  readonly memory: ReturnType<typeof createComparingMemory>;
  /** Addresses of what the caller asked for besides. */
  readonly extra: readonly number[];
  readonly #files = new SourceFiles();
  #assembler: Assembler | null = null;

  /**
   * @param bandBytes bytes of a side that are read at a time
   * @param extraSizes further buffers in the same memory
   */
  constructor(bandBytes: number, extraSizes: readonly number[] = []) {
    this.bandBytes = bandBytes;
    const wide = bandBytes + PADDING_BYTES;
    this.memory = createComparingMemory([bandBytes, bandBytes, bandBytes, wide, wide, ...extraSizes]);
    this.extra = this.memory.addresses.slice(5);
  }

  /** From now on operands number these sources. */
  use(sources: PairSources): void {
    this.#assembler = new Assembler(this.memory, this.#files, sources, this.memory.addresses[2]!, this.bandBytes);
  }

  /** Elements of a pair that fit a band once they are widened. */
  get wideElements(): number {
    return Math.max(1, Math.floor(this.bandBytes / WIDE_BYTES));
  }

  /** Reads both sides of a box, as stored; gives their addresses. */
  read({ left, right }: TensorPair, box: Box): readonly [number, number] {
    if (!this.#assembler) throw new Error('Nothing was said about where the pairs come from.');
    const [ofLeft, ofRight] = this.memory.addresses as [number, number];
    this.#assembler.fill(left, left.dtype, box, ofLeft);
    this.#assembler.fill(right, right.dtype, box, ofRight);
    return [ofLeft, ofRight];
  }

  /** Reads both sides of a box of at most {@link wideElements} and widens them to {@link wideDType}. */
  readWide(pair: TensorPair, box: Box): WideBand {
    const [left, right] = this.read(pair, box);
    const [, , , wideLeft, wideRight] = this.memory.addresses as [number, number, number, number, number];
    const count = elementCount(box.size);
    const wide = wideDType(pair);
    this.#widen(pair.left.dtype, wide, left, wideLeft, count);
    this.#widen(pair.right.dtype, wide, right, wideRight, count);
    const { buffer } = this.memory.bytes;
    return wide === 'F32'
      ? { left: new Float32Array(buffer, wideLeft, count), right: new Float32Array(buffer, wideRight, count) }
      : { left: new Float64Array(buffer, wideLeft, count), right: new Float64Array(buffer, wideRight, count) };
  }

  close(): void {
    this.#files.close();
  }

  /** Values as float32 or float64, with zeros behind them up to the next four. */
  #widen(from: DType, to: 'F32' | 'F64', source: number, target: number, count: number): void {
    wideningIn(this.memory, from, to)(source, target, count);
    const { bytes } = this.memory;
    const width = dtypeBytes(to);
    bytes.fill(0, target + count * width, target + Math.ceil(count / 4) * 4 * width);
  }
}

const NARROW: readonly DType[] = ['F32', 'BF16', 'F16', 'F8_E4M3', 'F8_E5M2', 'U8', 'I8', 'BOOL', 'I16', 'U16'];

/** float32 holds every value of the narrow types; the others are looked at as float64. */
export function wideDType({ left, right }: TensorPair): 'F32' | 'F64' {
  return NARROW.includes(left.dtype) && NARROW.includes(right.dtype) ? 'F32' : 'F64';
}
