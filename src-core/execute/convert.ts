import { notConverted } from '../tensor/cast.ts';
import { elementReader } from '../tensor/decode.ts';
import { dtypeBytes, isCastable, type DType } from '../tensor/dtype.ts';
import type { ConversionKernels, KernelMemory } from './kernels.ts';

/**
 * Converts `count` elements from the address `source` to the address `target` of one memory, both little endian. The buffers do not
 * overlap; what is behind the target's elements, up to the next multiple of eight, is overwritten.
 */
export type Conversion = (source: number, target: number, count: number) => void;

/** The compiled loop for each pair of types. */
const LOOPS: Partial<Record<`${DType} to ${DType}`, keyof ConversionKernels>> = {
  'BF16 to F16': 'bfloat16ToFloat16',
  'BF16 to F32': 'bfloat16ToFloat32',
  'BF16 to F64': 'bfloat16ToFloat64',
  'F16 to BF16': 'float16ToBfloat16',
  'F16 to F32': 'float16ToFloat32',
  'F16 to F64': 'float16ToFloat64',
  'F32 to BF16': 'float32ToBfloat16',
  'F32 to F16': 'float32ToFloat16',
  'F32 to F64': 'float32ToFloat64',
  'F64 to BF16': 'float64ToBfloat16',
  'F64 to F16': 'float64ToFloat16',
  'F64 to F32': 'float64ToFloat32',
};

/**
 * The conversion from one type to the other, as `tensor/cast.ts` defines it: rounded to nearest, ties to even, once. Elements that keep
 * their type are copied. Throws `unsupported` for types that are not converted.
 */
export function conversionIn(memory: KernelMemory<ConversionKernels>, from: DType, to: DType): Conversion {
  if (from === to) {
    const width = dtypeBytes(from);
    return (source, target, count) => {
      memory.bytes.copyWithin(target, source, source + count * width);
    };
  }
  const loop = LOOPS[`${from} to ${to}`];
  if (!loop) throw notConverted(from, to);
  return memory.kernels[loop];
}

/**
 * The values of any type that has single values as float32 or float64, integers and 8-bit floats included. Throws `unsupported` for
 * types without single values.
 */
export function wideningIn(memory: KernelMemory<ConversionKernels>, from: DType, to: 'F32' | 'F64'): Conversion {
  if (isCastable(from)) return conversionIn(memory, from, to);
  const { view } = memory;
  const read = elementReader(from);
  const step = dtypeBytes(from);
  return (source, target, count) => {
    for (let i = 0; i < count; i++) {
      const value = read(view, source + i * step);
      if (to === 'F32') view.setFloat32(target + 4 * i, value, true);
      else view.setFloat64(target + 8 * i, value, true);
    }
  };
}
