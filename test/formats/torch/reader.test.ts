import { describe, expect, test } from 'vitest';
import {
  isDict,
  isTensor,
  readTorchFile,
  type PickleValue,
  type TorchTensor,
} from '../../../src-core/formats/torch/index.ts';
import { dtypeBytes, dtypeFromTorchName } from '../../../src-core/tensor/dtype.ts';
import {
  archive,
  golden,
  global,
  integer,
  opcodes,
  pickle,
  read,
  refusal,
  SparseSource,
  storage,
  tensor,
  tuple,
  zip,
  type TensorParts,
} from './support.ts';

interface ExpectedTensor {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly stride: readonly number[];
  readonly bytes: string;
}

const expected = (
  JSON.parse(golden('expected.json').toString()) as { files: Record<string, Record<string, ExpectedTensor>> }
).files;

/** A tensor's elements in C order, taken one by one. */
function elements(file: Uint8Array, { dtype, shape, strides, byteOffset }: TorchTensor): string {
  const size = dtypeBytes(dtype);
  const take = (axis: number, at: number): string => {
    if (axis === shape.length) return Buffer.from(file.subarray(at, at + size)).toString('hex');
    return Array.from({ length: shape[axis]! }, (_, index) => take(axis + 1, at + index * strides[axis]! * size)).join(
      '',
    );
  };
  return take(0, byteOffset);
}

function entries(value: PickleValue | undefined): Map<string, TorchTensor> {
  if (!isDict(value)) throw new Error('not a dict');
  return new Map([...value].filter((entry): entry is [string, TorchTensor] => isTensor(entry[1])));
}

/** One tensor over one storage of four float32. */
function readTensor(parts: Partial<TensorParts>, data: Uint8Array = new Uint8Array(16)): TorchTensor {
  const value = read(archive(pickle(tensor({ size: [4], stride: [1], ...parts })), { '0': data }));
  if (!isTensor(value)) throw new Error('not a tensor');
  return value;
}

describe('files that PyTorch wrote', () => {
  test.each(['dtypes.pt', 'views.pt', 'views-legacy.pt', 'state-dict.pt', 'trainer.pt', 'trainer-legacy.pt'])(
    '%s',
    (name) => {
      const file = golden(name);
      const value = read(file);
      const tensors = entries(name.startsWith('trainer') && isDict(value) ? value.get('model') : value);
      expect([...tensors.keys()]).toEqual(Object.keys(expected[name]!));
      for (const [key, { dtype, shape, stride, bytes }] of Object.entries(expected[name]!)) {
        const found = tensors.get(key)!;
        expect(found).toMatchObject({ dtype: dtypeFromTorchName(dtype.replace('torch.', '')), shape, strides: stride });
        expect(elements(file, found)).toBe(bytes);
      }
    },
  );

  test('tensors that share memory share a storage', () => {
    const tensors = entries(read(golden('views.pt')));
    const { storageKey, storageBytes } = tensors.get('whole')!;
    expect(storageBytes).toBe(96);
    for (const name of ['rows', 'columns', 'transposed', 'every.second', 'last', 'none']) {
      expect(tensors.get(name)).toMatchObject({ storageKey, storageBytes });
    }
    expect(tensors.get('expanded')!.storageKey).not.toBe(storageKey);
  });

  test('what stands beside the tensors', () => {
    const value = read(golden('trainer.pt'));
    if (!isDict(value)) throw new Error('not a dict');
    expect(value.get('epoch')).toBe(3);
    expect(value.get('rate')).toBe(0.5);
    expect(value.get('note')).toBeNull();
    expect(value.get('args')).toEqual(new Map([['layers', [1, 2]]]));
  });
});

describe('archives put together by hand', () => {
  test.each([
    ['float8_e4m3fn', 'F8_E4M3', 1],
    ['float8_e5m2', 'F8_E5M2', 1],
    ['float8_e4m3fnuz', 'F8_E4M3FNUZ', 1],
    ['float8_e5m2fnuz', 'F8_E5M2FNUZ', 1],
    ['float8_e8m0fnu', 'F8_E8M0', 1],
    ['uint16', 'U16', 2],
    ['uint32', 'U32', 4],
    ['uint64', 'U64', 8],
  ])('_rebuild_tensor_v3 of %s over an untyped storage, which counts bytes', (name, dtype, bytes) => {
    const parts = { kind: 'UntypedStorage', count: 6 * bytes, offset: 2, size: [2, 2], stride: [2, 1], dtype: name };
    const found = readTensor(parts, new Uint8Array(6 * bytes));
    expect(found).toMatchObject({ dtype, shape: [2, 2], storageBytes: 6 * bytes });
    expect(found.byteOffset).toBe(
      readTensor({ ...parts, offset: 0 }, new Uint8Array(6 * bytes)).byteOffset + 2 * bytes,
    );
    refusal('bad-pickle', () => readTensor({ ...parts, offset: 3 }, new Uint8Array(6 * bytes)));
    refusal('bad-archive', () => readTensor({ ...parts, count: 6 * bytes + 1 }, new Uint8Array(6 * bytes)));
  });

  test('_rebuild_tensor of the first versions', () => {
    const old = opcodes(
      global('torch._utils', '_rebuild_tensor'),
      tuple(storage('HalfStorage', '0', 3), integer(1), tuple(integer(2)), tuple(integer(1))),
      'R',
    );
    expect(read(archive(pickle(old), { '0': new Uint8Array(6) }))).toMatchObject({ dtype: 'F16', shape: [2] });
  });

  test('a parameter with state', () => {
    const parameter = opcodes(
      global('torch._utils', '_rebuild_parameter_with_state'),
      tuple(tensor({ size: [4], stride: [1] }), Buffer.from([0x88]), Buffer.from('N'), Buffer.from('}')),
      'R',
    );
    expect(read(archive(pickle(parameter), { '0': new Uint8Array(16) }))).toMatchObject({
      kind: 'tensor',
      dtype: 'F32',
    });
  });

  test('the members that newer versions add', () => {
    const more = [
      { name: 'root/.format_version', data: Buffer.from('1') },
      { name: 'root/.storage_alignment', data: Buffer.from('64') },
      { name: 'root/byteorder', data: Buffer.from('little') },
      { name: 'root/.data/serialization_id', data: Buffer.from('123') },
    ];
    expect(read(archive(pickle(tensor({ size: [4], stride: [1] })), { '0': new Uint8Array(16) }, more))).toMatchObject({
      shape: [4],
    });
  });

  test('empty metadata of a tensor', () => {
    expect(readTensor({ more: [Buffer.from('}')] }).shape).toEqual([4]);
    expect(readTensor({ more: [Buffer.from('N')] }).shape).toEqual([4]);
  });

  test('a storage alone', () => {
    expect(read(archive(pickle(storage('ByteStorage', '0', 3)), { '0': new Uint8Array(3) }))).toMatchObject({
      kind: 'storage',
      byteLength: 3,
    });
  });

  test('an empty tensor at the end of its storage, and one of a gigantic other axis', () => {
    expect(readTensor({ offset: 4, size: [0], stride: [1] }).shape).toEqual([0]);
    expect(readTensor({ size: [0, 2 ** 40], stride: [2 ** 40, 1] }).shape).toEqual([0, 2 ** 40]);
  });

  test('above 4 GB, with offsets above 2^32', () => {
    const at = 5 * 2 ** 30;
    const data = pickle(tensor({ kind: 'ByteStorage', count: at, offset: at - 2, size: [2], stride: [1] }));
    const local = Buffer.alloc(30);
    local.writeUInt32LE(0x04034b50, 0);
    local.writeUInt16LE('root/data/0'.length, 26);
    const head = Buffer.concat([local, Buffer.from('root/data/0')]);
    const wide = Buffer.concat([Buffer.from([1, 0, 16, 0]), Buffer.alloc(16)]);
    wide.writeBigUInt64LE(BigInt(at), 4);
    wide.writeBigUInt64LE(BigInt(at), 12);
    const far = Buffer.from([1, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    far.writeBigUInt64LE(BigInt(head.length + at), 4);
    const tail = zip([{ name: 'root/data.pkl', data, headerAt: 0xffffffff, extra: far }]);
    // The entry of the big member is put in front of the other one's, and the end records are made anew.
    const bigEntry = zip([{ name: 'root/data/0', data: Buffer.alloc(0), size: 0xffffffff, headerAt: 0, extra: wide }]);
    const entryOf = (bytes: Buffer) =>
      bytes.subarray(bytes.indexOf(Buffer.from('PK\x01\x02')), bytes.indexOf(Buffer.from('PK\x05\x06')));
    const directory = Buffer.concat([entryOf(bigEntry), entryOf(tail)]);
    const member = tail.subarray(0, tail.indexOf(Buffer.from('PK\x01\x02')));
    const end = zip([], {
      entries: 0xffff,
      directoryBytes: 0xffffffff,
      directoryAt: 0xffffffff,
      zip64: {
        entries: 2,
        directoryAt: head.length + at + member.length,
        recordAt: head.length + at + member.length + directory.length,
      },
    });
    end.writeBigUInt64LE(BigInt(directory.length), 40);
    const behind = Buffer.concat([member, directory, end]);
    const source = new SparseSource(head.length + at + behind.length, [
      { at: 0, bytes: head },
      { at: head.length + at, bytes: behind },
    ]);
    expect(readTorchFile(source)).toMatchObject({ byteOffset: head.length + at - 2, storageBytes: at });
    expect(source.bytesRead).toBeLessThan(100_000);
  });
});
