import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { coversExactly } from '../../src-core/plan/validate.ts';
import { cat, chunk, gatherBlocks, mean, narrow, repeat, split } from '../../src-core/tensor/operations.ts';
import { contiguousStrides, elementCount } from '../../src-core/tensor/shape.ts';
import type { StoredTensor } from '../../src-core/tensor/stored.ts';
import { isSameView, viewOf, type View } from '../../src-core/tensor/view.ts';

/** A dense array that goes through the same operations in the plainest way: the checking twin of a view. */
interface Dense {
  readonly shape: readonly number[];
  /** "source:element" in C order. */
  readonly cells: readonly string[];
}

function stored(name: string, shape: readonly number[]): StoredTensor {
  return { name, file: name, byteOffset: 0, dtype: 'F32', shape, strides: contiguousStrides(shape) };
}

function denseOf(source: StoredTensor): Dense {
  return {
    shape: source.shape,
    cells: Array.from({ length: elementCount(source.shape) }, (_, i) => `${source.name}:${i}`),
  };
}

function positions(shape: readonly number[]): number[][] {
  if (shape.length === 0) return [[]];
  const [first, ...rest] = shape;
  const below = positions(rest);
  return Array.from({ length: first! }, (_, i) => below.map((position) => [i, ...position])).flat();
}

function at(dense: Dense, position: readonly number[]): string {
  const strides = contiguousStrides(dense.shape);
  return dense.cells[position.reduce((sum, p, axis) => sum + p * strides[axis]!, 0)]!;
}

function denseFrom(shape: readonly number[], cell: (position: number[]) => string): Dense {
  return { shape, cells: positions(shape).map(cell) };
}

function denseTake(dense: Dense, axis: number, indices: readonly number[]): Dense {
  const shape = dense.shape.map((size, k) => (k === axis ? indices.length : size));
  return denseFrom(shape, (p) =>
    at(
      dense,
      p.map((v, k) => (k === axis ? indices[v]! : v)),
    ),
  );
}

function denseCat(parts: readonly Dense[], axis: number): Dense {
  const from = parts.flatMap((part, index) => Array.from({ length: part.shape[axis]! }, (_, i) => [index, i] as const));
  const shape = parts[0]!.shape.map((size, k) => (k === axis ? from.length : size));
  return denseFrom(shape, (p) => {
    const [part, i] = from[p[axis]!]!;
    return at(
      parts[part]!,
      p.map((v, k) => (k === axis ? i : v)),
    );
  });
}

/** What a view says about every element, written down cell by cell. */
function cellsOf(view: View): Dense {
  const cells = new Map<string, string>();
  for (const region of view.regions) {
    for (const p of positions(region.size)) {
      const here = p.map((v, k) => v + region.at[k]!).join();
      const element = p.reduce((sum, v, k) => sum + (v + region.from[k]!) * region.source.strides[k]!, 0);
      if (cells.has(here)) throw new Error(`two sources for [${here}]`);
      cells.set(here, `${region.source.name}:${element}`);
    }
  }
  return denseFrom(view.shape, (p) => cells.get(p.join()) ?? 'nothing');
}

type Step = (pair: { view: View; dense: Dense }, pick: (n: number) => number) => { view: View; dense: Dense };

const range = (from: number, length: number): number[] => Array.from({ length }, (_, i) => from + i);

const STEPS: readonly Step[] = [
  ({ view, dense }, pick) => {
    const axis = pick(view.shape.length);
    const start = pick(view.shape[axis]! + 1);
    const length = pick(view.shape[axis]! - start + 1);
    return { view: narrow(view, axis, start, length), dense: denseTake(dense, axis, range(start, length)) };
  },
  ({ view, dense }, pick) => {
    const axis = pick(view.shape.length);
    const times = 1 + pick(3);
    return {
      view: repeat(view, axis, times),
      dense: denseCat(
        range(0, times).map(() => dense),
        axis,
      ),
    };
  },
  ({ view, dense }, pick) => {
    const axis = pick(view.shape.length);
    const size = view.shape[axis]!;
    const block = [3, 2, 1].find((n) => size % n === 0)!;
    const indices = range(0, 1 + pick(4)).map(() => (size === 0 ? 0 : pick(size / block)));
    if (size === 0) return { view, dense };
    return {
      view: gatherBlocks(view, axis, block, indices),
      dense: denseTake(
        dense,
        axis,
        indices.flatMap((i) => range(i * block, block)),
      ),
    };
  },
  ({ view, dense }, pick) => {
    const axis = pick(view.shape.length);
    const size = view.shape[axis]!;
    const first = pick(size + 1);
    const [a, b] = split(view, [first, size - first], axis);
    const denseParts = [denseTake(dense, axis, range(first, size - first)), denseTake(dense, axis, range(0, first))];
    return { view: cat([b!, a!], axis), dense: denseCat(denseParts, axis) };
  },
];

describe('views', () => {
  test('any chain of operations gives what a dense array gives', () => {
    const shapes = fc.array(fc.integer({ min: 0, max: 6 }), { minLength: 1, maxLength: 3 });
    const choices = fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 20, maxLength: 20 });
    fc.assert(
      fc.property(shapes, choices, fc.integer({ min: 1, max: 5 }), (shape, numbers, length) => {
        let next = 0;
        const pick = (n: number): number => numbers[next++ % numbers.length]! % Math.max(1, n);
        const [a, b] = [stored('a', shape), stored('b', shape)];
        const axis = pick(shape.length);
        let pair = { view: cat([viewOf(a), viewOf(b)], axis), dense: denseCat([denseOf(a), denseOf(b)], axis) };
        for (let i = 0; i < length; i++) {
          pair = STEPS[pick(STEPS.length)]!(pair, pick);
          if (elementCount(pair.view.shape) > 2000) break;
        }
        expect(pair.view.shape).toEqual(pair.dense.shape);
        expect(cellsOf(pair.view).cells).toEqual(pair.dense.cells);
        expect(coversExactly(pair.view.shape, pair.view.regions)).toBe(true);
      }),
      { numRuns: 400 },
    );
  });

  test('are canonical: cutting and joining again gives one region', () => {
    const whole = viewOf(stored('a', [8, 6]));
    expect(cat(chunk(whole, 4, 0), 0)).toEqual(whole);
    expect(cat(chunk(whole, 3, 1), 1)).toEqual(whole);
    expect(gatherBlocks(whole, 0, 2, [0, 1, 2, 3])).toEqual(whole);
    expect(gatherBlocks(whole, 0, 2, [1, 0, 2, 3]).regions).toHaveLength(3);
  });

  test('a scalar is one region without axes', () => {
    const view = viewOf(stored('s', []));
    expect(view.regions).toHaveLength(1);
    expect(coversExactly([], view.regions)).toBe(true);
  });

  test('an empty tensor has no regions', () => {
    expect(viewOf(stored('e', [0, 4])).regions).toEqual([]);
    expect(coversExactly([0, 4], [])).toBe(true);
  });

  test('arguments that cannot work are refused', () => {
    const view = viewOf(stored('a', [4, 4]));
    expect(() => narrow(view, 0, 3, 2)).toThrow(RangeError);
    expect(() => narrow(view, 2, 0, 1)).toThrow(RangeError);
    expect(() => narrow(view, 0, 0.5, 1)).toThrow(RangeError);
    expect(() => split(view, [1, 2], 0)).toThrow(RangeError);
    expect(() => chunk(view, 3, 0)).toThrow(RangeError);
    expect(() => cat([view, viewOf(stored('b', [4, 3]))], 0)).toThrow(RangeError);
    expect(() => cat([], 0)).toThrow(RangeError);
  });

  test('are frozen', () => {
    const view = viewOf(stored('a', [2]));
    expect(Object.isFrozen(view) && Object.isFrozen(view.regions) && Object.isFrozen(view.shape)).toBe(true);
  });
});

describe('coverage', () => {
  const box = (from: number[], size: number[]): { at: number[]; size: number[] } => ({ at: from, size });

  test('a gap, an overlap, and a gap that an overlap makes up for in volume are seen', () => {
    expect(coversExactly([4, 4], [box([0, 0], [4, 2]), box([0, 2], [4, 2])])).toBe(true);
    expect(coversExactly([4, 4], [box([0, 0], [4, 2]), box([0, 3], [4, 1])])).toBe(false);
    expect(coversExactly([4, 4], [box([0, 0], [4, 2]), box([0, 1], [4, 3])])).toBe(false);
    expect(coversExactly([4, 4], [box([0, 0], [4, 2]), box([0, 1], [4, 2])])).toBe(false);
    expect(coversExactly([], [])).toBe(false);
    expect(coversExactly([], [box([], []), box([], [])])).toBe(false);
  });
});

describe('mean', () => {
  const [a, b] = [viewOf(stored('a', [4, 2])), viewOf(stored('b', [4, 2]))];

  test('of the same boxes of the same tensors is the view itself', () => {
    const again = cat([narrow(a, 0, 0, 1), narrow(a, 0, 1, 3)], 0);
    expect(mean([a, again, a])).toBe(a);
    expect(mean([a])).toBe(a);
  });

  test('of different tensors keeps all of them, and is the last step', () => {
    const both = mean([a, b]);
    expect(both.meanOf).toEqual([a, b]);
    expect(both.regions).toEqual(a.regions);
    expect(() => narrow(both, 0, 0, 1)).toThrow(RangeError);
    expect(() => cat([both, a], 0)).toThrow(RangeError);
    expect(() => mean([both, a])).toThrow(RangeError);
  });

  test('refuses views that differ in shape', () => {
    expect(() => mean([a, narrow(b, 0, 0, 2)])).toThrow(RangeError);
    expect(() => mean([])).toThrow(RangeError);
  });
});

test('views are the same by what they hold, however they were made', () => {
  const [a, b] = ['a', 'b'].map((name) => viewOf(stored(name, [4, 6])));
  expect(isSameView(cat(chunk(a!, 2, 1), 1), a!)).toBe(true);
  expect(isSameView(narrow(cat([b!, a!], 0), 0, 4, 4), a!)).toBe(true);
  expect(isSameView(a!, b!)).toBe(false);
  expect(isSameView(narrow(a!, 0, 0, 2), narrow(a!, 0, 2, 2))).toBe(false);
  const both = mean([a!, b!]);
  expect(isSameView(both, mean([cat(split(a!, [1, 3], 0), 0), b!]))).toBe(true);
  expect(isSameView(both, a!)).toBe(false);
  expect(isSameView(both, mean([a!, b!, b!]))).toBe(false);
});
