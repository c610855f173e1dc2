import { describe, expect, test } from 'vitest';
import { compareNames, indexJson, parseSize, splitIntoFiles } from '../../src-core/plan/split.ts';

const tensors = (...sizes: number[]): { name: string; byteLength: number }[] =>
  sizes.map((byteLength, index) => ({ name: String.fromCharCode(97 + index), byteLength }));

const groups = (limit: number, ...sizes: number[]): string[] =>
  splitIntoFiles(tensors(...sizes), limit, 'model{suffix}.safetensors').files.map((file) => file.tensors.join(''));

describe('splitting into files, as huggingface_hub does', () => {
  test('the example of its documentation: [6, 6, 2, 6, 2, 2] with a limit of 10', () => {
    expect(groups(10, 6, 6, 2, 6, 2, 2)).toEqual(['a', 'bc', 'def']);
  });

  test('one file has no number', () => {
    expect(splitIntoFiles(tensors(1, 2), 10, 'model{suffix}.safetensors').files).toEqual([
      { path: 'model.safetensors', tensors: ['a', 'b'] },
    ]);
  });

  test('several files are numbered with five digits and their count', () => {
    expect(splitIntoFiles(tensors(6, 6), 10, 'adapter_model{suffix}.bin').files.map(({ path }) => path)).toEqual([
      'adapter_model-00001-of-00002.bin',
      'adapter_model-00002-of-00002.bin',
    ]);
  });

  test('a tensor above the limit gets its own file, before the one that is being filled', () => {
    expect(groups(10, 3, 11, 3)).toEqual(['b', 'ac']);
    expect(groups(10, 11)).toEqual(['a']);
    expect(groups(10, 10, 10)).toEqual(['a', 'b']);
  });

  test('nothing to write is one empty file', () => {
    expect(splitIntoFiles([], 10, 'model{suffix}.safetensors').files).toEqual([
      { path: 'model.safetensors', tensors: [] },
    ]);
  });

  test('the index is what Python’s json.dumps writes with sorted keys and an indent of 2', () => {
    const named = [
      { name: 'model.z', byteLength: 6 },
      { name: 'model.é"', byteLength: 6 },
    ];
    expect(indexJson(splitIntoFiles(named, 10, 'sub/model{suffix}.safetensors'))).toBe(
      [
        '{',
        '  "metadata": {',
        '    "total_size": 12',
        '  },',
        '  "weight_map": {',
        '    "model.z": "model-00001-of-00002.safetensors",',
        '    "model.\\u00e9\\"": "model-00002-of-00002.safetensors"',
        '  }',
        '}',
        '',
      ].join('\n'),
    );
  });

  test('names are ordered by code point, as Python orders them', () => {
    // UTF-16 units would put the astral character first.
    expect(['\u{1f600}', '\uffff', 'a'].sort(compareNames)).toEqual(['a', '\uffff', '\u{1f600}']);
  });
});

describe('sizes', () => {
  test.each([
    ['5GB', 5e9],
    ['500 mb', 5e8],
    ['1.5KB', 1500],
    ['2TB', 2e12],
    ['123', 123],
  ])('%s', (text, bytes) => {
    expect(parseSize(text)).toBe(bytes);
  });

  test.each(['', '0', '-5GB', '5GiB', 'GB', '1e9', '5 G B', '99999999TB'])('%j is refused', (text) => {
    expect(() => parseSize(text)).toThrow(/KB, MB, GB or TB/);
  });
});
