import fs from 'node:fs';
import zlib from 'node:zlib';
import { writeAt } from '../bytes/sink.ts';
import { ShardloomError } from '../errors.ts';
import { DEFAULT_BAND_BYTES, MAX_BAND_BYTES, MIN_BAND_BYTES } from '../limits.ts';
import {
  partsOfContent,
  type PlanOperand,
  type PlanSource,
  type PlanSourceFile,
  type PlanTensor,
} from '../plan/plan.ts';
import { dtypeBytes } from '../tensor/dtype.ts';
import { elementCount } from '../tensor/shape.ts';
import { Assembler } from './assemble.ts';
import { bandsOf, type Box } from './bands.ts';
import { addDifferences, compareBands, type Difference } from './compare.ts';
import { RunControl } from './control.ts';
import { conversionIn } from './convert.ts';
import type { Digest, DigestName } from './digest.ts';
import { createConvertingMemory } from './kernels.ts';
import { isWritten } from './kept.ts';
import { LowRankUpdate } from './low-rank.ts';
import { countNonFinite } from './non-finite.ts';
import { SourceFiles } from './source-files.ts';

/** How tensors are copied: the same for all tasks of a run. */
export interface CopySettings {
  readonly bandBytes: number;
  /** Null: no digest, and no search for NaN and Inf. */
  readonly digest: DigestName | null;
  /** CRC-32 of each tensor's bytes, which zip archives ask for. */
  readonly crc32: boolean;
  /** Shared with the main thread: see {@link RunControl}. */
  readonly control: SharedArrayBuffer;
}

/** Settings of a new run, with a control buffer of its own. */
export function copySettings(bandBytes: number | undefined, digest: DigestName | null, crc32: boolean): CopySettings {
  return {
    bandBytes: Math.min(MAX_BAND_BYTES, Math.max(MIN_BAND_BYTES, bandBytes ?? DEFAULT_BAND_BYTES)),
    digest,
    crc32,
    control: new RunControl().buffer,
  };
}

/**
 * Tensors of one output file, to be copied one after the other. Complete in itself, so that threads can be started before
 * there is a plan: regions refer to the task's own sources, and these to its own files.
 */
export interface CopyTask {
  readonly kind: 'copy';
  /** Null: nothing is written, and tensors are only compared with their copies. */
  readonly output: TaskOutput | null;
  readonly tensors: readonly PlanTensor[];
  readonly sources: readonly PlanSource[];
  /** The number that each source has in the run as a whole: what is found is told by these. */
  readonly sourceNumbers: readonly number[];
  readonly files: readonly PlanSourceFile[];
  readonly settings: CopySettings;
}

/** Where a task writes. */
export interface TaskOutput {
  /** As the plan names it. */
  readonly path: string;
  /** Where it stands meanwhile. It exists at its full length. */
  readonly file: string;
  /** Tensors of the task that an earlier run says to have written there. */
  readonly known: readonly CopiedTensor[];
}

/** What was seen while a tensor was copied. */
export interface CopiedTensor {
  readonly name: string;
  /** Of the bytes that were written; empty where none was asked for. */
  readonly digest: string;
  readonly crc32: number;
  readonly nan: number;
  readonly inf: number;
  /** Elements that were finite and no longer are after conversion to the output dtype, or after what was added to them. */
  readonly overflowed: number;
  /** Elements of a mean whose terms were not all equal: there something of each was lost. */
  readonly averaged: number;
  /** By index into the tensor's copies: where that copy differs. Copies that are equal are not listed. */
  readonly differences: readonly { readonly copy: number; readonly where: readonly Difference[] }[];
  /** An earlier run has written it: its bytes were read and found to be those, the rest is what that run saw. */
  readonly isKept?: true;
}

/** Buffers: the band, what is read around it, and the band of a copy or the converted band. */
const BUFFERS = 3;

const NOTHING = { nan: 0, inf: 0 };

/** The widest element, which a conversion may turn a narrower one into. */
const WIDEST_ELEMENT_BYTES = 8;

/** Copies tensors band by band. One per thread; its memory does not depend on what is copied. */
export class TensorCopier {
  readonly #makeDigest: (name: DigestName) => Digest;
  readonly #memory: ReturnType<typeof createConvertingMemory>;
  readonly #bandBytes: number;
  readonly #files = new SourceFiles();

  constructor(bandBytes: number, makeDigest: (name: DigestName) => Digest) {
    this.#bandBytes = bandBytes;
    this.#makeDigest = makeDigest;
    this.#memory = createConvertingMemory(BUFFERS, bandBytes);
  }

  /** Copies the task's tensors into the output file; those that are there already are only read and digested. */
  run(task: CopyTask): CopiedTensor[] {
    const { output } = task;
    const scratch = this.#memory.addresses[1]!;
    const assembler = new Assembler(this.#memory, this.#files, task, scratch, this.#bandBytes);
    const known = new Map(output?.known.map((tensor) => [tensor.name, tensor]));
    let fd: number | null = null;
    try {
      if (output !== null) fd = fs.openSync(output.file, 'r+');
      return task.tensors.map((tensor) => {
        const before = known.get(tensor.name);
        if (fd !== null && before && this.#isThere(tensor, before, fd, task.settings))
          return { ...before, isKept: true };
        return this.#copy(tensor, fd, assembler, task);
      });
    } catch (error) {
      throw output === null ? error : asWriteError(error, output.file);
    } finally {
      if (fd !== null) fs.closeSync(fd);
    }
  }

  close(): void {
    this.#files.close();
  }

  #isThere(tensor: PlanTensor, before: CopiedTensor, fd: number, settings: CopySettings): boolean {
    const [address] = this.#memory.addresses as [number];
    const buffer = this.#memory.bytes.subarray(address, address + this.#bandBytes);
    return isWritten(tensor, before, fd, { settings, buffer, makeDigest: this.#makeDigest });
  }

  #copy(tensor: PlanTensor, fd: number | null, assembler: Assembler, task: CopyTask): CopiedTensor {
    const { settings, sourceNumbers } = task;
    const [taken, , other] = this.#memory.addresses as [number, number, number];
    const convert = this.#conversion(tensor, assembler);
    const control = new RunControl(settings.control);
    const digest = settings.digest && this.#makeDigest(settings.digest);
    const found = { nan: 0, inf: 0, overflowed: 0, averaged: 0, crc32: 0 };
    const differences = tensor.copies.map(() => new Map<number, Difference>());
    const contents = [tensor, ...tensor.copies].flatMap(partsOfContent).length;
    let at = tensor.at;
    // A conversion may widen elements up to the widest, and both bands must fit their buffers.
    const bandElements = this.#bandBytes / (convert ? WIDEST_ELEMENT_BYTES : dtypeBytes(tensor.sourceDtype));
    for (const band of bandsOf(tensor.shape, Math.max(1, Math.floor(bandElements)))) {
      control.check();
      const count = elementCount(band.size);
      found.averaged += assembler.fill(tensor, tensor.sourceDtype, band, taken).averaged;
      const sourceLength = count * dtypeBytes(tensor.sourceDtype);
      const before = digest ? countNonFinite(this.#memory, taken, sourceLength, tensor.sourceDtype) : NOTHING;
      found.nan += before.nan;
      found.inf += before.inf;
      this.#compareCopies(tensor, band, assembler, differences);
      control.add(sourceLength * contents);
      const address = convert ? other : taken;
      const byteLength = count * dtypeBytes(tensor.dtype);
      if (convert) {
        convert(band);
        found.overflowed += countNonFinite(this.#memory, other, byteLength, tensor.dtype).inf - before.inf;
      }
      const bytes = this.#memory.bytes.subarray(address, address + byteLength);
      digest?.update(bytes);
      if (fd === null) continue;
      if (settings.crc32) found.crc32 = zlib.crc32(bytes, found.crc32);
      writeAt(fd, bytes, at);
      at += byteLength;
    }
    return {
      name: tensor.name,
      digest: digest?.finish() ?? '',
      ...found,
      differences: differences.flatMap((where, copy) => {
        const told = [...where.values()].map((one) => ({ ...one, source: sourceNumbers[one.source]! }));
        return told.length > 0 ? [{ copy, where: told }] : [];
      }),
    };
  }

  /** What makes the band to be written, from the one that was taken; null where they are the same. */
  #conversion(tensor: PlanTensor, assembler: Assembler): ((band: Box) => void) | null {
    const [taken, , other] = this.#memory.addresses as [number, number, number];
    if (tensor.updates && tensor.updates.length > 0) {
      const update = new LowRankUpdate(tensor, tensor.updates, (operand) => this.#whole(operand, assembler));
      return (band) => update.add(this.#memory.bytes, taken, other, band);
    }
    if (tensor.dtype === tensor.sourceDtype) return null;
    const convert = conversionIn(this.#memory, tensor.sourceDtype, tensor.dtype);
    return ({ size }) => {
      convert(taken, other, elementCount(size));
    };
  }

  /** All of a small matrix, in memory. */
  #whole(operand: PlanOperand, assembler: Assembler): Uint8Array {
    const [taken] = this.#memory.addresses as [number];
    const element = dtypeBytes(operand.dtype);
    const bytes = new Uint8Array(elementCount(operand.shape) * element);
    let at = 0;
    for (const band of bandsOf(operand.shape, Math.floor(this.#bandBytes / element))) {
      const length = elementCount(band.size) * element;
      assembler.fill(operand, operand.dtype, band, taken);
      bytes.set(this.#memory.bytes.subarray(taken, taken + length), at);
      at += length;
    }
    return bytes;
  }

  #compareCopies(
    tensor: PlanTensor,
    band: Box,
    assembler: Assembler,
    differences: readonly Map<number, Difference>[],
  ): void {
    const [taken, , other] = this.#memory.addresses as [number, number, number];
    tensor.copies.forEach((copy, index) => {
      const { pieces } = assembler.fill(copy, tensor.sourceDtype, band, other);
      const found = compareBands(this.#memory, taken, other, band.size, tensor.sourceDtype, pieces);
      addDifferences(differences[index]!, found);
    });
  }
}

/** An operating system's error while writing, in our terms. */
export function asWriteError(error: unknown, file: string): unknown {
  if (error instanceof ShardloomError) return error;
  const code = (error as NodeJS.ErrnoException).code;
  if (code === undefined) return error;
  const full = code === 'ENOSPC' || code === 'EDQUOT';
  return new ShardloomError(
    {
      tag: full ? 'no-space' : 'write-failed',
      what: full ? 'The disk is full.' : 'The output could not be written.',
      file,
      found: (error as Error).message,
      advice: full
        ? 'Free some space, or choose an output folder on another disk.'
        : 'Check the folder, then try again.',
    },
    { cause: error },
  );
}
