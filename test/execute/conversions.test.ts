import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { conversionIn, wideningIn } from '../../src-core/execute/convert.ts';
import { createConvertingMemory } from '../../src-core/execute/kernels.ts';
import { castBetween } from '../../src-core/tensor/cast.ts';
import { elementReader } from '../../src-core/tensor/decode.ts';
import { dtypeBytes, type DType } from '../../src-core/tensor/dtype.ts';

/** The compiled conversions against their definition, `castBetween`. */
const COUNT = 65_536;
const memory = createConvertingMemory(2, COUNT * 8);
const [source, target] = memory.addresses as [number, number];

const FLOATING = ['F16', 'BF16', 'F32', 'F64'] as const;
const PAIRS = FLOATING.flatMap((from) => FLOATING.filter((to) => to !== from).map((to) => [from, to] as const));

/** As bit patterns in hexadecimal, every NaN of 32 and 64 bits as "NaN": there the sign and the payload say nothing. */
function patterns(bytes: Uint8Array, dtype: DType): string[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const width = dtypeBytes(dtype);
  const read = elementReader(dtype);
  return Array.from({ length: bytes.byteLength / width }, (_, i) => {
    if (width === 2) return view.getUint16(2 * i, true).toString(16);
    if (Number.isNaN(read(view, i * width))) return 'NaN';
    return width === 4 ? view.getUint32(4 * i, true).toString(16) : view.getBigUint64(8 * i, true).toString(16);
  });
}

function expectAsDefined(from: DType, to: DType, input: Uint8Array): void {
  const count = input.byteLength / dtypeBytes(from);
  const expected = new Uint8Array(count * dtypeBytes(to));
  castBetween(from, to)(
    new DataView(input.buffer, input.byteOffset, input.byteLength),
    new DataView(expected.buffer),
    count,
  );
  memory.bytes.set(input, source);
  conversionIn(memory, from, to)(source, target, count);
  const found = memory.bytes.slice(target, target + expected.byteLength);
  // The usual way is quick; only where it fails each element is looked at.
  if (Buffer.compare(found, expected) !== 0) expect(patterns(found, to)).toEqual(patterns(expected, to));
}

/** All values of a type of 16 bits. */
function valuesOf(dtype: DType): Float64Array {
  const bits = Uint16Array.from({ length: COUNT }, (_, i) => i);
  const values = new Float64Array(COUNT);
  castBetween(dtype, 'F64')(new DataView(bits.buffer), new DataView(values.buffer), COUNT);
  return values.filter(Number.isFinite).sort();
}

/** What lies half-way between neighbours of a type of 16 bits, and just beside: where rounding decides. */
function ties(dtype: DType, dtypeOfTie: 'F32' | 'F64'): number[] {
  const values = valuesOf(dtype);
  const ulp = dtypeOfTie === 'F32' ? 2 ** -23 : 2 ** -52;
  return Array.from(values.subarray(1)).flatMap((value, i) => {
    const tie = (values[i]! + value) / 2;
    return [tie, tie * (1 + ulp), tie * (1 - ulp)];
  });
}

function encoded(values: Iterable<number>, dtype: 'F32' | 'F64'): Uint8Array {
  const array = dtype === 'F32' ? Float32Array.from(values) : Float64Array.from(values);
  return new Uint8Array(array.buffer);
}

function inBlocks(bytes: Uint8Array, width: number, check: (block: Uint8Array) => void): void {
  for (let at = 0; at < bytes.byteLength; at += COUNT * width) check(bytes.subarray(at, at + COUNT * width));
}

/** Any bit pattern, subnormals, infinities and NaN among them more often than chance would have them. */
function anyBits(from: DType): fc.Arbitrary<Uint8Array> {
  const element =
    from === 'F64'
      ? fc.oneof(
          fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
          fc.double().map(bitsOf),
          // Half-way between two float32, and just beside.
          fc.tuple(fc.float(), fc.integer({ min: -1, max: 1 })).map(([value, by]) => {
            return BigInt.asUintN(64, (bitsOf(value) | 0x1000_0000n) + BigInt(by));
          }),
          // The exponents that float32, bfloat16 and float16 have, and some more on both sides.
          fc.double({ min: -150, max: 130 }).map((exponent) => bitsOf(2 ** exponent)),
          fc.integer({ min: -1100, max: 1023 }).map((exponent) => bitsOf(-1.5 * 2 ** exponent)),
          fc.constantFrom(NaN, Infinity, -Infinity, 0, -0, 65504, 65520, 3.4e38, 3.4028235677973366e38).map(bitsOf),
          fc.constantFrom(0x7ff0_0000_0000_0001n, 0xfff8_0000_0000_0000n),
        )
      : fc.oneof(
          fc.integer({ min: 0, max: 2 ** 32 - 1 }),
          fc.integer({ min: 0, max: 2 ** 23 }),
          fc.constantFrom(
            0x7f80_0000,
            0xff80_0000,
            0x7fc0_0000,
            0xffc0_0001,
            0x7f80_0001,
            0x477f_e000,
            0x477f_f000,
            0x8000_0000,
          ),
        );
  return fc.array<number | bigint>(element, { minLength: 1, maxLength: 70 }).map((all) => {
    const wide = from === 'F64' ? BigUint64Array.from(all as bigint[]) : Uint32Array.from(all as number[]);
    return new Uint8Array(wide.buffer);
  });
}

function bitsOf(value: number): bigint {
  return new BigUint64Array(Float64Array.of(value).buffer)[0]!;
}

describe.each(PAIRS)('%s to %s', (from, to) => {
  if (dtypeBytes(from) === 2) {
    test('is as defined for every bit pattern', () => {
      expectAsDefined(from, to, new Uint8Array(Uint16Array.from({ length: COUNT }, (_, i) => i).buffer));
    });
    return;
  }

  test('is as defined for any bit patterns and any number of elements', () => {
    fc.assert(
      fc.property(anyBits(from), (bytes) => {
        expectAsDefined(from, to, bytes);
      }),
      { numRuns: 1000 },
    );
  });

  test('rounds to nearest, ties to even, where it rounds', () => {
    const wide = from === 'F64' ? 'F64' : 'F32';
    const narrow = dtypeBytes(to) === 2 ? [to] : (['BF16', 'F16'] as const);
    for (const type of narrow) {
      inBlocks(encoded(ties(type, wide), wide), dtypeBytes(wide), (block) => {
        expectAsDefined(from, to, block);
      });
    }
  });
});

test('float64 beside a tie of 16 bits is rounded once, not by way of float32', () => {
  // 1 + 2^-8 is half-way between two bfloat16; what is above it by less than a float32 can tell goes up.
  expectAsDefined('F64', 'BF16', encoded([1 + 2 ** -8 + 2 ** -40, 1 + 2 ** -8, 1 + 2 ** -8 - 2 ** -40], 'F64'));
  conversionIn(memory, 'F64', 'BF16')(source, target, 3);
  expect([0, 1, 2].map((i) => memory.view.getUint16(target + 2 * i, true))).toEqual([0x3f81, 0x3f80, 0x3f80]);
});

test('elements that keep their type are copied, whatever it is', () => {
  memory.bytes.set([1, 2, 3, 4, 5, 6], source);
  memory.bytes.fill(0, target, target + 8);
  conversionIn(memory, 'I16', 'I16')(source, target, 2);
  expect([...memory.bytes.subarray(target, target + 6)]).toEqual([1, 2, 3, 4, 0, 0]);
});

test('integers are not converted, but looked at as float they are', () => {
  expect(() => conversionIn(memory, 'I32', 'F32')).toThrow(/cannot be converted from I32 to F32/);
  new Int32Array(memory.bytes.buffer, source, 3).set([-1, 2 ** 31 - 1, 7]);
  wideningIn(memory, 'I32', 'F64')(source, target, 3);
  expect([...new Float64Array(memory.bytes.buffer, target, 3)]).toEqual([-1, 2 ** 31 - 1, 7]);
  new Uint16Array(memory.bytes.buffer, source, 2).set([0x3f80, 0xc040]);
  wideningIn(memory, 'BF16', 'F32')(source, target, 2);
  expect([...new Float32Array(memory.bytes.buffer, target, 2)]).toEqual([1, -3]);
});
