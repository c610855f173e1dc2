import { bandWasm } from '../kernels/band.wasm.ts';

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
export interface KernelMemory {
  readonly kernels: Kernels;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Where each buffer begins. */
  readonly addresses: readonly number[];
}

/** Makes `count` buffers of `size` bytes each. The memory never grows, so its `ArrayBuffer` stays valid. */
export function createKernelMemory(count: number, size: number): KernelMemory {
  const stride = Math.ceil((size + SLACK) / 64) * 64;
  const pages = 1 + Math.ceil((count * stride) / PAGE);
  const wasm = (globalThis as unknown as { readonly WebAssembly: WebAssemblyApi }).WebAssembly;
  const memory = new wasm.Memory({ initial: pages, maximum: pages });
  const module = new wasm.Module(Buffer.from(bandWasm, 'base64'));
  const instance = new wasm.Instance(module, { env: { memory } });
  // Page 0 is left to the compiler's own data.
  const addresses = Array.from({ length: count }, (_, index) => PAGE + index * stride);
  return {
    kernels: instance.exports as Kernels,
    bytes: new Uint8Array(memory.buffer),
    view: new DataView(memory.buffer),
    addresses,
  };
}
