import { describe, expect, test } from 'vitest';
import { type PickleValue } from '../../../src-core/formats/torch/index.ts';
import { unpickle } from '../../../src-core/formats/torch/unpickler.ts';
import { MAX_PICKLE_DEPTH, MAX_PICKLE_SLOTS, MAX_PICKLE_STACK } from '../../../src-core/limits.ts';
import { global, integer, opcodes, pickle, readPickle, refusal, text, tuple, type Part } from './support.ts';

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

/**
 * Milliseconds of processor time that refusing or reading takes: hostile files must not take long. The least of some tries, because
 * who shares the core makes it slower.
 */
function time(action: () => unknown): number {
  const tries = Array.from({ length: 3 }, () => {
    const before = process.cpuUsage();
    action();
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1000;
  });
  return Math.min(...tries);
}

describe('names that are refused', () => {
  test.each([
    ['os', 'system'],
    ['posix', 'system'],
    ['nt', 'system'],
    ['builtins', 'eval'],
    ['builtins', 'exec'],
    ['builtins', 'getattr'],
    ['__builtin__', 'eval'],
    ['subprocess', 'Popen'],
    ['torch', 'load'],
    ['torch.serialization', 'load'],
    ['torch.hub', 'load'],
    ['torch._utils', '_rebuild_qtensor'],
    ['torch._utils', '_rebuild_wrapper_subclass'],
    ['torch.storage', '_load_from_bytes'],
    ['torch.storage', 'TypedStorage'],
    ['torch.jit', 'load'],
    ['numpy.core.multiarray', '_reconstruct'],
    ['collections', 'Counter'],
    ['collections', 'orderedDict'],
    ['collections.OrderedDict', '__init__'],
    ['Collections', 'OrderedDict'],
    ['torch', '_utils._rebuild_tensor_v2'],
    ['torch._utils._rebuild_tensor_v2', ''],
    ['torch', 'Size\u0000'],
    ['torch', ' Size'],
    ['', ''],
    ['', '__proto__'],
    ['torch', 'constructor'],
    ['torch.FloatStorage', 'dtype'],
  ])('%s.%s', (module, name) => {
    const error = refusal('forbidden-pickle', () => load(global(module, name), tuple(text('echo')), 'R'));
    expect(error.found).toContain(`${module}.${name}`);
    expect(error.what).toContain('Nothing was executed');
  });

  test('even when nothing is done with them', () => {
    refusal('forbidden-pickle', () => load(global('os', 'system'), 'q', 0, 'N', 0x86));
  });

  test('in a file, with the file’s name', () => {
    expect(refusal('forbidden-pickle', () => readPickle(global('os', 'system'), tuple(text('id')), 'R')).file).toBe(
      'file.pt',
    );
  });

  test('of several thousand characters', () => {
    refusal('bad-pickle', () => load(`c${'a'.repeat(10_000)}\nb\n`));
    refusal('bad-pickle', () => load(`ca\n${'b'.repeat(10_000)}\n`));
  });

  test('that are not UTF-8', () => {
    refusal('bad-pickle', () => load('c', 0xff, '\nb\n'));
  });
});

describe('opcodes that are refused', () => {
  const known = new Set(Buffer.from('cRbQaesu(tN)]}JKMGXUhjqr.\x80\x81\x85\x86\x87\x88\x89\x8a', 'latin1'));
  const others = Array.from({ length: 256 }, (_, opcode) => opcode).filter((opcode) => !known.has(opcode));

  test(`all ${others.length} that weights do not need`, () => {
    for (const opcode of others) {
      // Enough on the stack and behind it for every opcode there is.
      const error = refusal('bad-pickle', () => load('(NNN', opcode, 0, 0, 0, 0, 0, 0, 0, 0, '\n\nt'));
      expect(error.found).toContain(`0x${opcode.toString(16).padStart(2, '0')}`);
    }
  });

  test.each([
    ['INST', '(ios\nsystem\n'],
    ['OBJ', 'o'],
    ['STACK_GLOBAL', '\x93'],
    ['EXT1', '\x82\x01'],
    ['PERSID', 'Pstorage\n'],
    ['NEWOBJ_EX', '\x92'],
    ['FRAME', '\x95'],
    ['DUP', '2'],
    ['POP', '0'],
  ])('%s', (_, bytes) => {
    expect(refusal('bad-pickle', () => load(Buffer.from(bytes, 'latin1'))).what).toContain('Nothing was executed');
  });

  test('LONG4, which could ask for 2 GB and take quadratic time', () => {
    expect(time(() => refusal('bad-pickle', () => load(0x8b, 0xff, 0xff, 0xff, 0x7f)))).toBeLessThan(100);
  });

  test('a protocol that does not exist', () => {
    refusal('bad-pickle', () => loadRaw(Uint8Array.of(0x80, 6, 0x4e, 0x2e)));
  });
});

describe('pickles that ask for too much', () => {
  test('deep nesting of marks', () => {
    refusal('over-limit', () => load('('.repeat(MAX_PICKLE_DEPTH + 1)));
    refusal('over-limit', () => load('('.repeat(1_000_000)));
  });

  test('deep nesting of tuples without marks is built or refused, and never walked', () => {
    expect(() => load(')', Buffer.alloc(100_000, 0x85))).not.toThrow();
    refusal('over-limit', () => load(')', Buffer.alloc(MAX_PICKLE_SLOTS, 0x85)));
  });

  test('a stack without end', () => {
    refusal('over-limit', () => load('N'.repeat(MAX_PICKLE_STACK + 1)));
  });

  test('an empty dict for every byte', () => {
    const bytes = pickle(']', '(', '}'.repeat(900_000), 'e', '(', '}'.repeat(900_000), 'e');
    expect(time(() => refusal('over-limit', () => loadRaw(bytes)))).toBeLessThan(5_000);
  });

  test('memo entries: an index near 2^32 takes no more memory than a small one', () => {
    expect(time(() => load('N', 'r', 255, 255, 255, 255))).toBeLessThan(100);
    const put = Buffer.alloc(5 * 5_000_000);
    for (let index = 0; index < 5_000_000; index++) {
      put[index * 5] = 0x72;
      put.writeUInt32LE(index, index * 5 + 1);
    }
    refusal('over-limit', () => load('N', put));
  });

  test('billion laughs: shared lists are shared and not copied', () => {
    const parts: Part[] = [']', 'q', 0];
    for (let level = 0; level < 200; level++)
      parts.push(']', 'q', level + 1, '(', ...Array<Buffer>(10).fill(opcodes('h', level)), 'e');
    parts.push(Buffer.alloc(199, 0x86), 0x86);
    expect(time(() => load(...parts))).toBeLessThan(1_000);
  });

  test('one long list of pairs made into an OrderedDict again and again', () => {
    const pairs = Buffer.concat(Array.from({ length: 20_000 }, (_, index) => opcodes(integer(index), 'N', 0x86)));
    const again = opcodes('h', 0, 'h', 1, 'R');
    const bytes = pickle(
      '(',
      global('collections', 'OrderedDict'),
      'q',
      0,
      ']',
      '(',
      pairs,
      'e',
      0x85,
      'q',
      1,
      Buffer.concat(Array<Buffer>(10_000).fill(again)),
      't',
    );
    expect(time(() => refusal('over-limit', () => loadRaw(bytes)))).toBeLessThan(5_000);
  });

  test('one size copied again and again', () => {
    const again = opcodes('h', 0, 'h', 1, 'R');
    const dims = tuple(tuple(...Array.from({ length: 64 }, () => integer(1))));
    const parts = [
      '(',
      global('torch', 'Size'),
      'q',
      0,
      dims,
      'q',
      1,
      Buffer.concat(Array<Buffer>(200_000).fill(again)),
      't',
    ];
    refusal('over-limit', () => load(...parts));
  });

  test('a text of all bytes there are, again and again, is not quadratic', () => {
    const long = text('x'.repeat(4_000_000));
    expect(time(() => load('(', long, long, long, 't'))).toBeLessThan(2_000);
  });

  test('a list that contains itself is read', () => {
    const list = load(']', 'q', 0, 'h', 0, 'a') as PickleValue[];
    expect(list[0]).toBe(list);
    const dict = load('}', 'q', 0, 'K', 1, 'h', 0, 's') as Map<number, PickleValue>;
    expect(dict.get(1)).toBe(dict);
  });
});
