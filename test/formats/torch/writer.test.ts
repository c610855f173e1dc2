import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import {
  finishTorchArchive,
  layoutTorchArchive,
  OrderedDict,
  readTorchFile,
  stateDictOf,
  tensorInfoOf,
  type TorchTensor,
  type WritableEntry,
  type WritableValue,
} from '../../../src-core/formats/torch/index.ts';
import { Pickler } from '../../../src-core/formats/torch/pickler.ts';
import { dtypeBytes, DTYPES, torchName, type DType } from '../../../src-core/tensor/dtype.ts';
import { elementCount } from '../../../src-core/tensor/shape.ts';
import { golden, read, SparseSource } from './support.ts';
import { rewrite, write } from './writing.ts';

const TORCH_DTYPES = DTYPES.filter((dtype) => torchName(dtype) !== null && dtype !== 'F4');

interface Big {
  readonly size: number;
  readonly fragments: readonly { readonly at: number; readonly bytes: string }[];
}

describe('what is written', () => {
  test('every element type is read again as it was', () => {
    const value = new Map(
      TORCH_DTYPES.map((dtype) => [dtype as string, { kind: 'tensor' as const, dtype, shape: [2, 3] }]),
    );
    const contents = new Map(
      TORCH_DTYPES.map((dtype, index) => [dtype as string, new Uint8Array(6 * dtypeBytes(dtype)).fill(index + 1)]),
    );
    const { bytes, layout } = write('root', value, contents);
    const tensors = stateDictOf(read(bytes), 'file.pt') as Map<string, TorchTensor>;
    expect([...tensors.keys()]).toEqual(TORCH_DTYPES);
    for (const [name, { dtype, shape, strides, byteOffset, storageBytes }] of tensors) {
      expect({ dtype, shape, strides }).toEqual({ dtype: name, shape: [2, 3], strides: [3, 1] });
      expect(Buffer.from(bytes.subarray(byteOffset, byteOffset + storageBytes))).toEqual(
        Buffer.from(contents.get(name)!),
      );
      expect(byteOffset % 64).toBe(0);
    }
    expect(layout.tensors.map(({ name }) => name)).toEqual(TORCH_DTYPES);
  });

  test('tensors are placed in the order of the value, whatever the order in the file', () => {
    const entries = Array.from(
      { length: 12 },
      (_, index) => [`w${index}`, { kind: 'tensor', dtype: 'F32', shape: [index + 1] }] as const,
    );
    const { tensors, members } = layoutTorchArchive('r', new Map(entries));
    expect(tensors.map(({ name, byteLength }) => [name, byteLength])).toEqual(
      entries.map(([name], index) => [name, 4 * (index + 1)]),
    );
    expect(members.map(({ name }) => name)).toEqual([
      'r/data.pkl',
      ...['0', '1', '10', '11', '2', '3', '4', '5', '6', '7', '8', '9'].map((key) => `r/data/${key}`),
      'r/version',
    ]);
  });

  test.each<[string, readonly number[]]>([
    ['a scalar', []],
    ['no elements', [0]],
    ['no elements in four axes', [2, 0, 3, 4]],
    ['one axis', [7]],
    ['four axes', [1, 2, 3, 2]],
    ['axes of more than 16 bits', [70_000, 1]],
  ])('a tensor of %s', (_, shape) => {
    const { bytes } = write('tensor_5', { kind: 'tensor', dtype: 'BF16', shape });
    expect(read(bytes)).toMatchObject({ kind: 'tensor', dtype: 'BF16', shape, storageBytes: 2 * elementCount(shape) });
  });

  test('references, and what is known of their tensors', () => {
    const references = new Map(
      [0, 1, 255, 256, 65_536, 2 ** 31, 2 ** 40].map((tid) => [`w${tid}`, { kind: 'tensor-reference' as const, tid }]),
    );
    expect(stateDictOf(read(write('r', references).bytes), 'file.pt')).toEqual(references);
    const entries = new Map([
      [0, { dtype: 'F32' as const, shape: [2, 3], expertModelParallel: true }],
      [300, { dtype: 'F8_E4M3' as const, shape: [], expertModelParallel: false }],
    ]);
    expect(tensorInfoOf(read(write('r', { kind: 'tensor-info', entries }).bytes), 'file.pt')).toEqual(entries);
  });

  test('a plain dict, or the OrderedDict of a state dict', () => {
    const entries = new Map<string, WritableEntry>([['a', { kind: 'tensor', dtype: 'F32', shape: [1] }]]);
    expect(read(write('r', entries).bytes)).toBeInstanceOf(OrderedDict);
    expect(read(write('r', { kind: 'dict', entries }).bytes)).not.toBeInstanceOf(OrderedDict);
  });

  test('names of any kind', () => {
    const names = ['größe 🜁', 'a\nb', '__proto__', 'x'.repeat(300), 'storage', 'cpu', '0'];
    const value = new Map(names.map((name) => [name, { kind: 'tensor' as const, dtype: 'I8' as const, shape: [1] }]));
    expect([...stateDictOf(read(write('r', value).bytes), 'file.pt').keys()]).toEqual(names);
  });

  test('what cannot be is refused before anything is written', () => {
    const tensor = (dtype: DType, shape: readonly number[] = [2]): WritableValue => ({ kind: 'tensor', dtype, shape });
    expect(() => layoutTorchArchive('r', tensor('F6_E2M3'))).toThrow(RangeError);
    expect(() => layoutTorchArchive('r', tensor('F4'))).toThrow(RangeError);
    expect(() => layoutTorchArchive('r', tensor('F32', [2 ** 52]))).toThrow(RangeError);
    expect(() => layoutTorchArchive('', tensor('F32'))).toThrow(RangeError);
    expect(() => layoutTorchArchive('a/b', tensor('F32'))).toThrow(RangeError);
    expect(() => finishTorchArchive(layoutTorchArchive('r', tensor('F32')), [])).toThrow(RangeError);
  });

  test('a layout survives being sent to another thread', () => {
    const layout = layoutTorchArchive('r', new Map([['a', { kind: 'tensor', dtype: 'F32', shape: [3] }]]));
    expect(finishTorchArchive(structuredClone(layout), [7])).toEqual(finishTorchArchive(layout, [7]));
  });

  test('70,000 members, which the short end record cannot count', () => {
    const value = new Map(
      Array.from({ length: 70_000 }, (_, index) => [`${index}`, { kind: 'tensor', dtype: 'U8', shape: [0] }] as const),
    );
    expect(stateDictOf(read(write('r', value).bytes), 'file.pt').size).toBe(70_000);
  });
});

describe('the very bytes of torch.save', () => {
  test('a state dict of every element type', () => {
    const file = golden('dtypes.pt');
    expect(Buffer.from(rewrite(file, 'dtypes')).equals(file)).toBe(true);
  });

  test('an archive above 4 GiB, read and written', () => {
    const { size, fragments } = JSON.parse(golden('big.json').toString()) as Big;
    const pieces = fragments.map(({ at, bytes }) => ({ at, bytes: Buffer.from(bytes, 'hex') }));
    const source = new SparseSource(size, pieces);
    const tensors = stateDictOf(readTorchFile(source), 'big.pt') as Map<string, TorchTensor>;
    expect([...tensors].map(([name, { shape, byteOffset }]) => [name, shape, byteOffset])).toEqual([
      ['big', [2 ** 32 + 100], 576],
      ['behind', [3], 4_294_968_064],
      ['empty', [0], 4_294_968_192],
      ['scalar', [], 4_294_968_256],
    ]);
    const value = new Map(
      [...tensors].map(([name, { dtype, shape }]) => [name, { kind: 'tensor' as const, dtype, shape }]),
    );
    const layout = layoutTorchArchive('big', value);
    expect(layout.size).toBe(size);
    expect(layout.tensors.map(({ at }) => at)).toEqual([...tensors.values()].map(({ byteOffset }) => byteOffset));
    // The checksum of 2^32 + 100 zeros stands in the file; the others are computed.
    const behind = pieces[1]!;
    const small = [...tensors.values()].slice(1).map(({ byteOffset, storageBytes }) => {
      const at = byteOffset - behind.at;
      return { at: byteOffset, bytes: behind.bytes.subarray(at, at + storageBytes) };
    });
    const crcs = [behind.bytes.readUInt32LE(4), ...small.map(({ bytes }) => crc32(bytes))];
    const written = new SparseSource(size, [...layout.pieces, ...finishTorchArchive(layout, crcs), ...small]);
    for (const { at, bytes } of pieces) {
      const found = Buffer.alloc(bytes.length);
      written.read(found, at);
      expect(found.toString('hex')).toBe(bytes.toString('hex'));
    }
  });

  const { batches } = JSON.parse(golden('expected.json').toString()) as { batches: Record<string, string> };
  test.each(Object.entries(batches))('dicts of %s entries are split as Python does', (count, digest) => {
    const entries = Array.from({ length: Number(count) }, (_, index) => index);
    const pickler = new Pickler();
    const entry = (index: number): void => {
      pickler.integer(index);
      pickler.integer(index * 1_000_003);
    };
    pickler.emptyDict();
    pickler.dictEntries(entries, entry);
    pickler.global('collections', 'OrderedDict');
    pickler.tuple(0);
    pickler.reduce();
    pickler.iteratedEntries(entries, entry);
    pickler.tuple(2);
    expect(createHash('sha256').update(pickler.finish()).digest('hex')).toBe(digest);
  });
});
