import { describe, expect, test } from 'vitest';
import { MemorySource } from '../../../src-core/bytes/source.ts';
import { ShardloomError } from '../../../src-core/errors.ts';
import { isTensor, readTorchFile, type TorchTensor } from '../../../src-core/formats/torch/index.ts';
import {
  archive,
  golden,
  global,
  integer,
  opcodes,
  pickle,
  read,
  readPickle,
  refusal,
  storage,
  tensor,
  text,
  tuple,
  zip,
  type TensorParts,
} from './support.ts';

/** One tensor over one storage of four float32. */
function readTensor(parts: Partial<TensorParts>, data: Uint8Array = new Uint8Array(16)): TorchTensor {
  const value = read(archive(pickle(tensor({ size: [4], stride: [1], ...parts })), { '0': data }));
  if (!isTensor(value)) throw new Error('not a tensor');
  return value;
}

describe('tensors that are refused', () => {
  test.each<[string, Partial<TensorParts>]>([
    ['one element too many', { size: [5], stride: [1] }],
    ['an offset', { offset: 1, size: [4], stride: [1] }],
    ['an offset behind the storage', { offset: 5, size: [0], stride: [1] }],
    ['a stride', { size: [2], stride: [4] }],
    ['strides of two axes', { size: [2, 2], stride: [3, 1] }],
    ['offset and extent that overflow 2^53 together', { offset: 2 ** 53 - 1, size: [2], stride: [2 ** 53 - 1] }],
    ['an extent above 2^53', { size: [2 ** 26, 2 ** 26], stride: [2 ** 52, 2 ** 52] }],
    ['an extent that is infinite', { size: Array<number>(40).fill(2), stride: Array<number>(40).fill(2 ** 52) }],
    ['an offset of 2^53 - 1', { offset: 2 ** 53 - 1 }],
    ['a negative offset', { offset: -1 }],
    ['a negative stride', { size: [4], stride: [-1] }],
    ['a negative size', { size: [-4], stride: [1] }],
    ['a size whose product is above 2^53', { size: [2 ** 40, 2 ** 40], stride: [0, 0] }],
    ['more sizes than strides', { size: [2, 2], stride: [1] }],
    ['65 axes', { size: Array<number>(65).fill(1), stride: Array<number>(65).fill(1) }],
    ['too many arguments', { more: [Buffer.from('N'), Buffer.from('N')] }],
  ])('because of %s', (_, parts) => {
    refusal('bad-pickle', () => readTensor(parts));
  });

  test.each([
    ['more elements than there are bytes', 5],
    ['fewer', 3],
    ['none', 0],
    ['2^53 - 1', 2 ** 53 - 1],
  ])('because the pickle lies about the storage: %s', (_, count) => {
    expect(refusal('bad-archive', () => readTensor({ count, size: [0], stride: [1] })).tensor).toContain('0');
  });

  test('because a later claim about the same storage differs', () => {
    const again = (kind: string, count: number) =>
      archive(pickle(tensor({ size: [1], stride: [1] }), storage(kind, '0', count), 0x86), { '0': new Uint8Array(16) });
    expect(() => read(again('FloatStorage', 4))).not.toThrow();
    refusal('bad-archive', () => read(again('FloatStorage', 3)));
    refusal('bad-pickle', () => read(again('IntStorage', 4)));
    refusal('bad-pickle', () => read(again('UntypedStorage', 16)));
  });

  test('because the storage is missing, or its key climbs out of the folder', () => {
    refusal('bad-archive', () => readTensor({ key: '1' }));
    refusal('bad-archive', () => readTensor({ key: '../data.pkl' }));
    refusal('bad-archive', () => readTensor({ key: '' }));
  });

  test('because the persistent id is no one of an archive', () => {
    const type = global('torch', 'FloatStorage');
    const ids = [
      [text('storage'), type, text('0'), text('cpu')],
      [text('storage'), text('FloatStorage'), text('0'), text('cpu'), integer(4)],
      [text('storage'), type, integer(0), text('cpu'), integer(4)],
      [text('storage'), type, text('0'), Buffer.from('N'), integer(4)],
      [text('storage'), type, text('0'), text('cpu'), integer(-4)],
      [text('storage'), type, text('0'), text('cpu'), text('4')],
    ];
    for (const id of ids)
      refusal('bad-pickle', () => read(archive(pickle(tuple(...id), 'Q'), { '0': new Uint8Array(16) })));
    const six = tuple(text('storage'), type, text('0'), text('cpu'), integer(4), Buffer.from('N'));
    refusal('bad-archive', () => read(archive(pickle(six, 'Q'), { '0': new Uint8Array(16) })));
  });

  test('because their type is none of ours', () => {
    expect(refusal('unsupported', () => readTensor({ kind: 'ComplexDoubleStorage', count: 1 })).found).toContain(
      'ComplexDouble',
    );
    const parts = { kind: 'UntypedStorage', count: 16 };
    expect(refusal('unsupported', () => readTensor({ ...parts, dtype: 'complex128' })).found).toContain('complex128');
    refusal('unsupported', () => readTensor({ ...parts, dtype: 'float4_e2m1fn_x2' }));
  });

  test('because their bytes are not their values', () => {
    const metadata = opcodes('}', text('conj'), 0x88, 's');
    expect(refusal('unsupported', () => readTensor({ more: [metadata] })).what).toContain('conjugated');
  });
});

describe('files that are refused', () => {
  test('written in another byte order', () => {
    const big = archive(pickle('N'), {}, [{ name: 'root/byteorder', data: Buffer.from('big') }]);
    expect(refusal('unsupported', () => read(big)).found).toContain('big');
    const odd = archive(pickle('N'), {}, [{ name: 'root/byteorder', data: Buffer.from('') }]);
    refusal('unsupported', () => read(odd));
  });

  test('archives without a pickle, with two, or with one elsewhere', () => {
    const member = (name: string) => ({ name, data: pickle('N') });
    refusal('bad-archive', () => read(zip([])));
    refusal('bad-archive', () => read(zip([member('data.pkl')])));
    refusal('bad-archive', () => read(zip([member('a/b/data.pkl')])));
    refusal('bad-archive', () => read(zip([member('a/data.pkl'), member('b/data.pkl')])));
  });

  test('empty ones', () => {
    expect(refusal('cut-file', () => read(new Uint8Array(0))).what).toContain('empty');
  });

  test('Git LFS pointers', () => {
    const pointer = Buffer.from('version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12345\n');
    expect(refusal('cut-file', () => read(pointer)).advice).toContain('git lfs pull');
  });

  test('safetensors files', () => {
    const file = Buffer.concat([Buffer.from([2, 0, 0, 0, 0, 0, 0, 0]), Buffer.from('{}')]);
    expect(refusal('bad-archive', () => read(file)).found).toContain('safetensors');
  });

  test.each(['<html>', 'GGUF', '\x1f\x8b\x08', '\x00', '{"a": 1}', '(lp0\n.'])('other files: %j', (content) => {
    refusal('bad-archive', () => read(Buffer.from(content, 'latin1')));
  });

  test('the tar archives of the very first versions', () => {
    expect(refusal('bad-archive', () => read(Buffer.from(`storages${'\0'.repeat(600)}`))).found).toContain('tar');
  });

  test('pickles that are not torch’s', () => {
    refusal('bad-archive', () => read(pickle('}')));
  });

  test.each(['state-dict.pt', 'views.pt', 'trainer.pt'])('%s, cut anywhere', (name) => {
    const file = golden(name);
    for (let length = 0; length < file.length; length++) {
      const error = refusal('cut-file', () => read(file.subarray(0, length)));
      expect(error.advice).toContain('fetch it again');
    }
  });

  test.each(['views-legacy.pt', 'trainer-legacy.pt'])('%s, cut anywhere', (name) => {
    const file = golden(name);
    // Up to two bytes could be the beginning of anything.
    for (let length = 0; length < file.length; length++) {
      refusal(length < 2 ? ['cut-file', 'bad-archive'] : 'cut-file', () => read(file.subarray(0, length)));
    }
  });

  test.each(['state-dict.pt', 'views-legacy.pt'])(
    '%s with any byte changed gives a value or an error of ours',
    (name) => {
      const file = golden(name);
      for (let at = 0; at < file.length; at++) {
        for (const change of [0x01, 0x80, 0xff]) {
          const bytes = Buffer.from(file);
          bytes[at]! ^= change;
          try {
            readTorchFile(new MemorySource(bytes, 'file.pt'));
          } catch (error) {
            expect(error).toBeInstanceOf(ShardloomError);
          }
        }
      }
    },
  );

  test('an empty dict is a value', () => {
    expect(readPickle('}')).toEqual(new Map());
  });
});
