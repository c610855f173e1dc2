import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { castBetween, numberToBfloat16, numberToFloat16 } from '../../src-core/tensor/cast.ts';
import { bfloat16ToNumber, elementReader, float16ToNumber } from '../../src-core/tensor/decode.ts';

/** All values of a 16-bit format in order, to find the nearest by looking. */
function finiteValues(decode: (bits: number) => number): number[] {
  const values: number[] = [];
  for (let bits = 0; bits < 0x10000; bits++) {
    const value = decode(bits);
    if (Number.isFinite(value) && !Object.is(value, -0)) values.push(value);
  }
  return values.sort((a, b) => a - b);
}

/** Nearest by brute force, ties to the even bit pattern: what the conversion must give. */
function nearest(value: number, values: readonly number[], encode: ReadonlyMap<number, number>): number {
  let low = 0;
  let high = values.length - 1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (values[middle]! <= value) low = middle;
    else high = middle;
  }
  const [a, b] = [values[low]!, values[high]!];
  const [down, up] = [value - a, b - value];
  if (down !== up) return down < up ? a : b;
  return encode.get(a)! % 2 === 0 ? a : b;
}

describe.each([
  ['float16', float16ToNumber, numberToFloat16, 65504],
  ['bfloat16', bfloat16ToNumber, numberToBfloat16, 3.3895313892515355e38],
] as const)('%s', (_, decode, encode, largest) => {
  test('every bit pattern survives the way out and back', () => {
    for (let bits = 0; bits < 0x10000; bits++) {
      const value = decode(bits);
      if (Number.isNaN(value)) expect(decode(encode(value))).toBeNaN();
      else expect(encode(value)).toBe(bits);
    }
  });

  test('any double becomes the nearest value, ties to even, rounded once', () => {
    const values = finiteValues(decode);
    const encoded = new Map(values.map((value) => [value, encode(value)]));
    const anywhere = fc.double({ min: -largest, max: largest, noNaN: true });
    const nearOnes = fc.double({ min: -4, max: 4, noNaN: true });
    const ties = fc.integer({ min: 0, max: values.length - 2 }).map((i) => (values[i]! + values[i + 1]!) / 2);
    const besideTies = fc
      .tuple(ties, fc.integer({ min: -2, max: 2 }))
      .map(([tie, ulps]) => tie + ulps * Math.abs(tie) * 2 ** -52);
    fc.assert(
      fc.property(fc.oneof(anywhere, nearOnes, ties, besideTies), (value) => {
        fc.pre(Math.abs(value) <= largest);
        expect(decode(encode(value)) + 0).toBe(nearest(value, values, encoded) + 0);
      }),
      { numRuns: 3000 },
    );
  });

  test('what is too large becomes infinite, and signs of zero and infinity stay', () => {
    expect(decode(encode(largest * 1.01))).toBe(Infinity);
    expect(decode(encode(-Infinity))).toBe(-Infinity);
    expect(decode(encode(-0))).toBe(-0);
    expect(decode(encode(1e-60))).toBe(0);
  });
});

describe('conversion of buffers', () => {
  test.each([
    ['F32', 'BF16', 4, 2],
    ['F64', 'F16', 8, 2],
    ['BF16', 'F32', 2, 4],
    ['F16', 'F64', 2, 8],
    ['F32', 'F64', 4, 8],
  ] as const)('%s to %s keeps values that both can hold', (from, to, fromBytes, toBytes) => {
    const numbers = [0, 1, -1, 0.5, 2, -0.25, 1024, Infinity, -Infinity];
    const source = new DataView(new ArrayBuffer(numbers.length * fromBytes));
    const target = new DataView(new ArrayBuffer(numbers.length * toBytes));
    const doubles = new DataView(new ArrayBuffer(numbers.length * 8));
    numbers.forEach((value, i) => {
      doubles.setFloat64(8 * i, value, true);
    });
    castBetween('F64', from)(doubles, source, numbers.length);
    castBetween(from, to)(source, target, numbers.length);
    const read = elementReader(to);
    expect(numbers.map((_, i) => read(target, i * toBytes))).toEqual(numbers);
  });

  test('integers are not converted', () => {
    expect(() => castBetween('I32', 'F32')).toThrow(/cannot be converted/);
  });
});

describe('8-bit floats', () => {
  const read = (dtype: 'F8_E4M3' | 'F8_E5M2' | 'F8_E4M3FNUZ' | 'F8_E5M2FNUZ' | 'F8_E8M0', bits: number): number =>
    elementReader(dtype)(new DataView(Uint8Array.of(bits).buffer), 0);

  test('have the values of their specifications', () => {
    expect(read('F8_E4M3', 0x7e)).toBe(448);
    expect(read('F8_E4M3', 0x7f)).toBeNaN();
    expect(read('F8_E4M3', 0x01)).toBe(2 ** -9);
    expect(read('F8_E5M2', 0x7b)).toBe(57344);
    expect(read('F8_E5M2', 0x7c)).toBe(Infinity);
    expect(read('F8_E5M2', 0xfc)).toBe(-Infinity);
    expect(read('F8_E4M3FNUZ', 0x7f)).toBe(240);
    expect(read('F8_E4M3FNUZ', 0x80)).toBeNaN();
    expect(read('F8_E5M2FNUZ', 0x7f)).toBe(57344);
    expect(read('F8_E8M0', 127)).toBe(1);
    expect(read('F8_E8M0', 255)).toBeNaN();
  });
});
