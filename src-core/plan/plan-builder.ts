import { withFile } from '../bytes/file.ts';
import type { OriginalWeight, WeightCopy, WeightUpdate } from '../specs/spec.ts';
import { dtypeBytes, isCastable, type DType } from '../tensor/dtype.ts';
import { elementCount } from '../tensor/shape.ts';
import type { StoredTensor } from '../tensor/stored.ts';
import type { View } from '../tensor/view.ts';
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

/** Numbers files and stored tensors as the plan refers to them. */
export class PlanBuilder {
  readonly files: PlanSourceFile[] = [];
  readonly sources: PlanSource[] = [];
  readonly #fileIndex = new Map<string, number>();
  readonly #sourceIndex = new Map<StoredTensor, number>();
  /** Copies that a tensor of the plan is already compared with: a shared lora_A is written to several names. */
  readonly #compared = new Set<readonly WeightCopy[]>();

  tensor({ name, dtype, byteLength, weight }: PlannedWeight, at: number): PlanTensor {
    const copies = this.#compared.has(weight.copies) ? [] : weight.copies;
    this.#compared.add(weight.copies);
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
