import { castBetween, type Cast } from '../tensor/cast.ts';
import type { DType } from '../tensor/dtype.ts';

/**
 * The element-wise mean of bands, as torch computes it for a stack of tensors: the sum in float32 (float64 for float64), one
 * division, one rounding to the dtype. Elements that are equal in all bands keep their value, which the rounding of a sum of
 * three would not promise.
 */
export class RunningMean {
  readonly #isSingle: boolean;
  readonly #decode: Cast;
  readonly #encode: Cast;
  readonly #sum: Float32Array | Float64Array;
  readonly #first: Float64Array;
  readonly #differs: Uint8Array;
  #terms = 0;

  /** Throws `unsupported` for a dtype without a mean. */
  constructor(dtype: DType, count: number) {
    this.#isSingle = dtype !== 'F64';
    this.#decode = castBetween(dtype, 'F64');
    this.#encode = castBetween('F64', dtype);
    this.#sum = dtype === 'F64' ? new Float64Array(count) : new Float32Array(count);
    this.#first = new Float64Array(count);
    this.#differs = new Uint8Array(count);
  }

  add(bytes: Uint8Array): void {
    const count = this.#sum.length;
    const values = new Float64Array(count);
    this.#decode(new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), new DataView(values.buffer), count);
    for (let i = 0; i < count; i++) {
      if (this.#terms === 0) this.#first[i] = values[i]!;
      else if (!Object.is(values[i], this.#first[i])) this.#differs[i] = 1;
      this.#sum[i] = this.#sum[i]! + values[i]!;
    }
    this.#terms++;
  }

  /** Writes the mean to `target`. Returns how many elements differed between the bands. */
  finish(target: DataView): number {
    let averaged = 0;
    const values = this.#first;
    for (let i = 0; i < values.length; i++) {
      if (this.#differs[i] === 0) continue;
      averaged++;
      const quotient = this.#sum[i]! / this.#terms;
      values[i] = this.#isSingle ? Math.fround(quotient) : quotient;
    }
    this.#encode(new DataView(values.buffer), target, values.length);
    return averaged;
  }
}
