/**
 * The end of a zip archive: where its directory lies. Section numbers are those of PKWARE's APPNOTE.TXT.
 */
import { readRange, type ByteSource } from '../../bytes/source.ts';
import { isInside } from '../../bytes/range.ts';
import { MAX_ARCHIVE_ENTRIES, MAX_CENTRAL_DIRECTORY_BYTES } from '../../limits.ts';
import { fault, overLimit, FETCH_AGAIN } from './faults.ts';
import { formatBytes, formatCount, formatPlural } from '../../units.ts';

/**
 * What is read of a file at once when it is opened: an archive comment of the greatest length (65,535 bytes) with the
 * three end records before it fits, and so does the whole of a small file, which then needs no other read.
 */
const TAIL_BYTES = 66 * 1024;

const END_SIGNATURE = 0x06054b50;
const END_BYTES = 22;
const LOCATOR_SIGNATURE = 0x07064b50;
const LOCATOR_BYTES = 20;
const END64_SIGNATURE = 0x06064b50;
const END64_BYTES = 56;

/** Bytes of a directory entry before its name (4.3.12): the least that an entry takes. */
export const ENTRY_BYTES = 46;

/** A file whose end was read once; what lies before is read when it is asked for. */
export class TailWindow {
  readonly source: ByteSource;
  readonly #tail: Uint8Array;
  readonly #from: number;

  constructor(source: ByteSource) {
    const length = Math.min(source.size, TAIL_BYTES);
    this.source = source;
    this.#from = source.size - length;
    this.#tail = readRange(source, this.#from, length, 'The end of the file');
  }

  /** `[at, at + length)` of the file; memory is shared where it was read before. Throws `cut-file` outside the file. */
  bytes(at: number, length: number, what: string): Uint8Array {
    if (at >= this.#from && isInside(at, length, this.source.size)) {
      return this.#tail.subarray(at - this.#from, at - this.#from + length);
    }
    return readRange(this.source, at, length, what);
  }
}

/** Where the central directory lies and how many members it lists; checked against the file's size and the limits. */
export interface DirectoryPlace {
  readonly at: number;
  readonly bytes: number;
  readonly entries: number;
}

/** The numbers of an end record, of either size. */
interface EndRecord {
  readonly disk: number;
  readonly directoryDisk: number;
  readonly entriesHere: number;
  readonly entries: number;
  readonly directoryBytes: number;
  readonly directoryAt: number;
}

/**
 * Finds the directory. Throws `cut-file` where the archive's end is missing, `bad-archive` where it contradicts
 * itself.
 */
export function findDirectory(window: TailWindow): DirectoryPlace {
  const file = window.source.name;
  const endAt = findEnd(window);
  const end = readEnd(view(window.bytes(endAt, END_BYTES, 'The end record')));
  const end64At = findEnd64(window, endAt);
  const record = end64At === null ? end : readEnd64(window, end64At, end);
  if (record.disk !== 0 || record.directoryDisk !== 0 || record.entriesHere !== record.entries) {
    throw fault('bad-archive', file, 'The archive is one part of several.', {
      found: `part ${record.disk + 1}, ${record.entriesHere} of ${record.entries} members`,
      expected: 'an archive in one file',
      advice: 'torch.save does not write such archives: join the parts to one file first.',
    });
  }
  if (record.entries > MAX_ARCHIVE_ENTRIES) {
    throw overLimit(
      file,
      'The archive says it has too many members.',
      formatCount(record.entries),
      MAX_ARCHIVE_ENTRIES,
    );
  }
  if (record.directoryBytes > MAX_CENTRAL_DIRECTORY_BYTES) {
    const found = formatPlural(record.directoryBytes, 'byte');
    throw overLimit(file, "The archive's directory is too large.", found, MAX_CENTRAL_DIRECTORY_BYTES);
  }
  const directoryEnd = end64At ?? endAt;
  // Equality also means that it lies inside the file: the directory's size is small, so an offset that is too large for
  // exact sums cannot come out right by rounding.
  if (record.directoryAt + record.directoryBytes !== directoryEnd) {
    throw fault('bad-archive', file, "The archive's directory does not end where its end record begins.", {
      found: `${formatPlural(record.directoryBytes, 'byte')} from offset ${record.directoryAt}`,
      expected: `an end at offset ${directoryEnd}`,
    });
  }
  if (record.entries * ENTRY_BYTES > record.directoryBytes) {
    throw fault('bad-archive', file, "The archive's directory is too small for its members.", {
      found: `${formatPlural(record.directoryBytes, 'byte')} for ${formatPlural(record.entries, 'member')}`,
      expected: `at least ${formatPlural(record.entries * ENTRY_BYTES, 'byte')}`,
    });
  }
  return { at: record.directoryAt, bytes: record.directoryBytes, entries: record.entries };
}

/** Offset of the end record (4.3.16): the last one whose comment reaches exactly to the end of the file. */
function findEnd(window: TailWindow): number {
  const { size, name } = window.source;
  const length = Math.min(size, TAIL_BYTES);
  const from = size - length;
  const tail = window.bytes(from, length, 'The end of the archive');
  const data = view(tail);
  for (let at = length - END_BYTES; at >= 0; at--) {
    if (tail[at] !== 0x50 || data.getUint32(at, true) !== END_SIGNATURE) continue;
    if (at + END_BYTES + data.getUint16(at + 20, true) === length) return from + at;
  }
  throw fault('cut-file', name, 'The end of the archive is missing.', {
    found: `a file of ${formatBytes(size)} without the end record of a zip archive`,
    expected: 'an archive that is whole',
    advice: FETCH_AGAIN,
  });
}

function readEnd(data: DataView): EndRecord {
  return {
    disk: data.getUint16(4, true),
    directoryDisk: data.getUint16(6, true),
    entriesHere: data.getUint16(8, true),
    entries: data.getUint16(10, true),
    directoryBytes: data.getUint32(12, true),
    directoryAt: data.getUint32(16, true),
  };
}

/** Offset of the zip64 end record (4.3.14) as its locator (4.3.15) gives it, or null where there is no locator. */
function findEnd64(window: TailWindow, endAt: number): number | null {
  const file = window.source.name;
  const locatorAt = endAt - LOCATOR_BYTES;
  if (locatorAt < 0) return null;
  const locator = view(window.bytes(locatorAt, LOCATOR_BYTES, 'The zip64 locator'));
  if (locator.getUint32(0, true) !== LOCATOR_SIGNATURE) return null;
  const at = uint64(locator, 8);
  if (locator.getUint32(4, true) !== 0 || locator.getUint32(16, true) > 1) {
    throw fault('bad-archive', file, 'The archive is one part of several.', { expected: 'an archive in one file' });
  }
  // The record stands directly before its locator unless it has an extension, which makes it longer.
  if (!isInside(at, END64_BYTES, locatorAt)) {
    throw fault('bad-archive', file, 'The zip64 end record lies outside the file.', {
      found: `offset ${at}`,
      expected: `an offset up to ${locatorAt - END64_BYTES}`,
    });
  }
  return at;
}

function readEnd64(window: TailWindow, at: number, end: EndRecord): EndRecord {
  const data = view(window.bytes(at, END64_BYTES, 'The zip64 end record'));
  const record = {
    disk: data.getUint32(16, true),
    directoryDisk: data.getUint32(20, true),
    entriesHere: uint64(data, 24),
    entries: uint64(data, 32),
    directoryBytes: uint64(data, 40),
    directoryAt: uint64(data, 48),
  };
  const agree =
    agrees(end.entriesHere, record.entriesHere, 0xffff) &&
    agrees(end.entries, record.entries, 0xffff) &&
    agrees(end.directoryBytes, record.directoryBytes, 0xffffffff) &&
    agrees(end.directoryAt, record.directoryAt, 0xffffffff);
  if (data.getUint32(0, true) !== END64_SIGNATURE || !agree) {
    throw fault('bad-archive', window.source.name, "The archive's two end records contradict each other.", {
      found: `${record.entries} members, directory at ${record.directoryAt}`,
      expected: `${end.entries} members, directory at ${end.directoryAt}`,
    });
  }
  return record;
}

/** The short record repeats the long one's number, or holds all ones where it is too small for it (4.4.1.4). */
function agrees(short: number, long: number, tooSmall: number): boolean {
  return short === tooSmall || short === long;
}

/** A DataView of exactly these bytes. */
export function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** An unsigned 64-bit number; above 2^53 it is not exact, but then it is above the size of any file too. */
export function uint64(data: DataView, at: number): number {
  return data.getUint32(at + 4, true) * 0x1_0000_0000 + data.getUint32(at, true);
}
