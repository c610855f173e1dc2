/** Whole torch files: what the zip archive around the pickle may lie about, and older files without one. */
import { deflateRawSync } from 'node:zlib';
import {
  archive,
  integer,
  opcodes,
  pickle,
  tensor,
  text,
  zip,
  type EndSpec,
  type MemberSpec,
} from '../../formats/torch/builders.ts';

type Files = Readonly<Record<string, Uint8Array>>;

const WEIGHTS = pickle('}', text('a.weight'), tensor({ size: [4], stride: [1] }), 's');
const BYTES = Uint8Array.from({ length: 16 }, (_, index) => index);

const PICKLE: MemberSpec = { name: 'root/data.pkl', data: WEIGHTS };
const STORAGE: MemberSpec = { name: 'root/data/0', data: BYTES };
const VERSION: MemberSpec = { name: 'root/version', data: Buffer.from('3\n') };

function withStorage(changes: Partial<MemberSpec>, more: readonly MemberSpec[] = []): Buffer {
  return zip([PICKLE, { ...STORAGE, ...changes }, VERSION, ...more]);
}

function withEnd(end: EndSpec): Buffer {
  return zip([PICKLE, STORAGE, VERSION], end);
}

function zip64(...fields: readonly number[]): Buffer {
  const extra = Buffer.alloc(4 + 8 * fields.length);
  extra.writeUInt16LE(1, 0);
  extra.writeUInt16LE(8 * fields.length, 2);
  fields.forEach((field, index) => extra.writeBigUInt64LE(BigInt(field), 4 + 8 * index));
  return extra;
}

const BOMB = deflateRawSync(Buffer.alloc(4 * 1024 * 1024), { level: 9 });
const TOO_SMALL = 0xffffffff;

/** Of torch.save before 1.6: magic number, protocol, system, the value, its storages' keys, and their bytes. */
function legacy(value: Uint8Array, keys: Uint8Array, ...data: readonly Uint8Array[]): Buffer {
  const magic = opcodes(0x8a, 10, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19);
  return Buffer.concat([pickle(magic), pickle(integer(1001)), pickle('}'), value, keys, ...data]);
}

function count(elements: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(elements);
  return bytes;
}

/** The persistent ids of older files have a sixth field: which part of a storage it is. */
function legacyTensor(view: Uint8Array): Buffer {
  const parts = tensor({ size: [4], stride: [1] });
  const seam = parts.indexOf(Buffer.from('tQ'));
  return Buffer.concat([parts.subarray(0, seam), view, parts.subarray(seam)]);
}

const NONE = Buffer.from('N');
const LEGACY = legacy(
  pickle('}', text('a.weight'), legacyTensor(NONE), 's'),
  pickle(']', text('0'), 'a'),
  count(4n),
  BYTES,
);

export const archives: Files = {
  'ok--archive.pt': archive(WEIGHTS, { 0: BYTES }),
  'ok--comment-of-10000-bytes.pt': withEnd({ comment: Buffer.alloc(10_000, 0x50) }),
  'ok--zip64-records.pt': withEnd({ zip64: {} }),
  'ok--legacy.pt': LEGACY,
  'bad-archive--compressed-bomb.pt': withStorage({ data: BOMB, method: 8, size: 2 ** 32 - 2 }),
  'bad-archive--bomb-as-the-pickle.pt': zip([{ ...PICKLE, data: BOMB, method: 8, size: 4 * 1024 * 1024 }, STORAGE]),
  'bad-archive--stored-here-compressed-there.pt': withStorage({ localMethod: 8 }),
  'bad-archive--encrypted.pt': withStorage({ flags: 1 }),
  'bad-archive--stored-size-lies.pt': withStorage({ storedSize: 4 }),
  'bad-archive--overlapping-members.pt': withStorage({ size: 40, storedSize: 40 }),
  'bad-archive--one-member-inside-another.pt': withStorage({}, [{ ...STORAGE, name: 'root/data/1', headerAt: 8 }]),
  'bad-archive--two-members-of-one-name.pt': withStorage({}, [PICKLE]),
  'bad-archive--two-pickles.pt': withStorage({}, [{ ...PICKLE, name: 'other/data.pkl' }]),
  'bad-archive--other-name-in-its-own-header.pt': withStorage({ localName: 'root/data/9' }),
  'bad-archive--header-at-4-gb.pt': withStorage({ headerAt: 0xfffffffe }),
  'bad-archive--zip64-offset-above-2-to-53.pt': withStorage({ headerAt: TOO_SMALL, extra: zip64(2 ** 60) }),
  'bad-archive--zip64-sizes-missing.pt': withStorage({ size: TOO_SMALL, storedSize: TOO_SMALL }),
  'bad-archive--zip64-size-of-an-exabyte.pt': withStorage({
    size: TOO_SMALL,
    storedSize: TOO_SMALL,
    extra: zip64(2 ** 60, 2 ** 60),
  }),
  'bad-archive--zip64-extra-twice.pt': withStorage({ extra: Buffer.concat([zip64(1), zip64(2)]) }),
  'bad-archive--extra-field-longer-than-it-is.pt': withStorage({ extra: Buffer.from([1, 0, 255, 255]) }),
  'bad-archive--on-another-disk.pt': withStorage({ disk: 7 }),
  'bad-archive--more-members-than-there-are.pt': withEnd({ entries: 9 }),
  'bad-archive--fewer-members-than-there-are.pt': withEnd({ entries: 1 }),
  'bad-archive--directory-in-the-middle.pt': withEnd({ directoryAt: 40 }),
  'bad-archive--bytes-before-the-end-record.pt': withEnd({ gap: Buffer.from('gap') }),
  'bad-archive--end-records-contradict.pt': withEnd({ zip64: { entries: 5 } }),
  'bad-archive--zip64-record-at-an-exabyte.pt': withEnd({ zip64: { recordAt: 2 ** 60 } }),
  'over-limit--claims-a-million-members.pt': withEnd({ entries: 0xffff, zip64: { entries: 1_000_000 } }),
  'over-limit--claims-a-directory-of-2-gb.pt': withEnd({ directoryBytes: 0x7fffffff }),
  'unsupported--byte-order-of-no-text.pt': zip([PICKLE, STORAGE, { name: 'root/byteorder', data: Buffer.alloc(0) }]),
  'bad-archive--name-that-is-not-utf8.pt': patched(withStorage({}), 'root/version', Buffer.from([0xc3, 0x28])),
  'cut-file--end-is-missing.pt': withEnd({}).subarray(0, -20),
  'cut-file--line-behind-the-end.pt': Buffer.concat([withEnd({}), Buffer.from('\n')]),
  'cut-file--empty.pt': Buffer.alloc(0),
  'cut-file--git-lfs-pointer.pt': Buffer.from(
    'version https://git-lfs.github.com/spec/v1\noid sha256:0000\nsize 12345\n',
  ),
  'bad-archive--web-page.pt': Buffer.from('<!DOCTYPE html><title>404 \u001b[2J</title>'),
  'cut-file--legacy-without-its-data.pt': LEGACY.subarray(0, -16),
  'bad-archive--legacy-count-lies.pt': legacy(
    pickle('}', text('a.weight'), legacyTensor(NONE), 's'),
    pickle(']', text('0'), 'a'),
    count(2n ** 63n),
    BYTES,
  ),
  'bad-pickle--legacy-view-out-of-its-storage.pt': legacy(
    pickle('}', text('a.weight'), legacyTensor(opcodes('(', text('v'), integer(3), integer(4), 't')), 's'),
    pickle(']', text('0'), 'a'),
    count(4n),
    BYTES,
  ),
  'bad-pickle--legacy-keys-named-twice.pt': legacy(
    pickle('}', text('a.weight'), legacyTensor(NONE), 's'),
    pickle(']', text('0'), 'a', text('0'), 'a'),
    count(4n),
    BYTES,
    count(4n),
    BYTES,
  ),
  'bad-archive--pickle-that-is-not-torchs.pt': pickle('}'),
};

/** Puts other bytes at the beginning of a text, everywhere. */
function patched(file: Buffer, where: string, bytes: Uint8Array): Buffer {
  for (let at = file.indexOf(where); at >= 0; at = file.indexOf(where, at + 1)) file.set(bytes, at);
  return file;
}
