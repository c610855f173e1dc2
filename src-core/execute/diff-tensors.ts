import { dtypeBytes } from '../tensor/dtype.ts';
import { elementCount } from '../tensor/shape.ts';
import { bandsOf, type Box } from './bands.ts';
import { RunControl } from './control.ts';
import type { CopySettings } from './copy-tensors.ts';
import { DIFFERENCE_SUMS_BYTES, DifferenceSums, type Sums } from './difference-sums.ts';
import { PairReader, wideDType, type PairSources, type TensorPair, type WideBand } from './pair-reader.ts';

/** Pairs that are compared one after the other, complete in itself like a copy task. */
export interface DiffTask extends PairSources {
  readonly kind: 'diff';
  readonly pairs: readonly TensorPair[];
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
  readonly sums: Sums;
  /** As {@link DifferenceSums} has it. */
  readonly histogram: readonly number[];
}

/** Compares pairs of tensors band by band. One per thread; its memory does not depend on what is compared. */
export class TensorDiffer {
  readonly #reader: PairReader;
  readonly #sums: DifferenceSums;

  constructor(bandBytes: number) {
    this.#reader = new PairReader(bandBytes, [DIFFERENCE_SUMS_BYTES]);
    this.#sums = new DifferenceSums(this.#reader.memory, this.#reader.extra[0]!);
  }

  run(task: DiffTask): ValueDifference[] {
    this.#reader.use(task);
    const control = new RunControl(task.settings.control);
    return task.pairs.map((pair) => this.#compare(pair, control));
  }

  close(): void {
    this.#reader.close();
  }

  /** Bytes first: what is identical costs no more than reading it. Only where they differ all values are looked at. */
  #compare(pair: TensorPair, control: RunControl): ValueDifference {
    const elements = elementCount(pair.left.shape);
    if (pair.left.dtype === pair.right.dtype && this.#sameBytes(pair, control)) return same(pair, elements);
    return this.#values(pair, control);
  }

  #sameBytes(pair: TensorPair, control: RunControl): boolean {
    const element = dtypeBytes(pair.left.dtype);
    const all = Buffer.from(this.#reader.memory.bytes.buffer);
    for (const band of bandsOf(pair.left.shape, Math.max(1, Math.floor(this.#reader.bandBytes / element)))) {
      control.check();
      const [left, right] = this.#reader.read(pair, band);
      const length = elementCount(band.size) * element;
      if (all.compare(all, left, left + length, right, right + length) !== 0) return false;
      control.add(2 * length);
    }
    return true;
  }

  #values(pair: TensorPair, control: RunControl): ValueDifference {
    const found = this.#sums;
    found.clear();
    let largest: ValueDifference['largest'] = null;
    let maxAbs = 0;
    // Finite elements that differ, up to the band before.
    let seen = 0;
    const pairElement = dtypeBytes(pair.left.dtype) + dtypeBytes(pair.right.dtype);
    for (const band of bandsOf(pair.left.shape, this.#reader.wideElements)) {
      control.check();
      const wide = this.#reader.readWide(pair, band);
      found.add(wideDType(pair), wide.left.byteOffset, wide.right.byteOffset, wide.left.length);
      const differing = found.changed - found.nonFinite;
      // A hair below what was rounded to float32, so that no larger one is missed.
      if (differing > seen && found.largestOfBand >= maxAbs * (1 - 2 ** -23)) {
        const inBand = largestIn(wide, band);
        if (inBand.maxAbs > maxAbs) ({ maxAbs, largest } = inBand);
      }
      seen = differing;
      control.add(wide.left.length * pairElement);
    }
    const { changed, nonFinite, sums, histogram } = found;
    return {
      name: pair.name,
      status: changed === 0 ? 'equal' : 'different',
      elements: elementCount(pair.left.shape),
      changed,
      nonFinite,
      maxAbs,
      largest,
      sums,
      histogram,
    };
  }
}

function largestIn({ left, right }: WideBand, { at, size }: Box): Pick<ValueDifference, 'maxAbs' | 'largest'> {
  let maxAbs = 0;
  let index = -1;
  for (let i = 0; i < left.length; i++) {
    const difference = Math.abs(right[i]! - left[i]!);
    if (difference > maxAbs && difference < Infinity) {
      maxAbs = difference;
      index = i;
    }
  }
  if (index < 0) return { maxAbs: 0, largest: null };
  return { maxAbs, largest: { at: positionIn(index, at, size), left: left[index]!, right: right[index]! } };
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
