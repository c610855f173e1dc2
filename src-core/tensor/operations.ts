/**
 * Operations on views, named and meant as in PyTorch. None reads a byte. Arguments that cannot work are faults of the
 * caller and throw a RangeError; whoever takes sizes from files checks them first and says which file is at fault.
 */
import { isSameView, makeView, type Region, type View } from './view.ts';

/** The part `[start, start + length)` along `axis`. */
export function narrow(view: View, axis: number, start: number, length: number): View {
  checkNotComputed(view);
  const total = sizeAlong(view, axis);
  if (!Number.isInteger(start) || !Number.isInteger(length) || start < 0 || length < 0 || start + length > total) {
    throw new RangeError(`narrow(axis ${axis}, ${start}, ${length}) of a view of shape [${view.shape.join(', ')}]`);
  }
  if (start === 0 && length === total) return view;
  const regions: Region[] = [];
  for (const region of view.regions) {
    const begin = Math.max(region.at[axis]!, start);
    const end = Math.min(region.at[axis]! + region.size[axis]!, start + length);
    if (begin >= end) continue;
    regions.push({
      source: region.source,
      from: replaced(region.from, axis, region.from[axis]! + begin - region.at[axis]!),
      at: replaced(region.at, axis, begin - start),
      size: replaced(region.size, axis, end - begin),
    });
  }
  return makeView(view.dtype, replaced(view.shape, axis, length), regions);
}

/** Joins views along `axis`. They must agree in dtype and in every other axis. */
export function cat(views: readonly View[], axis: number): View {
  const first = views[0];
  if (!first) throw new RangeError('cat of no views');
  const regions: Region[] = [];
  let length = 0;
  for (const view of views) {
    checkNotComputed(view);
    const size = sizeAlong(view, axis);
    const agrees = view.dtype === first.dtype && view.shape.every((n, k) => k === axis || n === first.shape[k]);
    if (!agrees || view.shape.length !== first.shape.length) {
      throw new RangeError(
        `cat along axis ${axis} of ${first.dtype} [${first.shape.join(', ')}] and ${view.dtype} [${view.shape.join(', ')}]`,
      );
    }
    for (const region of view.regions) {
      regions.push({ ...region, at: replaced(region.at, axis, region.at[axis]! + length) });
    }
    length += size;
  }
  return makeView(first.dtype, replaced(first.shape, axis, length), regions);
}

/** Cuts a view along `axis` into parts of the given sizes, which must add up to the whole (torch.split with a list). */
export function split(view: View, sizes: readonly number[], axis: number): View[] {
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (total !== sizeAlong(view, axis)) {
    throw new RangeError(`split of axis ${axis} of [${view.shape.join(', ')}] into ${sizes.join(' + ')}`);
  }
  let start = 0;
  return sizes.map((size) => {
    const part = narrow(view, axis, start, size);
    start += size;
    return part;
  });
}

/** Cuts a view along `axis` into `count` equal parts; the axis must be divisible (unlike torch.chunk, which rounds up). */
export function chunk(view: View, count: number, axis: number): View[] {
  const size = sizeAlong(view, axis) / count;
  if (!Number.isInteger(size))
    throw new RangeError(`chunk of axis ${axis} of [${view.shape.join(', ')}] into ${count}`);
  return split(view, new Array<number>(count).fill(size), axis);
}

/**
 * Takes blocks of `block` neighbours along `axis`, in the order of `indices` (tensor.view(-1, block, …)[indices]): how
 * whole attention heads are reordered.
 */
export function gatherBlocks(view: View, axis: number, block: number, indices: readonly number[]): View {
  return cat(
    indices.map((index) => narrow(view, axis, index * block, block)),
    axis,
  );
}

/** The view `times` times behind itself along `axis` (tensor.repeat). */
export function repeat(view: View, axis: number, times: number): View {
  return cat(new Array<View>(times).fill(view), axis);
}

/**
 * The element-wise mean, as `torch.stack(views).mean(0)` computes it. Views that are the same boxes of the same stored tensors
 * have themselves as their mean. They must agree in dtype and shape.
 */
export function mean(views: readonly View[]): View {
  const first = views[0];
  if (!first) throw new RangeError('mean of no views');
  for (const view of views) {
    checkNotComputed(view);
    if (view.dtype !== first.dtype || view.shape.join() !== first.shape.join()) {
      throw new RangeError(
        `mean of ${first.dtype} [${first.shape.join(', ')}] and ${view.dtype} [${view.shape.join(', ')}]`,
      );
    }
  }
  if (views.every((view) => isSameView(view, first))) return first;
  return Object.freeze({ ...first, meanOf: Object.freeze([...views]) });
}

function checkNotComputed(view: View): void {
  if (view.meanOf) throw new RangeError('a mean can only be the last step');
}

function sizeAlong(view: View, axis: number): number {
  const size = view.shape[axis];
  if (size === undefined) throw new RangeError(`axis ${axis} of a view of shape [${view.shape.join(', ')}]`);
  return size;
}

function replaced(values: readonly number[], index: number, value: number): number[] {
  const copy = [...values];
  copy[index] = value;
  return copy;
}
