import { describe, expect, test } from 'vitest';
import { isDict, OrderedDict, type PickleValue } from '../../../src-core/formats/torch/index.ts';
import { unpickle } from '../../../src-core/formats/torch/unpickler.ts';
import { global, HOOKS, integer, opcodes, pickle, readPickle, refusal, text, tuple, type Part } from './support.ts';

const context = {
  file: 'file.pt',
  storage: (): never => {
    throw new Error('no storages here');
  },
};

function load(...parts: readonly Part[]): PickleValue {
  return unpickle(pickle(...parts), context).value;
}

function loadRaw(bytes: Uint8Array): PickleValue {
  return unpickle(bytes, context).value;
}

describe('values', () => {
  test.each<[string, readonly Part[], PickleValue]>([
    ['None', ['N'], null],
    ['True', [0x88], true],
    ['False', [0x89], false],
    ['BININT1', ['K', 200], 200],
    ['BININT2', ['M', 0x34, 0x12], 0x1234],
    ['BININT, negative', ['J', 0xfe, 0xff, 0xff, 0xff], -2],
    ['LONG1, empty', [0x8a, 0], 0],
    ['LONG1, negative', [0x8a, 1, 0xff], -1],
    ['LONG1, -256', [0x8a, 2, 0, 0xff], -256],
    ['LONG1, positive with its highest bit kept free', [0x8a, 2, 0xff, 0], 255],
    ['LONG1, 2^53 - 1', [integer(2 ** 53 - 1)], 2 ** 53 - 1],
    ['LONG1, above 2^53', [0x8a, 8, 1, 0, 0, 0, 0, 0, 0x20, 0], 2n ** 53n + 1n],
    ['LONG1, the lowest of 64 bits', [0x8a, 8, 0, 0, 0, 0, 0, 0, 0, 0x80], -(2n ** 63n)],
    ['BINFLOAT', ['G', 0x3f, 0xf8, 0, 0, 0, 0, 0, 0], 1.5],
    ['BINUNICODE', [text('größe 🜁')], 'größe 🜁'],
    ['BINUNICODE with a byte order mark', [text('\ufeffa')], '\ufeffa'],
    ['SHORT_BINSTRING', ['U', 2, 'ab'], 'ab'],
    ['EMPTY_TUPLE', [')'], []],
    ['TUPLE1', ['N', 0x85], [null]],
    ['TUPLE2', ['K', 1, 'K', 2, 0x86], [1, 2]],
    ['TUPLE3', ['K', 1, 'K', 2, 'K', 3, 0x87], [1, 2, 3]],
    ['TUPLE', ['(', 'K', 1, 't'], [1]],
    ['APPEND', [']', 'K', 1, 'a'], [1]],
    ['APPENDS', [']', '(', 'K', 1, 'K', 2, 'e'], [1, 2]],
    ['SETITEM', ['}', 'K', 1, 'N', 's'], new Map([[1, null]])],
    [
      'SETITEMS',
      ['}', '(', 'K', 1, 'N', text('a'), 0x88, 'u'],
      new Map<string | number, unknown>([
        [1, null],
        ['a', true],
      ]) as never,
    ],
    ['BINPUT and BINGET', [text('a'), 'q', 7, 'h', 7, 0x86], ['a', 'a']],
    ['LONG_BINPUT and LONG_BINGET', ['N', 'r', 255, 255, 255, 255, 'j', 255, 255, 255, 255, 0x86], [null, null]],
    ['torch.Size', [global('torch', 'Size'), tuple(tuple(integer(2), integer(3))), 'R'], [2, 3]],
    [
      'torch.device',
      [global('torch', 'device'), tuple(text('xla'), integer(1)), 'R'],
      { kind: 'device', name: 'xla:1' },
    ],
    ['torch.bfloat16', [global('torch', 'bfloat16')], { kind: 'dtype', name: 'bfloat16', dtype: 'BF16' }],
    ['torch.complex128', [global('torch', 'complex128')], { kind: 'dtype', name: 'complex128', dtype: null }],
  ])('%s', (_, parts, expected) => {
    expect(load(...parts)).toEqual(expected);
  });

  test.each([0, 1, 2, 3, 4, 5])('protocol %i', (protocol) => {
    expect(loadRaw(Uint8Array.of(0x80, protocol, 0x4e, 0x2e))).toBeNull();
  });

  test('an OrderedDict with the `_metadata` that state_dict() gives it', () => {
    const state = opcodes('}', text('_metadata'), HOOKS, 's');
    const value = load(HOOKS, '(', text('a'), 'K', 1, 'u', state, 'b');
    expect(value).toBeInstanceOf(OrderedDict);
    expect([...(value as OrderedDict)]).toEqual([['a', 1]]);
  });

  test('an OrderedDict from pairs, as Python 2 wrote it', () => {
    const pairs = opcodes(']', ']', '(', text('a'), 'K', 1, 'e', 'a');
    expect([...(load(global('collections', 'OrderedDict'), pairs, 0x85, 'R') as OrderedDict)]).toEqual([['a', 1]]);
  });

  test('a tensor reference', () => {
    const reference = [global('torch_xla.utils.serialization', 'TensorReference'), ')', 0x81];
    expect(load(...reference, '}', text('tid'), 'K', 5, 's', 'b')).toEqual({ kind: 'tensor-reference', tid: 5 });
  });

  test('keys of dicts reach no prototype', () => {
    const value = load('}', '(', text('__proto__'), 'K', 1, text('constructor'), 'K', 2, 'u');
    expect(isDict(value) && [...value.keys()]).toEqual(['__proto__', 'constructor']);
    expect(({} as Record<string, unknown>).constructor).toBe(Object);
  });

  test('the end of the pickle is told, so that others may follow', () => {
    const bytes = Buffer.concat([pickle('N'), pickle('K', 3)]);
    const first = unpickle(bytes, context);
    expect(first).toEqual({ value: null, end: 4 });
    expect(unpickle(bytes, context, first.end)).toEqual({ value: 3, end: 9 });
  });
});

describe('pickles that are damaged', () => {
  test.each<[string, readonly Part[]]>([
    ['nothing on the stack', []],
    ['two values left', ['NN']],
    ['a mark left', ['N(N']],
    ['a mark that is not there', ['t']],
    ['a value taken from below a mark', ['N(', 0x85]],
    ['a memo entry that is not there', ['h', 3]],
    ['a memo entry for nothing', ['q', 0]],
    ['APPEND to a tuple', [')N', 'a']],
    ['APPEND to a dict', ['}N', 'a']],
    ['APPENDS to a size', [global('torch', 'Size'), ')', 0x85, 'R(NN', 'e']],
    ['SETITEM on a list', [']NN', 's']],
    ['SETITEM on a dtype', [global('torch', 'int8'), 'NN', 's']],
    ['SETITEMS with a key alone', ['}(N', 'u']],
    ['a list as key', ['}]N', 's']],
    ['a tuple as key', ['})N', 's']],
    ['a key twice', ['}', '(', text('a'), 'N', text('a'), 'N', 'u']],
    ['REDUCE of a text', [text('a'), ')', 'R']],
    ['REDUCE of a dtype', [global('torch', 'int8'), ')', 'R']],
    ['REDUCE of a class that is only made', [global('torch_xla.utils.serialization', 'TensorReference'), ')', 'R']],
    ['REDUCE without a tuple', [global('torch', 'Size'), 'N', 'R']],
    ['NEWOBJ of a function', [global('collections', 'OrderedDict'), ')', 0x81]],
    ['NEWOBJ with arguments', [global('torch_xla.utils.serialization', 'TensorReference'), 'N', 0x85, 0x81]],
    ['BUILD of a dict', ['}}', 'b']],
    ['BUILD of an OrderedDict with a list', [HOOKS, ']', 'b']],
    ['a size of texts', [global('torch', 'Size'), tuple(tuple(text('a'))), 'R']],
    ['a negative size', [global('torch', 'Size'), tuple(tuple(integer(-1))), 'R']],
    [
      'a size of 65 axes',
      [global('torch', 'Size'), tuple(tuple(...Array.from({ length: 65 }, () => integer(1)))), 'R'],
    ],
    ['a device without a name', [global('torch', 'device'), ')', 'R']],
    ['an OrderedDict of a number', [global('collections', 'OrderedDict'), 'K', 1, 0x85, 'R']],
    ['an OrderedDict of triples', [global('collections', 'OrderedDict'), ')', 'NNN', 0x87, 0x85, 0x85, 'R', 0x86]],
    ['a persistent id that is no tuple', ['N', 'Q']],
    ['a persistent id of a module', [tuple(text('module'), text('a')), 'Q']],
    ['a text that is not UTF-8', ['X', 1, 0, 0, 0, 0xff]],
    ['a text of half a character', ['X', 1, 0, 0, 0, 0xc3]],
    ['a text with a lone surrogate', ['X', 3, 0, 0, 0, 0xed, 0xa0, 0x80]],
    ['a text longer than the file', ['X', 0xff, 0xff, 0xff, 0xff, 'abc']],
    ['a number of 17 bytes', [0x8a, 17, Buffer.alloc(17)]],
    ['a tensor of no storage', [global('torch._utils', '_rebuild_tensor'), tuple(...[1, 2, 3, 4].map(integer)), 'R']],
    ['a parameter of no tensor', [global('torch._utils', '_rebuild_parameter'), tuple(...[1, 2, 3].map(integer)), 'R']],
  ])('%s', (_, parts) => {
    refusal('bad-pickle', () => load(...parts));
  });

  test('bytes behind the end of the only pickle', () => {
    refusal('bad-pickle', () => readPickle('N.N'));
  });

  test('cut off anywhere', () => {
    const bytes = pickle(
      HOOKS,
      '(',
      text('a'),
      integer(2 ** 40),
      text('b'),
      'G',
      Buffer.alloc(8),
      'M',
      1,
      1,
      0x86,
      'q',
      1,
      'N',
      0x89,
      'u',
    );
    for (let length = 0; length < bytes.length; length++) {
      refusal('bad-pickle', () => loadRaw(bytes.subarray(0, length)));
    }
  });

  const reference = [global('torch_xla.utils.serialization', 'TensorReference'), ')', 0x81];
  test.each<[string, readonly Part[]]>([
    ['never told', reference],
    ['told twice', [...reference, '}', text('tid'), 'K', 5, 's', 'q', 0, 'b', 'h', 0, 'b']],
    ['negative', [...reference, '}', text('tid'), integer(-1), 's', 'b']],
    ['a text', [...reference, '}', text('tid'), text('1'), 's', 'b']],
    ['above 2^53', [...reference, '}', text('tid'), 0x8a, 8, Buffer.alloc(7, 255), 0x7f, 's', 'b']],
    ['with something beside it', [...reference, '}', '(', text('tid'), 'K', 5, text('a'), 'N', 'u', 'b']],
    ['under another name', [...reference, '}', text('id'), 'K', 5, 's', 'b']],
  ])('a tensor reference whose number is %s', (_, parts) => {
    refusal('bad-pickle', () => load(...parts));
  });
});
