import type { OriginalWeight, Transformation } from '../specs/spec.ts';
import { dtypeBytes, type DType } from '../tensor/dtype.ts';
import { elementCount, type Shape } from '../tensor/shape.ts';
import { sourcesOf, type View } from '../tensor/view.ts';
import type { PartName } from '../plan/part-name.ts';
import type { CheckpointPart } from './parts.ts';

/** One row of the mapping table: an original parameter and what it is made from. */
export interface ParameterRow {
  readonly part: PartName;
  /** In the original model. */
  readonly name: string;
  readonly shape: Shape;
  readonly dtype: DType;
  readonly bytes: number;
  /** Pipeline rank of the stage that it is taken from. */
  readonly stage: number;
  /** Saved names of the Neuron parameters it comes from. */
  readonly from: readonly string[];
  readonly transformation: Transformation;
  /** The class of the spec that made it, null where none was needed. */
  readonly spec: string | null;
  /** The axis along which the ranks' parts are joined; null where one rank's tensor is taken as it is. */
  readonly dim: number | null;
  /** TP ranks that it is read from. */
  readonly ranks: number;
  /** Copies elsewhere in the checkpoint that must equal it. */
  readonly copies: number;
}

/** The mapping table of a checkpoint: parts in their order, parameters in the order in which the Neuron model saved them. */
export function parameterRows(parts: readonly CheckpointPart[]): ParameterRow[] {
  return parts.flatMap((part) => {
    const order = savedOrder(part);
    const place = ({ from }: OriginalWeight): number => order.get(from[0] ?? '') ?? Infinity;
    const weights = [...(part.weights ?? [])].sort(([, a], [, b]) => order.size && comparePlaces(place(a), place(b)));
    return weights.map(([name, weight]) => parameterRow(part.name, name, weight));
  });
}

/** The row of one original parameter. */
export function parameterRow(part: PartName, name: string, weight: OriginalWeight): ParameterRow {
  const { view, from, transformation, copies, by } = weight;
  const sources = sourcesOf(view);
  return {
    part,
    name,
    shape: view.shape,
    dtype: view.dtype,
    bytes: elementCount(view.shape) * dtypeBytes(view.dtype),
    stage: sources[0]?.rank?.pp ?? 0,
    from,
    transformation,
    spec: by?.spec.name ?? null,
    dim: joinedDim(view),
    ranks: new Set(sources.map(({ rank }) => rank?.tp ?? 0)).size,
    copies: copies.length,
  };
}

/** The first axis along which different ranks' tensors follow each other, or null. */
export function joinedDim({ shape, regions }: View): number | null {
  const first = regions[0];
  if (!first || regions.every(({ source }) => source === first.source)) return null;
  const dim = shape.findIndex((_, axis) => regions.some(({ at }) => at[axis] !== first.at[axis]));
  return dim < 0 ? null : dim;
}

/** Saved names in the order of the stages and of the tensors in them, which is the order of the model's modules. */
function savedOrder({ state }: CheckpointPart): Map<string, number> {
  const order = new Map<string, number>();
  for (const { tensors } of state.stages) {
    for (const name of tensors.keys()) if (!order.has(name)) order.set(name, order.size);
  }
  return order;
}

/** Both may be infinite, whose difference is not a number. */
function comparePlaces(a: number, b: number): number {
  return a === b ? 0 : a - b;
}
