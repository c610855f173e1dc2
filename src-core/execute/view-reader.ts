import { ShardloomError } from '../errors.ts';
import { PlanBuilder } from '../plan/plan-builder.ts';
import type { PlanOperand } from '../plan/plan.ts';
import { dtypeBytes } from '../tensor/dtype.ts';
import { elementCount } from '../tensor/shape.ts';
import type { View } from '../tensor/view.ts';
import { Assembler } from './assemble.ts';
import { bandsOf, type Box } from './bands.ts';
import { createKernelMemory, type KernelMemory } from './kernels.ts';
import { SourceFiles } from './source-files.ts';
import { formatBytes } from '../units.ts';

/** A band of a view in memory: elements in C order at `address`. Overwritten by the next one. */
export interface ReadBand extends Box {
  readonly address: number;
  readonly elements: number;
  readonly bytes: number;
}

/** Buffers of a reader: the band, and what is read around it. Callers may ask for more. */
const BUFFERS = 2;

/** Reads views band by band, in the calling thread, through the same code that copies. Close it afterwards. */
export class ViewReader {
  readonly memory: KernelMemory;
  readonly #contents: ReadonlyMap<View, PlanOperand>;
  readonly #files = new SourceFiles();
  readonly #assembler: Assembler;
  readonly #bandBytes: number;

  /**
   * @param bandBytes bytes that are read at a time
   * @param extraBuffers more buffers of that size in the same memory, from address index 2 on
   */
  constructor(views: readonly View[], bandBytes: number, extraBuffers = 0) {
    this.#bandBytes = bandBytes;
    this.memory = createKernelMemory(BUFFERS + extraBuffers, bandBytes);
    const inputs = new PlanBuilder();
    this.#contents = new Map(views.map((view) => [view, inputs.operand(view)]));
    this.#assembler = new Assembler(this.memory, this.#files, inputs, this.memory.addresses[1]!, bandBytes);
  }

  /** A view from its first to its last element. */
  *bands(view: View): Generator<ReadBand> {
    const elements = Math.max(1, Math.floor(this.#bandBytes / dtypeBytes(view.dtype)));
    for (const box of bandsOf(view.shape, elements)) yield this.read(view, box);
  }

  /** One box of a view, which must fit the band. */
  read(view: View, { at, size }: Box): ReadBand {
    const address = this.memory.addresses[0]!;
    const elements = elementCount(size);
    const bytes = elements * dtypeBytes(view.dtype);
    if (bytes > this.#bandBytes) throw new RangeError(`${bytes} bytes do not fit a band of ${this.#bandBytes}`);
    this.#assembler.fill(this.#contents.get(view)!, view.dtype, { at, size }, address);
    return { at, size, address, elements, bytes };
  }

  close(): void {
    this.#files.close();
  }
}

/** What a caller that holds a whole tensor in memory may ask for at once. */
const MAX_READ_BYTES = 64 * 1024 * 1024;

/** The elements of views in C order, little endian: for looking at small parts. */
export function readViews(views: readonly View[]): Uint8Array[] {
  const largest = Math.max(0, ...views.map((view) => elementCount(view.shape) * dtypeBytes(view.dtype)));
  if (largest > MAX_READ_BYTES) {
    throw new ShardloomError({
      tag: 'over-limit',
      what: 'More was asked for at once than is read into memory.',
      found: formatBytes(largest),
      expected: `at most ${formatBytes(MAX_READ_BYTES)}`,
    });
  }
  const reader = new ViewReader(views, Math.max(largest, 64));
  try {
    return views.map((view) => {
      const { address, bytes } = reader.read(view, { at: view.shape.map(() => 0), size: view.shape });
      return reader.memory.bytes.slice(address, address + bytes);
    });
  } finally {
    reader.close();
  }
}
