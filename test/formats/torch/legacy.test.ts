import { describe, expect, test } from 'vitest';
import { opcodes, golden, global, HOOKS, integer, pickle, read, refusal, text, tuple } from './support.ts';

const MAGIC = pickle(Buffer.from('8a0a6cfc9c46f9206aa85019', 'hex'));
const VERSION = pickle(integer(1001));

interface LegacyParts {
  readonly magic?: Buffer;
  readonly version?: Buffer;
  readonly system?: Buffer;
  readonly count?: number;
  readonly realCount?: number;
  /** `view_metadata`, as opcodes. */
  readonly view?: Buffer;
  readonly keys?: Buffer;
  readonly offset?: number;
  readonly size?: number;
  readonly kind?: string;
}

/** A file with one tensor over one storage of four float32. */
function legacy(parts: LegacyParts = {}): Buffer {
  const { count = 4, offset = 0, size = 4, kind = 'FloatStorage', view = Buffer.from('N') } = parts;
  const id = tuple(text('storage'), global('torch', kind), text('k'), text('cpu'), integer(count), view);
  const args = tuple(
    opcodes(id, 'Q'),
    integer(offset),
    tuple(integer(size)),
    tuple(integer(1)),
    Buffer.from([0x89]),
    HOOKS,
  );
  const value = pickle(global('torch._utils', '_rebuild_tensor_v2'), args, 'R');
  const length = Buffer.alloc(8);
  length.writeBigInt64LE(BigInt(parts.realCount ?? 4));
  const keys = parts.keys ?? pickle(']', text('k'), 'a');
  const system = parts.system ?? pickle('}', text('little_endian'), 0x88, 's');
  const before = [parts.magic ?? MAGIC, parts.version ?? VERSION, system, value, keys, length];
  return Buffer.concat([...before, Buffer.alloc(16, 7)]);
}

describe('the format before version 1.6', () => {
  test('a tensor lies behind the pickles', () => {
    const file = legacy();
    expect(read(file)).toMatchObject({ dtype: 'F32', shape: [4], byteOffset: file.length - 16, storageBytes: 16 });
  });

  test('a part of a storage', () => {
    const view = tuple(text('v'), integer(1), integer(2));
    const file = legacy({ view, size: 2 });
    expect(read(file)).toMatchObject({ shape: [2], byteOffset: file.length - 12, storageBytes: 8 });
    refusal('bad-pickle', () => read(legacy({ view, size: 3 })));
  });

  test('pickles longer than what is read first', () => {
    const system = pickle('}', text('x'.repeat(3_000_000)), 'N', 's');
    expect(read(legacy({ system }))).toMatchObject({ shape: [4] });
  });

  test('is the same as the archive of the same value', () => {
    const plain = (value: unknown) =>
      JSON.stringify(value, (key, entry: unknown) =>
        key === 'byteOffset' || key === 'storageKey'
          ? 0
          : entry instanceof Map
            ? [...(entry as Map<unknown, unknown>)]
            : entry,
      );
    expect(plain(read(golden('views-legacy.pt')))).toBe(plain(read(golden('views.pt'))));
    expect(plain(read(golden('trainer-legacy.pt')))).toBe(plain(read(golden('trainer.pt'))));
  });

  test.each<[string, LegacyParts]>([
    ['more elements than there are', { realCount: 5, count: 5 }],
    ['2^62 elements', { realCount: 2 ** 62, count: 2 ** 53 - 1, size: 0 }],
    ['-1 elements', { realCount: -1 }],
    ['a count that the pickle contradicts', { count: 5 }],
  ])('refuses a storage of %s', (_, parts) => {
    refusal(['bad-archive', 'cut-file'], () => read(legacy(parts)));
  });

  test.each<[string, Buffer]>([
    ['missing', pickle(']')],
    ['there twice', pickle(']', '(', text('k'), text('k'), 'e')],
    ['unknown', pickle(']', '(', text('k'), text('x'), 'e')],
    ['a number', pickle(']', integer(1), 'a')],
    ['not in a list', pickle(text('k'))],
  ])('refuses a storage whose key is %s', (_, keys) => {
    refusal(['bad-archive', 'bad-pickle'], () => read(legacy({ keys })));
  });

  test.each<[string, Buffer]>([
    ['behind it', tuple(text('v'), integer(5), integer(0))],
    ['reaching out of it', tuple(text('v'), integer(2), integer(3))],
    ['with a sum above 2^53', tuple(text('v'), integer(2 ** 53 - 1), integer(2 ** 53 - 1))],
    ['negative', tuple(text('v'), integer(-1), integer(1))],
    ['without numbers', tuple(text('v'))],
    ['that is no tuple', text('v')],
  ])('refuses a part of a storage %s', (_, view) => {
    refusal('bad-pickle', () => read(legacy({ view, size: 0 })));
  });

  test('refuses offsets and sizes outside of the storage', () => {
    refusal('bad-pickle', () => read(legacy({ size: 5 })));
    refusal('bad-pickle', () => read(legacy({ offset: 1 })));
  });

  test('refuses other magic numbers and versions', () => {
    refusal('bad-archive', () => read(legacy({ magic: pickle(integer(5)) })));
    refusal('bad-archive', () => read(legacy({ version: pickle(integer(1002)) })));
  });

  test('refuses another byte order', () => {
    refusal('unsupported', () => read(legacy({ system: pickle('}', text('little_endian'), 0x89, 's') })));
  });

  test('refuses forbidden names in each of its pickles', () => {
    const evil = pickle(global('os', 'system'), tuple(text('id')), 'R');
    for (const part of ['magic', 'version', 'system', 'keys']) {
      refusal('forbidden-pickle', () => read(legacy({ [part]: evil })));
    }
  });

  test('refuses storages outside of the value', () => {
    const id = tuple(
      text('storage'),
      global('torch', 'FloatStorage'),
      text('k'),
      text('cpu'),
      integer(4),
      Buffer.from('N'),
    );
    refusal('bad-pickle', () => read(legacy({ system: pickle(id, 'Q') })));
  });
});
