import { expect, test } from 'vitest';
import { createProductMemory } from '../../src-core/execute/kernels.ts';
import { castBetween } from '../../src-core/tensor/cast.ts';
import { dtypeBytes, type DType } from '../../src-core/tensor/dtype.ts';

/** The compiled conversions against the plain ones, on bit patterns. */
const COUNT = 65_536;
const memory = createProductMemory([COUNT * 8, COUNT * 8]);
const [source, target] = memory.addresses as [number, number];
const { kernels } = memory;

function converted(convert: (source: number, target: number, count: number) => void, from: DType, to: DType): void {
  const bytes = COUNT * dtypeBytes(to);
  const expected = new Uint8Array(bytes);
  const input = memory.bytes.slice(source, source + COUNT * dtypeBytes(from));
  castBetween(from, to)(new DataView(input.buffer), new DataView(expected.buffer), COUNT);
  convert(source, target, COUNT);
  // What is compared are the values: the sign and the payload of a NaN say nothing.
  const read = castBetween(to, 'F64');
  const values = [memory.bytes.slice(target, target + bytes), expected].map((one) => {
    const wide = new Float64Array(COUNT);
    read(new DataView(one.buffer), new DataView(wide.buffer), COUNT);
    return wide;
  });
  expect(values[0]).toEqual(values[1]);
}

/** Every sign and exponent, with fractions around the points where rounding changes. */
function float32Patterns(): Uint32Array {
  const patterns = new Uint32Array(COUNT);
  const fractions = [0, 1, 0xfff, 0x1000, 0x1001, 0x1fff, 0x2000, 0x3000, 0x7fff, 0x8000, 0x8001, 0x18000, 0x7fffff];
  for (let i = 0; i < COUNT; i++) {
    const exponent = (i >> 1) & 0xff;
    const fraction = fractions[(i >> 9) % fractions.length]! ^ (i >> 13 ? ((i * 2_654_435_761) >>> 9) & 0x700000 : 0);
    patterns[i] = (((i & 1) << 31) | (exponent << 23) | (fraction & 0x7fffff)) >>> 0;
  }
  return patterns;
}

test.each(['BF16', 'F16'] as const)('every %s pattern becomes its float32', (dtype) => {
  new Uint16Array(memory.bytes.buffer, source, COUNT).set(Array.from({ length: COUNT }, (_, bits) => bits));
  const convert = dtype === 'BF16' ? kernels.bfloat16ToFloat32 : kernels.float16ToFloat32;
  converted(convert, dtype, 'F32');
});

test.each(['BF16', 'F16', 'F64'] as const)('float32 of every exponent becomes the nearest %s', (dtype) => {
  new Uint32Array(memory.bytes.buffer, source, COUNT).set(float32Patterns());
  const convert = { BF16: kernels.float32ToBfloat16, F16: kernels.float32ToFloat16, F64: kernels.float32ToFloat64 };
  converted(convert[dtype], 'F32', dtype);
});

test('float64 becomes the nearest float32', () => {
  const values = new Float64Array(memory.bytes.buffer, source, COUNT);
  float32Patterns().forEach((bits, i) => {
    values[i] = new Float32Array(Uint32Array.of(bits).buffer)[0]! * (1 + (i % 7) * 2 ** -26);
  });
  converted(kernels.float64ToFloat32, 'F64', 'F32');
});
