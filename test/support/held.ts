import fs from 'node:fs';
import { expect } from 'vitest';
import type { ShardedState } from '../../src-core/checkpoint/checkpoint.ts';
import type { ShardingOptions } from '../../src-core/plan/sharding.ts';
import { dtypeBytes } from '../../src-core/tensor/dtype.ts';
import { elementCount, extent } from '../../src-core/tensor/shape.ts';
import type { StoredTensor } from '../../src-core/tensor/stored.ts';
import { fixturePath } from './folders.ts';

/** Every tensor of every rank as text: name, kind and bytes, in the order in which the ranks hold them. */
export function held(state: ShardedState): string[] {
  return state.stages.flatMap(({ ppRank, tensors }) =>
    [...tensors].flatMap(([name, locals]) =>
      locals.map((local, tp) => {
        const { dtype, shape } = local;
        return `${ppRank} ${tp} ${name} ${dtype} ${shape.join('x')} ${bytesOf(local).toString('latin1')}`;
      }),
    ),
  );
}

/** The elements of a stored tensor in C order, whatever its strides. */
export function bytesOf({ file, byteOffset, dtype, shape, strides }: StoredTensor): Buffer {
  const size = dtypeBytes(dtype);
  const stored = Buffer.alloc(extent(shape, strides) * size);
  const fd = fs.openSync(file, 'r');
  fs.readSync(fd, stored, 0, stored.length, byteOffset);
  fs.closeSync(fd);
  const take = (axis: number, at: number): Buffer[] => {
    if (axis === shape.length) return [stored.subarray(at * size, (at + 1) * size)];
    return Array.from({ length: shape[axis]! }, (_, index) => take(axis + 1, at + index * strides[axis]!)).flat();
  };
  return Buffer.concat(elementCount(shape) === 0 ? [] : take(0, 0));
}

/** Both states' metadata says the same, module by module. */
export function expectSameMetadata(made: ShardedState, saved: ShardedState): void {
  made.stages.forEach(({ metadata }, index) => {
    const expected = saved.stages[index]!.metadata!;
    expect([...metadata!.parameters]).toEqual([...expected.parameters]);
    const withSpecs = (entries: readonly unknown[]): unknown[] =>
      entries.filter((entry) => !JSON.stringify(entry).includes('"specs":[]'));
    const axis = (entries: unknown): unknown => JSON.parse(JSON.stringify(entries).replaceAll('"column"', '0'));
    expect(axis(withSpecs(metadata!.transformationSpecs))).toEqual(axis(withSpecs(expected.transformationSpecs)));
  });
}

/** The sizes that a fixture's checkpoint was trained with. */
export function fixtureSizes(name: string): ShardingOptions {
  const sizes = JSON.parse(fs.readFileSync(fixturePath(name, 'case.json'), 'utf8')) as {
    tp: number;
    pp: number;
    kv_size_multiplier: number | null;
    fuse_qkv: boolean;
    use_xser?: boolean;
    xser?: boolean;
  };
  return {
    tensorParallelSize: sizes.tp,
    pipelineParallelSize: sizes.pp,
    fuseQkv: sizes.fuse_qkv,
    xser: sizes.use_xser ?? sizes.xser ?? false,
    ...(sizes.kv_size_multiplier !== null && { kvSizeMultiplier: sizes.kv_size_multiplier }),
  };
}
