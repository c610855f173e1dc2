import type { DifferenceKernels, KernelMemory } from './kernels.ts';

/** A bin for each exponent of a float32. */
const BINS = 256;

/** Bytes of what the compiled loops write, sums and counts first: `kernels/difference.as.ts` says where each of them is. */
const SUMS_BYTES = 64;
export const DIFFERENCE_SUMS_BYTES = SUMS_BYTES + BINS * 8;

const CHANGED = 40;
const NON_FINITE = 48;
const MOST = 56;

/** Sums of |d|, d², l², r² and l·r over elements that are finite on both sides, d being right minus left. */
export interface Sums {
  readonly absolute: number;
  readonly squares: number;
  readonly left: number;
  readonly right: number;
  readonly dot: number;
}

/** What the values of two tensors differ by, added up band by band in the memory of the compiled loops. Counts are exact up to 2^53. */
export class DifferenceSums {
  readonly #memory: KernelMemory<DifferenceKernels>;
  readonly #address: number;

  /** `address` is that of a buffer of {@link DIFFERENCE_SUMS_BYTES} in `memory`. */
  constructor(memory: KernelMemory<DifferenceKernels>, address: number) {
    this.#memory = memory;
    this.#address = address;
  }

  clear(): void {
    this.#memory.bytes.fill(0, this.#address, this.#address + DIFFERENCE_SUMS_BYTES);
  }

  /** Adds a band of `count` elements on both sides; behind them there are zeros up to the next four. */
  add(dtype: 'F32' | 'F64', left: number, right: number, count: number): void {
    const { kernels, view } = this.#memory;
    const histogram = this.#address + SUMS_BYTES;
    view.setFloat32(this.#address + MOST, 0, true);
    if (dtype === 'F32') kernels.compare32(left, right, Math.ceil(count / 4) * 4, this.#address, histogram);
    else kernels.compare64(left, right, count, this.#address, histogram);
  }

  /** Elements whose values differ. */
  get changed(): number {
    return this.#count(CHANGED);
  }

  /** Of these, the ones that are NaN or Inf on a side. */
  get nonFinite(): number {
    return this.#count(NON_FINITE);
  }

  /** The largest |d| of the band that was added last, rounded to float32. */
  get largestOfBand(): number {
    return this.#memory.view.getFloat32(this.#address + MOST, true);
  }

  get sums(): Sums {
    const sum = (index: number): number => this.#memory.view.getFloat64(this.#address + 8 * index, true);
    return { absolute: sum(0), squares: sum(1), left: sum(2), right: sum(3), dot: sum(4) };
  }

  /** Elements that differ by the exponent of |d| as a float32: entry e counts 2^(e-127) up to twice that; 0 what is smaller. */
  get histogram(): number[] {
    return Array.from({ length: BINS }, (_, bin) => this.#count(SUMS_BYTES + 8 * bin));
  }

  #count(at: number): number {
    return Number(this.#memory.view.getBigUint64(this.#address + at, true));
  }
}
