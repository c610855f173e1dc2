import { findOverlap, isInside } from '../bytes/range.ts';
import { ShardloomError } from '../errors.ts';
import { dtypeBytes, type DType } from '../tensor/dtype.ts';
import { elementCount, extent, isValidShape, type Shape } from '../tensor/shape.ts';
import {
  partsOfContent,
  type Plan,
  type PlanOutput,
  type PlanRegion,
  type PlanTensor,
  type PlanUpdate,
} from './plan.ts';

/**
 * Proves a plan before any byte moves: every source lies inside its file, every element of every tensor (and of every copy
 * it is compared with) comes from exactly one place, and nothing in an output file is written twice or outside it.
 * Throws `bad-plan`; a plan that fails is a fault of the program, never of the user.
 */
export function validatePlan(plan: Plan): void {
  checkSources(plan);
  const paths = new Set<string>();
  for (const path of [...plan.outputs, ...plan.texts, ...plan.sidecars].map((entry) => entry.path)) {
    if (paths.has(path)) throw badPlan('Two outputs have the same path.', path);
    if (!isSafePath(path)) throw badPlan('An output path leads out of the output folder.', path);
    paths.add(path);
  }
  for (const output of plan.outputs) {
    checkLayout(output);
    for (const tensor of output.tensors) checkTensor(plan, output, tensor);
  }
}

/** Names of adapters and tensors come from outside: a path made of them stays below the output folder. */
export function isSafePath(path: string): boolean {
  const segments = path.split('/');
  return segments.every((segment) => segment !== '' && segment !== '.' && segment !== '..' && !/[\\\0]/.test(segment));
}

function checkSources(plan: Plan): void {
  for (const source of plan.sources) {
    const file = plan.files[source.file];
    if (!file) throw badPlan('A source refers to a file that the plan does not list.', source.name);
    if (!isValidShape(source.shape) || source.strides.some((stride) => !Number.isSafeInteger(stride) || stride < 0)) {
      throw badPlan('A source has an impossible shape or stride.', source.name);
    }
    const bytes = extent(source.shape, source.strides) * dtypeBytes(source.dtype);
    if (!isInside(source.byteOffset, bytes, file.size)) {
      throw badPlan(`A source lies outside its file ${file.path}.`, source.name);
    }
  }
}

function checkLayout(output: PlanOutput): void {
  const ranges = [
    ...output.pieces.map(({ at, bytes }) => ({ from: at, to: at + bytes.byteLength })),
    ...output.tensors.map(({ at, byteLength }) => ({ from: at, to: at + byteLength })),
  ];
  for (const { from, to } of ranges) {
    if (!isInside(from, to - from, output.size)) throw badPlan('Something is written outside its file.', output.path);
  }
  if (findOverlap(ranges)) throw badPlan('Two things are written to the same place.', output.path);
  const names = new Set(output.tensors.map(({ name }) => name));
  if (names.size !== output.tensors.length) throw badPlan('A tensor is written twice.', output.path);
}

function checkTensor(plan: Plan, output: PlanOutput, tensor: PlanTensor): void {
  const where = `${output.path}: ${tensor.name}`;
  if (!isValidShape(tensor.shape)) throw badPlan('A tensor has an impossible shape.', where);
  if (tensor.byteLength !== elementCount(tensor.shape) * dtypeBytes(tensor.dtype)) {
    throw badPlan('A tensor has another length than its shape asks for.', where);
  }
  const kind = { dtype: tensor.sourceDtype, shape: tensor.shape };
  for (const regions of [tensor, ...tensor.copies].flatMap(partsOfContent)) checkCovered(plan, kind, regions, where);
  for (const update of tensor.updates ?? []) checkUpdate(plan, tensor, update, where);
}

function checkCovered(plan: Plan, kind: Kind, regions: readonly PlanRegion[], where: string): void {
  checkRegions(plan, kind, regions, where);
  if (!coversExactly(kind.shape, regions)) {
    throw badPlan('Not every element of a tensor comes from exactly one place.', where);
  }
}

/** The operands are whole, and their product has the shape of what it is added to. */
function checkUpdate(plan: Plan, tensor: PlanTensor, { transposed, a, b }: PlanUpdate, where: string): void {
  for (const operand of [a, b]) {
    for (const regions of partsOfContent(operand)) checkCovered(plan, operand, regions, where);
  }
  const product = transposed ? [a.shape[1], b.shape[0]] : [b.shape[0], a.shape[1]];
  const fits = a.shape.length === 2 && b.shape.length === 2 && a.shape[0] === b.shape[1];
  if (!fits || tensor.shape.join() !== product.join()) {
    throw badPlan('What is added to a tensor has another shape than the tensor.', where);
  }
}

interface Kind {
  readonly dtype: DType;
  readonly shape: Shape;
}

function checkRegions(plan: Plan, { dtype, shape }: Kind, regions: readonly PlanRegion[], where: string): void {
  const axes = shape.length;
  for (const region of regions) {
    const source = plan.sources[region.source];
    if (source?.dtype !== dtype || source.shape.length !== axes) {
      throw badPlan('A tensor is made from a source of another kind.', where);
    }
    for (let axis = 0; axis < axes; axis++) {
      const [from, at, size] = [region.from[axis]!, region.at[axis]!, region.size[axis]!];
      if (!isInside(from, size, source.shape[axis]!) || !isInside(at, size, shape[axis]!)) {
        throw badPlan('A region lies outside its source or its tensor.', where);
      }
    }
  }
}

/**
 * True if the regions' boxes fill `shape` without a gap and without an overlap. Inside the shape and free of overlaps, they
 * fill it exactly when their volumes add up.
 */
export function coversExactly(shape: Shape, regions: readonly Pick<PlanRegion, 'at' | 'size'>[]): boolean {
  const volume = regions.reduce((sum, region) => sum + elementCount(region.size), 0);
  return volume === elementCount(shape) && !anyOverlap(shape, regions);
}

/**
 * Sweeps along the axis on which most boxes begin apart, comparing each box only with those still open there: rows of
 * column-parallel parts never meet, and a handful of column blocks do.
 */
function anyOverlap(shape: Shape, regions: readonly Pick<PlanRegion, 'at' | 'size'>[]): boolean {
  if (regions.length < 2) return false;
  if (shape.length === 0) return true;
  const starts = shape.map((_, axis) => new Set(regions.map((region) => region.at[axis])).size);
  const axis = starts.indexOf(Math.max(...starts));
  const order = [...regions].sort((a, b) => a.at[axis]! - b.at[axis]!);
  let open: typeof order = [];
  for (const region of order) {
    open = open.filter((other) => other.at[axis]! + other.size[axis]! > region.at[axis]!);
    if (open.some((other) => boxesMeet(other, region))) return true;
    open.push(region);
  }
  return false;
}

function boxesMeet(a: Pick<PlanRegion, 'at' | 'size'>, b: Pick<PlanRegion, 'at' | 'size'>): boolean {
  return a.at.every((at, axis) => at < b.at[axis]! + b.size[axis]! && b.at[axis]! < at + a.size[axis]!);
}

function badPlan(what: string, tensor: string): ShardloomError {
  return new ShardloomError({
    tag: 'bad-plan',
    what: `The plan does not hold and was not run: ${what}`,
    tensor,
    advice: 'This is a fault of Shardloom. Please report it with the output of --dry-run --json.',
  });
}
