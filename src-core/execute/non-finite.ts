import { elementReader } from '../tensor/decode.ts';
import { dtypeBytes, nonFiniteKind, type DType } from '../tensor/dtype.ts';
import type { KernelMemory } from './kernels.ts';

export interface NonFiniteCount {
  readonly nan: number;
  readonly inf: number;
}

interface ExponentPattern {
  readonly mask: bigint;
  readonly lowest: bigint;
  /** The bits above the exponents, where the sums carry to. */
  readonly carry: bigint;
}

/** The bits of one element, repeated over 64. */
function everywhere(bits: number, pattern: bigint): bigint {
  let all = 0n;
  for (let shift = 0; shift < 64; shift += bits) all |= pattern << BigInt(shift);
  return all;
}

function exponent(bits: number, mask: bigint, lowest: bigint): ExponentPattern {
  return {
    mask: everywhere(bits, mask),
    lowest: everywhere(bits, lowest),
    carry: everywhere(bits, 1n << BigInt(bits - 1)),
  };
}

/** Types whose NaN and Inf have all exponent bits set (for float8_e4m3fn, whose only NaN has all bits but the sign). */
const PATTERNS: Partial<Record<DType, ExponentPattern>> = {
  F8_E5M2: exponent(8, 0x7cn, 0x04n),
  F8_E4M3: exponent(8, 0x7fn, 0x01n),
  F16: exponent(16, 0x7c00n, 0x0400n),
  BF16: exponent(16, 0x7f80n, 0x0080n),
  F32: exponent(32, 0x7f80_0000n, 0x0080_0000n),
  C64: exponent(32, 0x7f80_0000n, 0x0080_0000n),
  F64: exponent(64, 0x7ff0_0000_0000_0000n, 0x0010_0000_0000_0000n),
};

/**
 * Counts NaN and infinite elements in the buffer at `address`. A vector loop answers "none" for nearly all bands; only a
 * band that has some is counted element by element. (Complex numbers are counted by their parts.)
 */
export function countNonFinite(
  memory: KernelMemory,
  address: number,
  byteLength: number,
  dtype: DType,
): NonFiniteCount {
  if (nonFiniteKind(dtype) === 'none' || byteLength === 0) return { nan: 0, inf: 0 };
  const pattern = PATTERNS[dtype];
  if (pattern) {
    const rounded = Math.ceil(byteLength / 64) * 64;
    memory.bytes.fill(0, address + byteLength, address + rounded);
    const carries = memory.kernels.exponentCarries(address, rounded, pattern.mask, pattern.lowest);
    if ((carries & pattern.carry) === 0n) return { nan: 0, inf: 0 };
  }
  return countOneByOne(memory, address, byteLength, dtype === 'C64' ? 'F32' : dtype);
}

function countOneByOne(memory: KernelMemory, address: number, byteLength: number, dtype: DType): NonFiniteCount {
  const read = elementReader(dtype);
  const step = dtypeBytes(dtype);
  let nan = 0;
  let inf = 0;
  for (let at = address; at < address + byteLength; at += step) {
    const value = read(memory.view, at);
    if (Number.isNaN(value)) nan++;
    else if (!Number.isFinite(value)) inf++;
  }
  return { nan, inf };
}
