import fs from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { MemorySource } from '../../../src-core/bytes/source.ts';
import { isShardloomError } from '../../../src-core/errors.ts';
import {
  layoutSafetensors,
  readSafetensors,
  type SafetensorsFile,
} from '../../../src-core/formats/safetensors/index.ts';
import { DTYPES, dtypeBits, type DType } from '../../../src-core/tensor/dtype.ts';
import { fixtureNames, fixturePath } from '../../support/folders.ts';

/** A file from the text of its header. */
function file(header: string | Uint8Array, dataBytes = 0, length?: bigint): Buffer {
  const text = Buffer.from(header as string);
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(length ?? BigInt(text.length));
  return Buffer.concat([prefix, text, Buffer.alloc(dataBytes)]);
}

function read(bytes: Uint8Array): SafetensorsFile {
  return readSafetensors(new MemorySource(bytes, 'model.safetensors'));
}

const TENSOR = '"dtype":"F32","shape":[2,2],"data_offsets":[0,16]';

describe('reading', () => {
  test('a small file', () => {
    const bytes = file(`{"__metadata__":{"format":"pt"},"w":{${TENSOR}}}   `, 16);
    const { tensors, metadata } = read(bytes);
    expect([...metadata]).toEqual([['format', 'pt']]);
    expect(tensors).toMatchObject([
      { name: 'w', dtype: 'F32', shape: [2, 2], strides: [2, 1], byteOffset: bytes.length - 16 },
    ]);
  });

  test('an empty header, scalars and tensors without elements', () => {
    expect(read(file('{}')).tensors).toEqual([]);
    const header =
      '{"s":{"dtype":"I64","shape":[],"data_offsets":[0,8]},"e":{"dtype":"F32","shape":[0,3],"data_offsets":[8,8]}}';
    expect(read(file(header, 8)).tensors.map(({ shape }) => shape)).toEqual([[], [0, 3]]);
  });

  test('a tensor called __proto__ is a tensor like any other', () => {
    expect(read(file(`{"__proto__":{${TENSOR}}}`, 16)).tensors.map(({ name }) => name)).toEqual(['__proto__']);
  });

  test('packed types take the bytes of their bits', () => {
    expect(read(file('{"w":{"dtype":"F4","shape":[4],"data_offsets":[0,2]}}', 2)).tensors[0]!.dtype).toBe('F4');
  });

  test('a hundred thousand tensors', () => {
    const entries = Array.from(
      { length: 100_011 },
      (_, i) => `"model.layers.${i}.weight":{"dtype":"U8","shape":[1,1],"data_offsets":[${i},${i + 1}]}`,
    );
    expect(read(file(`{${entries.join(',')}}`, entries.length)).tensors).toHaveLength(100_011);
  });
});

describe('what is refused', () => {
  const two = (a: string, b: string): string =>
    `{"a":{"dtype":"U8","shape":[4],"data_offsets":${a}},"b":{"dtype":"U8","shape":[4],"data_offsets":${b}}}`;

  test.each<[string, Buffer, string, RegExp]>([
    ['a file shorter than its length field', Buffer.alloc(7), 'cut-file', /length of the safetensors header/],
    ['a header above the limit', file('{}', 0, 100_000_001n), 'over-limit', /too large/],
    ['a length of 2^64 - 1', file('{}', 0, 2n ** 64n - 1n), 'over-limit', /too large/],
    ['a header longer than the file', file('{}', 0, 100n), 'cut-file', /inside its header/],
    ['a header that does not begin with "{"', file(' {}'), 'bad-safetensors', /begin with/],
    [
      'a header that is not UTF-8',
      file(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d])),
      'bad-safetensors',
      /not valid JSON/,
    ],
    ['a header that is not JSON', file('{"a":}'), 'bad-safetensors', /not valid JSON/],
    ['the same tensor twice', file(`{"w":{${TENSOR}},"w":{${TENSOR}}}`, 16), 'bad-safetensors', /same key twice/],
    [
      'the same key with escapes',
      file(`{"w":{${TENSOR}},"\\u0077":{${TENSOR}}}`, 16),
      'bad-safetensors',
      /same key twice/,
    ],
    ['the same field twice', file(`{"w":{"dtype":"F16",${TENSOR}}}`, 16), 'bad-safetensors', /same key twice/],
    [
      'an unknown dtype',
      file('{"w":{"dtype":"F33","shape":[],"data_offsets":[0,4]}}', 4),
      'bad-safetensors',
      /unknown dtype/,
    ],
    ['an unknown field', file(`{"w":{${TENSOR},"x":1}}`, 16), 'bad-safetensors', /unknown field/],
    ['a missing field', file('{"w":{"dtype":"F32","shape":[]}}'), 'bad-safetensors', /impossible data_offsets/],
    ['a hole', file(two('[0,4]', '[5,9]'), 9), 'bad-safetensors', /hole/],
    ['an overlap', file(two('[0,4]', '[3,7]'), 7), 'bad-safetensors', /share bytes/],
    ['data before the first tensor', file(two('[1,5]', '[5,9]'), 9), 'bad-safetensors', /hole/],
    ['data behind the last tensor', file(`{"w":{${TENSOR}}}`, 17), 'bad-safetensors', /behind its last tensor/],
    ['too little data', file(`{"w":{${TENSOR}}}`, 15), 'cut-file', /ends before its last tensor/],
    [
      'a length that the shape does not have',
      file('{"w":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}', 4),
      'bad-safetensors',
      /does not fit/,
    ],
    [
      'offsets the wrong way round',
      file('{"w":{"dtype":"U8","shape":[1],"data_offsets":[1,0]}}', 1),
      'bad-safetensors',
      /impossible data_offsets/,
    ],
    [
      'negative offsets',
      file('{"w":{"dtype":"U8","shape":[1],"data_offsets":[-1,0]}}', 1),
      'bad-safetensors',
      /impossible data_offsets/,
    ],
    [
      'a negative size',
      file('{"w":{"dtype":"U8","shape":[-1],"data_offsets":[0,1]}}', 1),
      'bad-safetensors',
      /impossible shape/,
    ],
    [
      'a fractional size',
      file('{"w":{"dtype":"U8","shape":[1.5],"data_offsets":[0,1]}}', 1),
      'bad-safetensors',
      /impossible shape/,
    ],
    [
      'a shape whose product overflows',
      file('{"w":{"dtype":"F64","shape":[4294967296,4294967296],"data_offsets":[0,0]}}'),
      'bad-safetensors',
      /impossible shape/,
    ],
    [
      'a size of 2^63',
      file('{"w":{"dtype":"U8","shape":[9223372036854775808],"data_offsets":[0,0]}}'),
      'bad-safetensors',
      /impossible shape/,
    ],
    [
      'half a byte',
      file('{"w":{"dtype":"F4","shape":[3],"data_offsets":[0,1]}}', 1),
      'bad-safetensors',
      /whole number of bytes/,
    ],
    ['metadata that is not text', file('{"__metadata__":{"a":1}}'), 'bad-safetensors', /text only/],
    ['a name without end', file(`{"${'n'.repeat(5000)}":{${TENSOR}}}`, 16), 'over-limit', /too long/],
    ['megabytes of brackets', file(`{"w":[${'[],'.repeat(1_000_000)}0]}`), 'over-limit', /too many values/],
    ['a tensor that is a list', file('{"w":[]}'), 'bad-safetensors', /not described by an object/],
  ])('%s', (_, bytes, tag, message) => {
    try {
      read(bytes);
      expect.unreachable();
    } catch (error) {
      if (!isShardloomError(error)) throw error;
      expect(error.message).toMatch(message);
      expect(error.tag).toBe(tag);
      expect(error.file).toBe('model.safetensors');
    }
  });

  test('every beginning of a file, and bytes changed at random, end in an error of ours or a valid header', () => {
    const whole = file(two('[0,4]', '[4,8]'), 8);
    for (let length = 0; length < whole.length; length++) {
      expect(() => read(whole.subarray(0, length))).toThrow(expect.objectContaining({ name: 'ShardloomError' }));
    }
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(255), (at, value) => {
        const changed = Buffer.from(whole);
        changed[at] = value;
        try {
          read(changed);
        } catch (error) {
          expect(isShardloomError(error)).toBe(true);
        }
      }),
      { numRuns: 3000 },
    );
  });
});

describe('writing', () => {
  const headerOf = (tensors: Parameters<typeof layoutSafetensors>[0]): Buffer => {
    return Buffer.from(layoutSafetensors(tensors, new Map([['format', 'pt']])).pieces[0]!.bytes);
  };

  test('orders by dtype, then by the bytes of the name, and pads to a multiple of 8', () => {
    const tensors = (['b', 'a', 'é', '10', '9'] as const).map((name) => ({ name, dtype: 'F16' as const, shape: [1] }));
    const header = headerOf([
      ...tensors,
      { name: 'z', dtype: 'F32', shape: [] },
      { name: 'y', dtype: 'BF16', shape: [2] },
    ]);
    const text = header.subarray(8).toString();
    expect((header.length - 8) % 8).toBe(0);
    expect([...text.matchAll(/"([^"]+)":\{"dtype"/g)].map((match) => match[1])).toEqual([
      'z',
      'y',
      '10',
      '9',
      'a',
      'b',
      'é',
    ]);
    expect(text).toMatch(
      /^\{"__metadata__":\{"format":"pt"\},"z":\{"dtype":"F32","shape":\[\],"data_offsets":\[0,4\]\}/,
    );
  });

  test('what is written is read again, for any tensors', () => {
    const tensor = fc.record({
      name: fc
        .string({ unit: 'binary', minLength: 1, maxLength: 20 })
        .filter((name) => name !== '__metadata__' && !/[\ud800-\udfff]/u.test(name)),
      dtype: fc.constantFrom<DType>(...DTYPES.filter((dtype) => dtypeBits(dtype) % 8 === 0)),
      shape: fc.array(fc.integer({ min: 0, max: 5 }), { maxLength: 4 }),
    });
    fc.assert(
      fc.property(fc.uniqueArray(tensor, { selector: ({ name }) => name }), (tensors) => {
        const layout = layoutSafetensors(tensors, new Map());
        const content = Buffer.alloc(layout.size);
        for (const { at, bytes } of layout.pieces) content.set(bytes, at);
        const found = read(content).tensors;
        expect(found.map(({ name, dtype, shape, byteOffset }) => ({ name, dtype, shape, at: byteOffset }))).toEqual(
          layout.tensors.map(({ name, at }) => ({ ...tensors.find((t) => t.name === name)!, at })),
        );
      }),
    );
  });

  test('two tensors of one name are refused', () => {
    const twice = { name: 'w', dtype: 'F32' as const, shape: [1] };
    expect(() => layoutSafetensors([twice, twice], new Map())).toThrow(/listed twice/);
  });

  const names = fixtureNames().filter((name) => fs.existsSync(fixturePath(name, 'original/model.safetensors')));
  test.each(names)('gives the very header of the reference library: %s', (name) => {
    const content = fs.readFileSync(fixturePath(name, 'original/model.safetensors'));
    const { tensors, metadata } = read(content);
    const layout = layoutSafetensors([...tensors].reverse(), metadata);
    const header = Buffer.from(layout.pieces[0]!.bytes);
    expect(header.equals(content.subarray(0, header.length))).toBe(true);
    expect(layout.size).toBe(content.length);
  });
});

test('a text of many megabytes in the metadata is read, and so is a key that stands twice behind it', () => {
  const text = (more: string): Buffer => {
    const header = Buffer.from(`{"__metadata__":{"note":"${'n\\"'.repeat(4_000_000)}"${more}}}`);
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(header.length));
    return Buffer.concat([length, header]);
  };
  expect(readSafetensors(new MemorySource(text(''))).metadata.get('note')).toHaveLength(8_000_000);
  expect(() => readSafetensors(new MemorySource(text(',"a":"1","\\u0061":"2"')))).toThrow('the same key twice');
});
