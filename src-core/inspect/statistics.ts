import { setImmediate as nextTurn } from 'node:timers/promises';
import { cancelled } from '../execute/control.ts';
import { ViewReader, type ReadBand } from '../execute/view-reader.ts';
import { DEFAULT_BAND_BYTES } from '../limits.ts';
import { elementReader } from '../tensor/decode.ts';
import { dtypeBytes, type DType } from '../tensor/dtype.ts';
import { elementCount } from '../tensor/shape.ts';
import type { View } from '../tensor/view.ts';
import { ExactMoments } from './exact-moments.ts';

/** What the values of a tensor are like. NaN and Inf are counted apart; all else is of the finite ones. */
export interface TensorStatistics {
  readonly elements: number;
  /** Null where no element is finite. */
  readonly min: number | null;
  readonly max: number | null;
  readonly mean: number | null;
  /** With N - 1, as torch.std; null for fewer than two finite elements. */
  readonly std: number | null;
  readonly zeros: number;
  readonly nan: number;
  readonly posInf: number;
  readonly negInf: number;
  /** True where mean and std are the exact ones, rounded once: for elements of 8 and 16 bits. */
  readonly exact: boolean;
  /** How often each value occurs, coarsened to bfloat16: by value, in ascending order; no zeros counts. Feed it to {@link histogramOf}. */
  readonly counts: ValueCounts;
}

/** Values in ascending order and how often each occurs. */
export interface ValueCounts {
  readonly values: Float64Array;
  readonly counts: Float64Array;
}

export interface StatisticsOptions {
  readonly signal?: AbortSignal;
  /** Elements done so far. */
  readonly onProgress?: (elements: number) => void;
}

/** How long a stretch of work may keep its thread from answering anything else, in milliseconds. */
const STRETCH_MS = 12;

/**
 * Reads a view once and sums up its values. Gives its thread back every few milliseconds, so that whoever looks at another
 * tensor meanwhile is answered. Throws `cancelled` when the signal says so.
 */
export async function statisticsOf(view: View, options: StatisticsOptions = {}): Promise<TensorStatistics> {
  const collector = collectorFor(view.dtype);
  const reader = new ViewReader([view], DEFAULT_BAND_BYTES, collector.extraBuffers);
  try {
    let done = 0;
    let since = performance.now();
    for (const band of reader.bands(view)) {
      collector.add(reader, band);
      done += band.elements;
      if (performance.now() - since < STRETCH_MS) continue;
      options.onProgress?.(done);
      await nextTurn();
      if (options.signal?.aborted) throw cancelled();
      since = performance.now();
    }
    return collector.finish(reader, elementCount(view.shape));
  } finally {
    reader.close();
  }
}

/** Takes in bands; `extraBuffers` of the reader's memory are its own. */
interface Collector {
  readonly extraBuffers: number;
  readonly add: (reader: ViewReader, band: ReadBand) => void;
  readonly finish: (reader: ViewReader, elements: number) => TensorStatistics;
}

function collectorFor(dtype: DType): Collector {
  const bytes = dtypeBytes(dtype);
  if (bytes === 2) return new PatternCollector(dtype);
  return bytes === 1 ? new ByteCollector(dtype) : new ValueCollector(dtype);
}

/** One of the four tables of counts, in bytes. The band's buffers are larger than all four. */
const TABLE_BYTES = 65_536 * 4;

/** Counts the patterns of 16-bit elements: all statistics follow from these counts, exactly. */
class PatternCollector implements Collector {
  readonly extraBuffers = 1;
  readonly #dtype: DType;
  readonly #counts = new Float64Array(65_536);
  #inTables = 0;

  constructor(dtype: DType) {
    this.#dtype = dtype;
  }

  add({ memory }: ViewReader, { address, elements }: ReadBand): void {
    const tables = memory.addresses[2]!;
    const fours = elements - (elements % 4);
    memory.kernels.countPatterns16(address, fours, tables);
    for (let i = fours; i < elements; i++) this.#counts[memory.view.getUint16(address + 2 * i, true)]!++;
    this.#inTables += fours;
    // The tables count to 2^32; taking them over this seldom costs nothing.
    if (this.#inTables > 2 ** 31) this.#takeOver(memory.bytes.buffer as ArrayBuffer, tables);
  }

  #takeOver(memory: ArrayBuffer, tables: number): void {
    for (let table = 0; table < 4; table++) {
      const counts = new Uint32Array(memory, tables + table * TABLE_BYTES, 65_536);
      for (let pattern = 0; pattern < 65_536; pattern++) this.#counts[pattern]! += counts[pattern]!;
      counts.fill(0);
    }
    this.#inTables = 0;
  }

  finish({ memory }: ViewReader, elements: number): TensorStatistics {
    this.#takeOver(memory.bytes.buffer as ArrayBuffer, memory.addresses[2]!);
    const read = elementReader(this.#dtype);
    const pattern = new DataView(new ArrayBuffer(2));
    return fromCounts(this.#counts, elements, (bits) => {
      pattern.setUint16(0, bits, true);
      return read(pattern, 0);
    });
  }
}

/** The same for elements of 8 bits. */
class ByteCollector implements Collector {
  readonly extraBuffers = 0;
  readonly #dtype: DType;
  readonly #counts = new Float64Array(256);

  constructor(dtype: DType) {
    this.#dtype = dtype;
  }

  add({ memory }: ViewReader, { address, bytes }: ReadBand): void {
    const counts = new Uint32Array(256);
    for (let at = address; at < address + bytes; at++) counts[memory.bytes[at]!]!++;
    counts.forEach((count, pattern) => {
      this.#counts[pattern]! += count;
    });
  }

  finish(_reader: ViewReader, elements: number): TensorStatistics {
    const read = elementReader(this.#dtype);
    const pattern = new DataView(new ArrayBuffer(1));
    return fromCounts(this.#counts, elements, (bits) => {
      pattern.setUint8(0, bits);
      return read(pattern, 0);
    });
  }
}

/** Statistics from how often each bit pattern occurs. */
function fromCounts(counts: Float64Array, elements: number, valueOf: (bits: number) => number): TensorStatistics {
  const moments = new ExactMoments();
  const byValue = new Map<number, number>();
  let [nan, posInf, negInf] = [0, 0, 0];
  counts.forEach((count, bits) => {
    if (count === 0) return;
    const value = valueOf(bits);
    if (Number.isNaN(value)) nan += count;
    else if (value === Infinity) posInf += count;
    else if (value === -Infinity) negInf += count;
    else {
      moments.add(value, count);
      // Negative and positive zero are one value.
      byValue.set(value + 0, (byValue.get(value + 0) ?? 0) + count);
    }
  });
  const sorted = [...byValue].sort(([a], [b]) => a - b);
  return {
    elements,
    min: sorted[0]?.[0] ?? null,
    max: sorted.at(-1)?.[0] ?? null,
    ...moments.finish(),
    zeros: byValue.get(0) ?? 0,
    nan,
    posInf,
    negInf,
    exact: true,
    counts: {
      values: Float64Array.from(sorted, ([value]) => value),
      counts: Float64Array.from(sorted, ([, count]) => count),
    },
  };
}

/** Wider elements, one by one: sums in double precision, band by band so that rounding does not add up. */
class ValueCollector implements Collector {
  readonly extraBuffers = 0;
  readonly #read: ReturnType<typeof elementReader>;
  readonly #step: number;
  readonly #coarse = new Float64Array(65_536);
  readonly #word = new DataView(new ArrayBuffer(4));
  #min = Infinity;
  #max = -Infinity;
  #zeros = 0;
  #nan = 0;
  #posInf = 0;
  #negInf = 0;
  #count = 0;
  #mean = 0;
  #squares = 0;

  constructor(dtype: DType) {
    this.#read = elementReader(dtype);
    this.#step = dtypeBytes(dtype);
  }

  add({ memory }: ViewReader, { address, bytes }: ReadBand): void {
    let [count, sum] = [0, 0];
    const end = address + bytes;
    for (let at = address; at < end; at += this.#step) {
      const value = this.#read(memory.view, at);
      if (!Number.isFinite(value)) {
        this.#countNonFinite(value);
        continue;
      }
      count++;
      sum += value;
      if (value < this.#min) this.#min = value;
      if (value > this.#max) this.#max = value;
      if (value === 0) this.#zeros++;
      this.#word.setFloat32(0, value);
      this.#coarse[this.#word.getUint16(0)]!++;
    }
    if (count === 0) return;
    const mean = sum / count;
    let squares = 0;
    for (let at = address; at < end; at += this.#step) {
      const off = this.#read(memory.view, at) - mean;
      if (Number.isFinite(off)) squares += off * off;
    }
    this.#merge(count, mean, squares);
  }

  #countNonFinite(value: number): void {
    if (Number.isNaN(value)) this.#nan++;
    else if (value > 0) this.#posInf++;
    else this.#negInf++;
  }

  /** Chan, Golub and LeVeque's rule for joining the moments of two sets. */
  #merge(count: number, mean: number, squares: number): void {
    const total = this.#count + count;
    const apart = mean - this.#mean;
    this.#squares += squares + (apart * apart * this.#count * count) / total;
    this.#mean += (apart * count) / total;
    this.#count = total;
  }

  finish(_reader: ViewReader, elements: number): TensorStatistics {
    const some = this.#count > 0;
    return {
      elements,
      min: some ? this.#min : null,
      max: some ? this.#max : null,
      mean: some ? this.#mean : null,
      std: this.#count > 1 ? Math.sqrt(this.#squares / (this.#count - 1)) : null,
      zeros: this.#zeros,
      nan: this.#nan,
      posInf: this.#posInf,
      negInf: this.#negInf,
      exact: false,
      counts: this.#coarseCounts(),
    };
  }

  #coarseCounts(): ValueCounts {
    const found: [number, number][] = [];
    this.#coarse.forEach((count, upper) => {
      if (count === 0) return;
      this.#word.setUint16(0, upper);
      this.#word.setUint16(2, 0);
      found.push([this.#word.getFloat32(0), count]);
    });
    found.sort(([a], [b]) => a - b);
    return {
      values: Float64Array.from(found, ([value]) => value),
      counts: Float64Array.from(found, ([, count]) => count),
    };
  }
}

/** One bar: how many values are in `[from, to)`, the last one with its end. */
export interface HistogramBar {
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

/** A histogram of equal bars between two values, from what {@link statisticsOf} counted. */
export function histogramOf({ values, counts }: ValueCounts, from: number, to: number, bars: number): HistogramBar[] {
  const width = (to - from) / bars;
  const sums = new Float64Array(bars);
  values.forEach((value, index) => {
    if (value < from || value > to) return;
    const bar = width > 0 ? Math.min(bars - 1, Math.floor((value - from) / width)) : 0;
    sums[bar]! += counts[index]!;
  });
  return Array.from(sums, (count, bar) => ({ from: from + bar * width, to: from + (bar + 1) * width, count }));
}
