import { describe, expect, test } from 'vitest';
import { MemorySource, type ByteSource } from '../../../src-core/bytes/source.ts';
import { TailWindow } from '../../../src-core/formats/torch/zip-tail.ts';
import { ZipArchive } from '../../../src-core/formats/torch/zip.ts';
import { refusal, SparseSource, zip, type EndSpec, type MemberSpec } from './support.ts';

const DATA = Buffer.from('some bytes');
const LAST: MemberSpec = { name: 'r/last', data: DATA };

function open(bytes: Uint8Array | ByteSource): ZipArchive {
  return ZipArchive.open(new TailWindow(bytes instanceof Uint8Array ? new MemorySource(bytes, 'file.pt') : bytes));
}

/** Opens an archive and asks for the data of every member. */
function openWhole(bytes: Uint8Array | ByteSource): Map<string, number> {
  const archive = open(bytes);
  return new Map([...archive.members.values()].map((member) => [member.name, archive.dataOffset(member)]));
}

function openMember(member: Partial<MemberSpec>): unknown {
  return openWhole(zip([{ name: 'r/first', data: DATA }, { name: 'r/a', data: DATA, ...member }, LAST]));
}

function openEnd(end: EndSpec): unknown {
  return openWhole(zip([{ name: 'r/a', data: DATA }, LAST], end));
}

describe('what is read', () => {
  test('members with their sizes, and data behind the extra field of their own header', () => {
    const bytes = zip([{ name: 'r/a', data: DATA, localExtra: Buffer.from('FB\x03\x00ZZZ') }, LAST]);
    const archive = open(bytes);
    const member = archive.members.get('r/a')!;
    expect(member.size).toBe(DATA.length);
    const at = archive.dataOffset(member);
    expect(at).toBe(30 + 3 + 7);
    expect(bytes.subarray(at, at + member.size)).toEqual(DATA);
    expect(Buffer.from(archive.read(member, 100))).toEqual(DATA);
  });

  test('an empty archive', () => {
    expect(open(zip([])).members.size).toBe(0);
  });

  test.each([1, 1000, 65_535])('a comment of %i bytes at the end', (length) => {
    const comment = Buffer.alloc(length, 'c');
    expect(openWhole(zip([LAST], { comment })).size).toBe(1);
    expect(openWhole(zip([LAST], { comment, zip64: {} })).size).toBe(1);
  });

  test('zip64 end records, with and without numbers in the short record', () => {
    expect(openWhole(zip([LAST], { zip64: {} })).size).toBe(1);
    const short = { entries: 0xffff, directoryBytes: 0xffffffff, directoryAt: 0xffffffff };
    expect(openWhole(zip([LAST], { ...short, zip64: {} })).size).toBe(1);
  });

  test('names outside ASCII', () => {
    expect([...openWhole(zip([{ name: 'größe/データ', data: DATA }])).keys()]).toEqual(['größe/データ']);
  });

  test('70,000 members, which the short end record cannot count', () => {
    const members = Array.from({ length: 70_000 }, (_, index) => ({ name: `r/${index}`, data: Buffer.alloc(0) }));
    expect(open(zip(members, { entries: 0xffff, zip64: {} })).members.size).toBe(70_000);
  });

  test('a large file in a few small reads', () => {
    const at = 10_000_000;
    const tail = Buffer.from(zip([{ name: 'r/a', data: DATA, headerAt: at }], { directoryAt: at + 43 }));
    const source = new SparseSource(at + tail.length, [{ at, bytes: tail }]);
    expect(openWhole(source)).toEqual(new Map([['r/a', at + 33]]));
    expect(source.bytesRead).toBeLessThan(100_000);
  });

  test('the name of a member must be the whole name', () => {
    expect(open(zip([LAST])).members.get('last')).toBeUndefined();
  });
});

describe('members that are refused', () => {
  test('compressed, by the directory or by their own header', () => {
    for (const spec of [{ method: 8 }, { localMethod: 8 }, { method: 93 }]) {
      const error = refusal('bad-archive', () => openMember(spec));
      expect(error.what).toContain('compressed');
      expect(error.tensor).toBe('r/a');
    }
  });

  test('encrypted, by the directory or by their own header', () => {
    for (const spec of [{ flags: 0x809 }, { localFlags: 0x809 }, { flags: 0x41 }, { flags: 0x2000 }]) {
      expect(refusal('bad-archive', () => openMember(spec)).what).toContain('encrypted');
    }
  });

  test('of a name that occurs twice', () => {
    const error = refusal('bad-archive', () => openMember({ name: 'r/first' }));
    expect(error.what).toContain('two members of one name');
    expect(error.tensor).toBe('r/first');
  });

  test('on another disk', () => {
    refusal('bad-archive', () => openMember({ disk: 1 }));
  });

  test('of two sizes', () => {
    refusal('bad-archive', () => openMember({ storedSize: 3 }));
  });

  test('that overlap by their sizes', () => {
    expect(refusal('bad-archive', () => openMember({ size: 20 })).what).toContain('overlap');
  });

  test('that overlap because they are one', () => {
    const bytes = zip([{ name: 'r/a', data: DATA }, { name: 'r/b', data: Buffer.alloc(0), headerAt: 0 }, LAST]);
    expect(refusal('bad-archive', () => open(bytes)).what).toContain('overlap');
  });

  test('that overlap because of the extra field of their own header', () => {
    const bytes = zip([{ name: 'r/a', data: DATA }, LAST]);
    bytes.writeUInt16LE(20, 28);
    const archive = open(bytes);
    const error = refusal('bad-archive', () => archive.dataOffset(archive.members.get('r/a')!));
    expect(error.what).toContain('overlap');
  });

  test('that reach into the directory', () => {
    const bytes = zip([{ name: 'r/a', data: DATA, size: DATA.length + 1 }]);
    expect(refusal('bad-archive', () => open(bytes)).what).toContain('outside');
  });

  test.each([0xfffffffe, 1_000_000])('that lie outside the file, at %i', (headerAt) => {
    expect(refusal('bad-archive', () => openMember({ headerAt })).what).toContain('outside');
  });

  test('that begin where no member is', () => {
    const bytes = zip([{ name: 'r/a', data: Buffer.alloc(100) }, LAST]);
    const at = bytes.indexOf(Buffer.from('PK\x01\x02'));
    bytes.writeUInt32LE(20, at + 42);
    bytes.writeUInt32LE(80, at + 20);
    bytes.writeUInt32LE(80, at + 24);
    expect(refusal('bad-archive', () => openWhole(bytes)).what).toContain('does not begin');
  });

  test.each(['r/b', 'r/aa', 'r/', ''])('with the name %j in their own header', (localName) => {
    expect(refusal('bad-archive', () => openMember({ localName })).what).toMatch(/another name|overlap/);
  });

  test('whose name is not UTF-8', () => {
    const bytes = zip([{ name: 'r/\u007f', data: DATA }]);
    bytes[bytes.indexOf(Buffer.from('PK\x01\x02')) + 48] = 0xff;
    expect(refusal('bad-archive', () => open(bytes)).what).toContain('UTF-8');
  });

  test('whose zip64 field is missing, cut off or there twice', () => {
    const long = Buffer.from([1, 0, 8, 0, 10, 0, 0, 0, 0, 0, 0, 0]);
    const size = 0xffffffff;
    refusal('bad-archive', () => openMember({ size, storedSize: DATA.length }));
    refusal('bad-archive', () => openMember({ size, storedSize: DATA.length, extra: long.subarray(0, 9) }));
    refusal('bad-archive', () => openMember({ size, storedSize: DATA.length, extra: Buffer.concat([long, long]) }));
    expect(() => openMember({ size, storedSize: DATA.length, extra: long })).not.toThrow();
  });

  test('whose zip64 numbers are above 2^53', () => {
    const field = Buffer.concat([Buffer.from([1, 0, 16, 0]), Buffer.alloc(16, 0xff)]);
    refusal('bad-archive', () => openMember({ size: 0xffffffff, storedSize: 0xffffffff, extra: field }));
    refusal('bad-archive', () =>
      openMember({ headerAt: 0xffffffff, extra: Buffer.concat([Buffer.from([1, 0, 8, 0]), Buffer.alloc(8, 0xff)]) }),
    );
  });

  test('that are larger than what they are read for', () => {
    const archive = open(zip([LAST]));
    refusal('over-limit', () => archive.read(archive.members.get('r/last')!, 5));
  });
});

describe('directories that are refused', () => {
  test('of one part of several', () => {
    expect(refusal('bad-archive', () => openEnd({ disk: 1 })).what).toContain('part of several');
    expect(refusal('bad-archive', () => openEnd({ entriesHere: 1 })).what).toContain('part of several');
    expect(refusal('bad-archive', () => openEnd({ zip64: { disks: 2 } })).what).toContain('part of several');
  });

  test.each([0, 1, 3, 40, 65_535])('that say they have %i members instead of 2', (entries) => {
    refusal('bad-archive', () => openEnd({ entries }));
  });

  test.each([0, 1, 45, 0xffffffff])('that say they have %i bytes', (directoryBytes) => {
    refusal(['bad-archive', 'over-limit'], () => openEnd({ directoryBytes }));
  });

  test.each([0, 1, 200, 0xffffffff])('that say they begin at %i', (directoryAt) => {
    refusal('bad-archive', () => openEnd({ directoryAt }));
  });

  test('with something behind them', () => {
    refusal('bad-archive', () => openEnd({ gap: Buffer.from('x') }));
    refusal('bad-archive', () => openEnd({ gap: Buffer.alloc(50), zip64: {} }));
  });

  test('that are above the limits, before memory is taken', () => {
    const many = zip([], { zip64: { entries: 400_000 }, entries: 0xffff });
    expect(refusal('over-limit', () => open(many)).what).toContain('too many members');
    const large = zip([], { directoryBytes: 0x7fffffff });
    const source = new SparseSource(2 ** 40, [{ at: 2 ** 40 - large.length, bytes: large }]);
    expect(refusal('over-limit', () => open(source)).what).toContain('too large');
    expect(source.bytesRead).toBeLessThan(100_000);
  });

  test('whose two end records contradict each other', () => {
    refusal('bad-archive', () => openEnd({ zip64: { entries: 3 } }));
    refusal('bad-archive', () => openEnd({ zip64: { directoryAt: 7 } }));
  });

  test.each([2 ** 60, 10_000, 0])('whose zip64 record is said to be at %i', (recordAt) => {
    refusal('bad-archive', () => openEnd({ zip64: { recordAt } }));
  });

  test('whose entries are damaged', () => {
    const bytes = zip([{ name: 'r/a', data: DATA }, LAST]);
    const second = bytes.lastIndexOf(Buffer.from('PK\x01\x02'));
    bytes[second] = 0;
    expect(refusal('bad-archive', () => open(bytes)).what).toContain('damaged');
  });

  test('whose last entry is longer than they are', () => {
    for (const field of [28, 30, 32]) {
      const bytes = zip([{ name: 'r/a', data: DATA }, LAST]);
      bytes.writeUInt16LE(5000, bytes.lastIndexOf(Buffer.from('PK\x01\x02')) + field);
      refusal('bad-archive', () => open(bytes));
    }
  });

  test('that are missing because the end was cut off, with the advice to fetch the file again', () => {
    const bytes = zip([{ name: 'r/a', data: DATA }, LAST]);
    for (let length = 4; length < bytes.length; length++) {
      const error = refusal('cut-file', () => open(bytes.subarray(0, length)));
      expect(error.advice).toContain('fetch it again');
    }
  });

  test('that have bytes behind their end', () => {
    refusal('cut-file', () => open(Buffer.concat([zip([LAST]), Buffer.from('\n')])));
  });
});
