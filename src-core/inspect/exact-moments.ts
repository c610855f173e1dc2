/**
 * Mean and standard deviation of numbers of few bits, each with a count, without any rounding before the end: sums are kept as whole
 * multiples of the smallest power of two that can occur.
 */
export class ExactMoments {
  /** All values of 8 and 16 bits are whole multiples of 2^-SCALE: bfloat16's smallest is 2^-133. */
  static readonly SCALE = 160;

  #count = 0n;
  #sum = 0n;
  #squares = 0n;

  /** Adds `count` times a finite value. */
  add(value: number, count: number): void {
    const scaled = toScaled(value);
    const times = BigInt(count);
    this.#count += times;
    this.#sum += scaled * times;
    this.#squares += scaled * scaled * times;
  }

  /** The mean, and the standard deviation with N - 1; null where there are too few values. */
  finish(): { readonly mean: number | null; readonly std: number | null } {
    const [n, sum] = [this.#count, this.#sum];
    const mean = n > 0n ? ratio(sum, n, ExactMoments.SCALE) : null;
    if (n < 2n) return { mean, std: null };
    const variance = ratio(n * this.#squares - sum * sum, n * (n - 1n), 2 * ExactMoments.SCALE);
    return { mean, std: Math.sqrt(variance) };
  }
}

const double = new DataView(new ArrayBuffer(8));

/** `value * 2^SCALE`, which must be whole. */
function toScaled(value: number): bigint {
  double.setFloat64(0, value);
  const bits = double.getBigUint64(0);
  const exponent = Number((bits >> 52n) & 0x7ffn);
  // Zero is the only double below 2^-1022 that elements of 16 bits hold.
  if (exponent === 0) return 0n;
  const fraction = (bits & 0xf_ffff_ffff_ffffn) | 0x10_0000_0000_0000n;
  const shift = BigInt(exponent - 1075 + ExactMoments.SCALE);
  const scaled = shift >= 0n ? fraction << shift : fraction >> -shift;
  return value < 0 ? -scaled : scaled;
}

/** `numerator / denominator / 2^scale`, rounded to a double. */
function ratio(numerator: bigint, denominator: bigint, scale: number): number {
  if (numerator === 0n) return 0;
  const negative = numerator < 0n;
  const positive = negative ? -numerator : numerator;
  // As many bits as make the quotient longer than a double's fraction: what is cut off then only decides the rounding.
  const extra = Math.max(0, 66 + bitLength(denominator) - bitLength(positive));
  const quotient = (positive << BigInt(extra)) / denominator;
  // Two steps, because 2 to the power of both at once may be below what a double holds.
  const value = Number(quotient) * 2 ** -extra * 2 ** -(scale / 2) * 2 ** -(scale / 2);
  return negative ? -value : value;
}

function bitLength(value: bigint): number {
  return value.toString(2).length;
}
