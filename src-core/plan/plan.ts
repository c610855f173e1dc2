import type { ArchiveLayout } from '../formats/torch/index.ts';
import { dtypeBytes, type DType } from '../tensor/dtype.ts';
import type { Shape } from '../tensor/shape.ts';
import type { Rank } from '../tensor/stored.ts';
import type { Transformation } from '../specs/spec.ts';

/**
 * What a run will do, as plain data: it can be printed, compared with an earlier one, sent to worker threads, and is
 * checked as a whole before any byte moves. Files and stored tensors are listed once; everything else refers to them by
 * index.
 */
export interface Plan {
  /** Files that are read. */
  readonly files: readonly PlanSourceFile[];
  /** Stored tensors that are read. */
  readonly sources: readonly PlanSource[];
  /** Files with tensors that are written, in the order of their names. */
  readonly outputs: readonly PlanOutput[];
  /** Small files written beside them (index, config). */
  readonly texts: readonly PlanText[];
  /** Files copied as they are (tokenizer, chat template). */
  readonly sidecars: readonly PlanSidecar[];
}

export interface PlanSourceFile {
  readonly path: string;
  readonly size: number;
  /** When the file was last changed, in milliseconds: a file that changes while it is read must be noticed. */
  readonly mtimeMs: number;
}

/** A stored tensor, as {@link StoredTensor} with its file as an index. Offsets in bytes, strides in elements. */
export interface PlanSource {
  readonly name: string;
  readonly file: number;
  readonly byteOffset: number;
  readonly dtype: DType;
  readonly shape: Shape;
  readonly strides: readonly number[];
  readonly rank?: Rank;
}

/** The box at `from` of a source fills the box at `at`, both of size `size`, in elements. */
export interface PlanRegion {
  readonly source: number;
  readonly from: readonly number[];
  readonly at: readonly number[];
  readonly size: readonly number[];
}

/** Where elements come from. */
export interface PlanContent {
  readonly regions: readonly PlanRegion[];
  /** Present where the elements are the mean of several contents, the first of which `regions` repeats. */
  readonly meanOf?: readonly (readonly PlanRegion[])[];
}

/** Bytes elsewhere in the checkpoint that must equal the tensor's. */
export interface PlanCopy extends PlanContent {
  readonly label: string;
  readonly mustAgree: boolean;
}

/** A stored matrix, whole. */
export interface PlanOperand extends PlanContent {
  readonly dtype: DType;
  readonly shape: Shape;
}

/** What is added to a tensor: see {@link WeightUpdate}. */
export interface PlanUpdate {
  readonly scale: number;
  readonly transposed: boolean;
  readonly a: PlanOperand;
  readonly b: PlanOperand;
}

export interface PlanTensor extends PlanContent {
  readonly name: string;
  /** As written. */
  readonly dtype: DType;
  /** As stored; elements are converted where it differs from `dtype`. */
  readonly sourceDtype: DType;
  readonly shape: Shape;
  /** Where its bytes begin in the output file. */
  readonly at: number;
  readonly byteLength: number;
  readonly copies: readonly PlanCopy[];
  readonly updates?: readonly PlanUpdate[];
  readonly transformation: Transformation;
  /** Saved names of the Neuron parameters it is made from. */
  readonly from: readonly string[];
}

/** Bytes that are known before copying: headers and the like. */
export interface PlanPiece {
  readonly at: number;
  readonly bytes: Uint8Array;
}

export type WeightsFormat = 'safetensors' | 'pytorch';

export interface PlanOutput {
  /** Path below the output folder, with `/`. */
  readonly path: string;
  readonly format: WeightsFormat;
  readonly size: number;
  readonly pieces: readonly PlanPiece[];
  readonly tensors: readonly PlanTensor[];
  /** Present where the file is a zip archive, whose last pieces need what was copied: see `plan/last-pieces.ts`. */
  readonly archive?: ArchiveLayout;
}

export interface PlanText {
  readonly path: string;
  readonly text: string;
}

export interface PlanSidecar {
  readonly from: string;
  readonly path: string;
}

/** One of several runs that write a plan together: `index` of `count`, counted from 1. */
export interface PartOf {
  readonly index: number;
  readonly count: number;
}

/** Bytes that the plan writes, the small files aside. */
export function plannedBytes(plan: Plan): number {
  return plan.outputs.reduce((sum, output) => sum + output.size, 0);
}

/** Bytes that the plan reads: those of the tensors and those of the copies they are compared with. */
export function plannedReads(plan: Plan): number {
  const tensors = plan.outputs.flatMap((output) => output.tensors);
  return tensors.reduce((sum, tensor) => sum + plannedTensorReads(tensor), 0);
}

/** Bytes that are read for one tensor, its copies included. */
export function plannedTensorReads(tensor: PlanTensor): number {
  const { byteLength, dtype, sourceDtype, copies } = tensor;
  const contents = [tensor, ...copies].reduce((sum, content) => sum + partsOfContent(content).length, 0);
  return (byteLength / dtypeBytes(dtype)) * dtypeBytes(sourceDtype) * contents;
}

/** What a content is read from: itself, or all that its mean is taken of. Each fills the tensor's shape. */
export function partsOfContent({ regions, meanOf }: PlanContent): readonly (readonly PlanRegion[])[] {
  return meanOf ?? [regions];
}
