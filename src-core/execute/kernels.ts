import { bandWasm } from '../kernels/band.wasm.ts';
import { convertWasm } from '../kernels/convert.wasm.ts';
import { differenceWasm } from '../kernels/difference.wasm.ts';
import { productWasm } from '../kernels/product.wasm.ts';

/** The compiled loops of `kernels/band.as.ts`. Addresses and lengths are bytes in the memory they share. */
export interface Kernels {
  readonly copyRows: (
    source: number,
    sourceStride: number,
    target: number,
    targetStride: number,
    rowBytes: number,
    rows: number,
  ) => void;
  readonly gatherElements: (
    source: number,
    sourceStride: number,
    target: number,
    elementBytes: number,
    count: number,
  ) => void;
  readonly countPatterns16: (source: number, count: number, tables: number) => void;
  readonly exponentCarries: (source: number, bytes: number, exponentMask: bigint, lowestExponentBit: bigint) => bigint;
}

/** The compiled loops of `kernels/product.as.ts`. */
export interface ProductKernels {
  readonly addProduct32: AddProduct;
  readonly addProduct64: AddProduct;
}

/** The compiled loops of `kernels/convert.as.ts`. Which of them it is: see `execute/convert.ts`. */
export interface ConversionKernels {
  readonly bfloat16ToFloat16: Convert;
  readonly bfloat16ToFloat32: Convert;
  readonly bfloat16ToFloat64: Convert;
  readonly float16ToBfloat16: Convert;
  readonly float16ToFloat32: Convert;
  readonly float16ToFloat64: Convert;
  readonly float32ToBfloat16: Convert;
  readonly float32ToFloat16: Convert;
  readonly float32ToFloat64: Convert;
  readonly float64ToBfloat16: Convert;
  readonly float64ToFloat16: Convert;
  readonly float64ToFloat32: Convert;
}

/** The compiled loops of `kernels/difference.as.ts`. */
export interface DifferenceKernels {
  readonly compare32: CompareValues;
  readonly compare64: CompareValues;
}

type CompareValues = (left: number, right: number, count: number, out: number, histogram: number) => void;

type AddProduct = (
  acc: number,
  strideBytes: number,
  rows: number,
  panels: number,
  a: number,
  b: number,
  rank: number,
) => void;
type Convert = (source: number, target: number, count: number) => void;

/**
 * The part of the WebAssembly JavaScript API that is used here. TypeScript declares it in the DOM library only, which the
 * engine must not see.
 */
interface WebAssemblyApi {
  readonly Memory: new (descriptor: { initial: number; maximum: number }) => { readonly buffer: ArrayBuffer };
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (
    module: object,
    imports: Record<string, Record<string, unknown>>,
  ) => {
    readonly exports: unknown;
  };
}

const PAGE = 65_536;

/** Behind every buffer, so that loops may run on to the next multiple of 64 bytes. */
const SLACK = 128;

/** Buffers of equal size in one WebAssembly memory, and the loops over them. */
export interface KernelMemory<Loops = Kernels> {
  readonly kernels: Loops;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Where each buffer begins. */
  readonly addresses: readonly number[];
}

/** Makes `count` buffers of `size` bytes each. The memory never grows, so its `ArrayBuffer` stays valid. */
export function createKernelMemory(count: number, size: number): KernelMemory {
  return memoryWith<Kernels>([bandWasm], new Array<number>(count).fill(size));
}

/** The same with the loops that convert. */
export function createConvertingMemory(count: number, size: number): KernelMemory<Kernels & ConversionKernels> {
  return memoryWith<Kernels & ConversionKernels>([bandWasm, convertWasm], new Array<number>(count).fill(size));
}

/** Buffers of these sizes, and the loops that add products to converted elements. */
export function createProductMemory(sizes: readonly number[]): KernelMemory<ProductKernels & ConversionKernels> {
  return memoryWith<ProductKernels & ConversionKernels>([productWasm, convertWasm], sizes);
}

/** Buffers of these sizes, with all loops that comparing two tensors takes: copying, converting, comparing. */
export function createComparingMemory(
  sizes: readonly number[],
): KernelMemory<Kernels & ConversionKernels & DifferenceKernels> {
  return memoryWith<Kernels & ConversionKernels & DifferenceKernels>([bandWasm, convertWasm, differenceWasm], sizes);
}

function memoryWith<Loops>(codes: readonly string[], sizes: readonly number[]): KernelMemory<Loops> {
  // Page 0 is left to the compiler's own data.
  const addresses: number[] = [];
  let end = PAGE;
  for (const size of sizes) {
    addresses.push(end);
    end += Math.ceil((size + SLACK) / 64) * 64;
  }
  const pages = Math.ceil(end / PAGE);
  const wasm = (globalThis as unknown as { readonly WebAssembly: WebAssemblyApi }).WebAssembly;
  const memory = new wasm.Memory({ initial: pages, maximum: pages });
  const instances = codes.map((code) => {
    const module = new wasm.Module(Buffer.from(code, 'base64'));
    return new wasm.Instance(module, { env: { memory } }).exports as object;
  });
  return {
    kernels: Object.assign({}, ...instances) as Loops,
    bytes: new Uint8Array(memory.buffer),
    view: new DataView(memory.buffer),
    addresses,
  };
}
