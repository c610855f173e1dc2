import { ShardloomError } from '../errors.ts';
import type { DType } from './dtype.ts';

/** Reads the element at a byte offset as a number; 64-bit integers are rounded to the nearest double. Little endian. */
export type ElementReader = (bytes: DataView, at: number) => number;

/** The value of a float16 (IEEE binary16) bit pattern. */
export function float16ToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction ? NaN : sign * Infinity;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const word = new DataView(new ArrayBuffer(4));

/** The value of a bfloat16 bit pattern: the upper half of a float32. */
export function bfloat16ToNumber(bits: number): number {
  word.setUint32(0, bits << 16);
  return word.getFloat32(0);
}

/** What the 8-bit float formats differ in; `nan` and `infinity` are bit patterns without the sign. */
interface Float8Format {
  readonly exponentBits: number;
  readonly bias: number;
  readonly isNaN: (bits: number) => boolean;
  readonly isInfinite: (bits: number) => boolean;
}

/** OCP 8-bit floating point and its FNUZ variants (no negative zero: that pattern is the one NaN). */
const FLOAT8: Partial<Record<DType, Float8Format>> = {
  F8_E4M3: { exponentBits: 4, bias: 7, isNaN: (b) => (b & 0x7f) === 0x7f, isInfinite: () => false },
  F8_E5M2: { exponentBits: 5, bias: 15, isNaN: (b) => (b & 0x7f) > 0x7c, isInfinite: (b) => (b & 0x7f) === 0x7c },
  F8_E4M3FNUZ: { exponentBits: 4, bias: 8, isNaN: (b) => b === 0x80, isInfinite: () => false },
  F8_E5M2FNUZ: { exponentBits: 5, bias: 16, isNaN: (b) => b === 0x80, isInfinite: () => false },
};

function float8ToNumber(format: Float8Format, bits: number): number {
  const sign = bits & 0x80 ? -1 : 1;
  if (format.isNaN(bits)) return NaN;
  if (format.isInfinite(bits)) return sign * Infinity;
  const fractionBits = 7 - format.exponentBits;
  const exponent = (bits & 0x7f) >> fractionBits;
  const fraction = (bits & ((1 << fractionBits) - 1)) / (1 << fractionBits);
  return exponent === 0
    ? sign * fraction * 2 ** (1 - format.bias)
    : sign * (1 + fraction) * 2 ** (exponent - format.bias);
}

/** How to read elements of a type. Complex numbers and packed types have no single value and are refused. */
export function elementReader(dtype: DType): ElementReader {
  const float8 = FLOAT8[dtype];
  if (float8) return (bytes, at) => float8ToNumber(float8, bytes.getUint8(at));
  switch (dtype) {
    case 'BOOL':
    case 'U8':
      return (bytes, at) => bytes.getUint8(at);
    case 'I8':
      return (bytes, at) => bytes.getInt8(at);
    case 'I16':
      return (bytes, at) => bytes.getInt16(at, true);
    case 'U16':
      return (bytes, at) => bytes.getUint16(at, true);
    case 'I32':
      return (bytes, at) => bytes.getInt32(at, true);
    case 'U32':
      return (bytes, at) => bytes.getUint32(at, true);
    case 'I64':
      return (bytes, at) => Number(bytes.getBigInt64(at, true));
    case 'U64':
      return (bytes, at) => Number(bytes.getBigUint64(at, true));
    case 'F16':
      return (bytes, at) => float16ToNumber(bytes.getUint16(at, true));
    case 'BF16':
      return (bytes, at) => bfloat16ToNumber(bytes.getUint16(at, true));
    case 'F32':
      return (bytes, at) => bytes.getFloat32(at, true);
    case 'F64':
      return (bytes, at) => bytes.getFloat64(at, true);
    case 'F8_E8M0':
      // A power of two; all ones are NaN (OCP microscaling formats).
      return (bytes, at) => (bytes.getUint8(at) === 0xff ? NaN : 2 ** (bytes.getUint8(at) - 127));
    default:
      throw new ShardloomError({
        tag: 'unsupported',
        what: `Elements of type ${dtype} have no single value.`,
        found: dtype,
      });
  }
}
