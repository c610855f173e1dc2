import { ShardloomError } from '../errors.ts';
import { bfloat16ToNumber, float16ToNumber } from './decode.ts';
import type { DType } from './dtype.ts';

/**
 * Conversion between float16, bfloat16, float32 and float64, rounding to nearest, ties to even, once: as `tensor.to(dtype)`
 * does on a CPU, but for float64 to 16 bits, where torch goes by way of float32 and so rounds twice. NaN stays NaN (quiet), overflow
 * becomes infinity. Both sides are little endian.
 */
export type Cast = (source: DataView, target: DataView, count: number) => void;

type Reader = (view: DataView, index: number) => number;
type Writer = (view: DataView, index: number, value: number) => void;

const word = new DataView(new ArrayBuffer(8));

const READERS: Partial<Record<DType, Reader>> = {
  F16: (view, i) => float16ToNumber(view.getUint16(2 * i, true)),
  BF16: (view, i) => bfloat16ToNumber(view.getUint16(2 * i, true)),
  F32: (view, i) => view.getFloat32(4 * i, true),
  F64: (view, i) => view.getFloat64(8 * i, true),
};

const WRITERS: Partial<Record<DType, Writer>> = {
  F16: (view, i, value) => {
    view.setUint16(2 * i, numberToFloat16(value), true);
  },
  BF16: (view, i, value) => {
    view.setUint16(2 * i, numberToBfloat16(value), true);
  },
  F32: (view, i, value) => {
    view.setFloat32(4 * i, value, true);
  },
  F64: (view, i, value) => {
    view.setFloat64(8 * i, value, true);
  },
};

/**
 * The conversion from one type to the other: the definition, in the plainest way. What is converted band by band goes through the
 * compiled loops of `execute/convert.ts` instead. Throws `unsupported` for types that are not converted.
 */
export function castBetween(from: DType, to: DType): Cast {
  const read = READERS[from];
  const write = WRITERS[to];
  if (!read || !write) throw notConverted(from, to);
  return (source, target, count) => {
    for (let i = 0; i < count; i++) write(target, i, read(source, i));
  };
}

/** The error for a pair of types that is not converted. */
export function notConverted(from: DType, to: DType): ShardloomError {
  return new ShardloomError({
    tag: 'unsupported',
    what: `Elements cannot be converted from ${from} to ${to}.`,
    expected: `one of ${Object.keys(READERS).join(', ')} on both sides`,
  });
}

/** Nearest bfloat16 bit pattern, ties to even. */
export function numberToBfloat16(value: number): number {
  if (Number.isNaN(value)) return 0x7fc0;
  const bits = roundToOddFloat32(value);
  return ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) & 0xffff;
}

/** Nearest float16 bit pattern, ties to even. */
export function numberToFloat16(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const magnitude = Math.abs(value);
  // 65520 lies half-way between the largest float16, 65504, and the next power of two: from there on it is infinity.
  if (magnitude >= 65520) return sign | 0x7c00;
  const exponent = Math.max(-14, Math.floor(Math.log2(magnitude)));
  // Scaled so that one unit in the last place is 1. Powers of two are exact, so this rounds once.
  const units = roundHalfEven(magnitude * 2 ** (10 - exponent));
  // A carry into the next exponent, and subnormals, come out right because the encoding is monotonic.
  return sign | (units + ((exponent + 14) << 10));
}

function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return rest > 0.5 ? floor + 1 : floor;
  return floor % 2 === 0 ? floor : floor + 1;
}

/**
 * float32 bits of a double, rounded to odd: if the double is no float32, the last bit of the smaller neighbour is set. A
 * second rounding to fewer bits then gives what rounding once would have given.
 */
function roundToOddFloat32(value: number): number {
  word.setFloat32(0, value);
  const bits = word.getUint32(0);
  const rounded = word.getFloat32(0);
  if (rounded === value) return bits;
  // Step to the neighbour nearer to zero where rounding went away from it; infinity steps to the largest float32.
  const truncated = Math.abs(rounded) > Math.abs(value) ? bits - 1 : bits;
  return truncated | 1;
}
