import { withFile } from '../bytes/file.ts';
import type { OriginalWeight, WeightCopy, WeightUpdate } from '../specs/spec.ts';
import { dtypeBytes, isCastable, type DType } from '../tensor/dtype.ts';
import { elementCount } from '../tensor/shape.ts';
import type { StoredTensor } from '../tensor/stored.ts';
import { isSameView, type View } from '../tensor/view.ts';
import type {
  PlanContent,
  PlanOperand,
  PlanRegion,
  PlanSource,
  PlanSourceFile,
  PlanTensor,
  PlanUpdate,
} from './plan.ts';

/** A weight that is going to be written, before it is known where. */
export interface PlannedWeight {
  readonly name: string;
  readonly dtype: DType;
  readonly byteLength: number;
  readonly weight: OriginalWeight;
}

/** The dtype a tensor is written with: floating point types follow the request, others stay as they are. */
export function outputDtype(stored: DType, requested: DType | undefined): DType {
  return requested !== undefined && isCastable(stored) ? requested : stored;
}

/** Weights with their output sizes, in the given order. */
export function plannedWeights(
  weights: Iterable<readonly [string, OriginalWeight]>,
  requested: DType | undefined,
): PlannedWeight[] {
  return [...weights].map(([name, weight]) => {
    const dtype = outputDtype(weight.view.dtype, requested ?? weight.dtype);
    return { name, dtype, byteLength: elementCount(weight.view.shape) * dtypeBytes(dtype), weight };
  });
}

/** What is taken, and other bytes that are compared with it. */
interface Comparison {
  readonly taken: View;
  readonly copy: WeightCopy;
}

/** Numbers files and stored tensors as the plan refers to them. */
export class PlanBuilder {
  readonly files: PlanSourceFile[] = [];
  readonly sources: PlanSource[] = [];
  readonly #fileIndex = new Map<string, number>();
  readonly #sourceIndex = new Map<StoredTensor, number>();
  /** The comparisons that tensors of the plan make already, by the stored tensor that the copy begins with. */
  readonly #comparisons = new Map<StoredTensor | undefined, Comparison[]>();

  tensor({ name, dtype, byteLength, weight }: PlannedWeight, at: number): PlanTensor {
    const copies = weight.copies.filter((copy) => this.#isNewComparison(weight.view, copy));
    return {
      name,
      dtype,
      sourceDtype: weight.view.dtype,
      shape: weight.view.shape,
      at,
      byteLength,
      ...this.#content(weight.view),
      copies: copies.map((copy) => ({
        label: copy.label,
        mustAgree: copy.mustAgree ?? false,
        ...this.#content(copy.view),
      })),
      ...(weight.updates && { updates: weight.updates.map((update) => this.#update(update)) }),
      transformation: weight.transformation,
      from: weight.from,
    };
  }

  /** A view as plain data. */
  operand(view: View): PlanOperand {
    return { dtype: view.dtype, shape: view.shape, ...this.#content(view) };
  }

  /**
   * False where another tensor of the plan already compares the same content with this copy, as with a shared lora_A that is written
   * under several names. What decides is the content, not who made the views.
   */
  #isNewComparison(taken: View, copy: WeightCopy): boolean {
    const first = copy.view.regions[0]?.source;
    const known = this.#comparisons.get(first) ?? [];
    const isKnown = known.some((other) => {
      const isAsStrict = other.copy.mustAgree === copy.mustAgree;
      return isAsStrict && isSameView(other.copy.view, copy.view) && isSameView(other.taken, taken);
    });
    if (isKnown) return false;
    known.push({ taken, copy });
    this.#comparisons.set(first, known);
    return true;
  }

  #update({ scale, transposed, a, b }: WeightUpdate): PlanUpdate {
    return { scale, transposed, a: this.operand(a), b: this.operand(b) };
  }

  #content(view: View): PlanContent {
    const regions = this.#regions(view);
    return { regions, ...(view.meanOf && { meanOf: view.meanOf.map((term) => this.#regions(term)) }) };
  }

  #regions(view: View): PlanRegion[] {
    return view.regions.map(({ source, from, at, size }) => ({ source: this.#source(source), from, at, size }));
  }

  #source(stored: StoredTensor): number {
    const known = this.#sourceIndex.get(stored);
    if (known !== undefined) return known;
    const { file, ...rest } = stored;
    const index = this.sources.push({ ...rest, file: this.#file(file) }) - 1;
    this.#sourceIndex.set(stored, index);
    return index;
  }

  #file(path: string): number {
    const known = this.#fileIndex.get(path);
    if (known !== undefined) return known;
    const { size, mtimeMs } = withFile(path, (source) => source);
    const index = this.files.push({ path, size, mtimeMs }) - 1;
    this.#fileIndex.set(path, index);
    return index;
  }
}
