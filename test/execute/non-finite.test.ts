import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createKernelMemory } from '../../src-core/execute/kernels.ts';
import { countNonFinite } from '../../src-core/execute/non-finite.ts';
import { elementReader } from '../../src-core/tensor/decode.ts';
import { dtypeBytes, type DType } from '../../src-core/tensor/dtype.ts';

const FLOATS: readonly DType[] = [
  'F16',
  'BF16',
  'F32',
  'F64',
  'F8_E4M3',
  'F8_E5M2',
  'F8_E4M3FNUZ',
  'F8_E5M2FNUZ',
  'F8_E8M0',
];

describe('counting NaN and Inf', () => {
  const memory = createKernelMemory(1, 4096);
  const [address] = memory.addresses as [number];

  test.each(FLOATS)('%s: as reading every element gives, for any bytes and length', (dtype) => {
    const step = dtypeBytes(dtype);
    const read = elementReader(dtype);
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 512 }), (random) => {
        const length = random.length - (random.length % step);
        // What lay there before must not be counted.
        memory.bytes.fill(0xff, address, address + 1024);
        memory.bytes.set(random.subarray(0, length), address);
        let nan = 0;
        let inf = 0;
        for (let at = address; at < address + length; at += step) {
          const value = read(memory.view, at);
          if (Number.isNaN(value)) nan++;
          else if (!Number.isFinite(value)) inf++;
        }
        expect(countNonFinite(memory, address, length, dtype)).toEqual({ nan, inf });
      }),
      { numRuns: 200 },
    );
  });

  test.each(FLOATS.filter((dtype) => dtype !== 'F8_E8M0'))('%s: one NaN at any place is found', (dtype) => {
    const step = dtypeBytes(dtype);
    const nan: Record<number, number[]> = {
      1: [0xff],
      2: [0xff, 0xff],
      4: [255, 255, 255, 255],
      8: new Array<number>(8).fill(255),
    };
    const bytes = dtype.endsWith('FNUZ') ? [0x80] : nan[step]!;
    for (let at = 0; at < 300; at += step) {
      memory.bytes.fill(0, address, address + 512);
      memory.bytes.set(bytes, address + at);
      expect(countNonFinite(memory, address, 300 - (300 % step), dtype)).toEqual(
        at < 300 - (300 % step) ? { nan: 1, inf: 0 } : { nan: 0, inf: 0 },
      );
    }
  });

  test('integers are never counted', () => {
    memory.bytes.fill(0xff, address, address + 64);
    expect(countNonFinite(memory, address, 64, 'I64')).toEqual({ nan: 0, inf: 0 });
  });
});
