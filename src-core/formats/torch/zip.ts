/**
 * Reads a zip archive as torch.save writes it: stored (never compressed) members, used where they lie. Section
 * numbers are those of PKWARE's APPNOTE.TXT. Nothing from the file is believed before it is checked against the
 * file's real size, and what two readers could understand differently is refused. Checksums are not verified here:
 * that would read every byte, and torch can be told to leave them wrong.
 */
import { fault, overLimit, SAVE_AGAIN } from './faults.ts';
import { ENTRY_BYTES, findDirectory, uint64, view, type DirectoryPlace, type TailWindow } from './zip-tail.ts';
import { formatPlural } from '../../units.ts';

const ENTRY_SIGNATURE = 0x02014b50;
const LOCAL_SIGNATURE = 0x04034b50;
const LOCAL_BYTES = 30;
const ZIP64_EXTRA = 1;

/** Encrypted (4.4.4 bit 0), strongly encrypted (6), directory masked (13). */
const ENCRYPTION_FLAGS = 0x2041;

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** A member as the central directory describes it. */
export interface ArchiveMember {
  readonly name: string;
  /** Bytes of its data. */
  readonly size: number;
  /** Where its local header begins. */
  readonly headerAt: number;
  readonly nameBytes: Uint8Array;
}

/** An archive whose directory was read and checked; members' own headers are read when their data is asked for. */
export class ZipArchive {
  readonly members: ReadonlyMap<string, ArchiveMember>;
  readonly #window: TailWindow;
  /** For each member the offset that its data must not pass: the next member, or the directory. */
  readonly #limits: ReadonlyMap<ArchiveMember, number>;

  private constructor(window: TailWindow, members: ReadonlyMap<string, ArchiveMember>, directoryAt: number) {
    this.#window = window;
    this.members = members;
    this.#limits = limitsOf(window.source.name, [...members.values()], directoryAt);
  }

  /** Reads the directory. Throws `cut-file`, `bad-archive` or `over-limit`. */
  static open(window: TailWindow): ZipArchive {
    const place = findDirectory(window);
    return new ZipArchive(window, readDirectory(window, place), place.at);
  }

  /** Where a member's data begins, in bytes from the start of the file, from its own header (4.3.7). */
  dataOffset(member: ArchiveMember): number {
    const file = this.#window.source.name;
    const { headerAt, nameBytes, name } = member;
    const header = this.#window.bytes(headerAt, LOCAL_BYTES + nameBytes.byteLength, `The header of "${name}"`);
    const data = view(header);
    if (data.getUint32(0, true) !== LOCAL_SIGNATURE) {
      throw fault('bad-archive', file, 'A member does not begin where the directory says.', {
        tensor: name,
        found: `bytes ${data.getUint32(0, true).toString(16)} at offset ${headerAt}`,
        expected: 'the header of a member',
      });
    }
    checkStorage(file, name, data.getUint16(6, true), data.getUint16(8, true));
    const nameLength = data.getUint16(26, true);
    const localName = header.subarray(LOCAL_BYTES);
    if (nameLength !== nameBytes.byteLength || localName.some((byte, index) => byte !== nameBytes[index])) {
      throw fault('bad-archive', file, 'A member has another name in its own header than in the directory.', {
        tensor: name,
        found: `"${new TextDecoder().decode(localName.subarray(0, nameLength))}"`,
        expected: `"${name}"`,
      });
    }
    const at = headerAt + LOCAL_BYTES + nameLength + data.getUint16(28, true);
    const limit = this.#limits.get(member)!;
    if (at + member.size > limit) throw overlap(file, name, at + member.size, limit);
    return at;
  }

  /** A member's data. Throws `over-limit` above `limit` bytes. */
  read(member: ArchiveMember, limit: number): Uint8Array {
    if (member.size > limit) {
      const { name } = this.#window.source;
      throw overLimit(name, `The member "${member.name}" is too large.`, formatPlural(member.size, 'byte'), limit);
    }
    return this.#window.bytes(this.dataOffset(member), member.size, `The member "${member.name}"`);
  }
}

/** Reads all entries (4.3.12) in one go. */
function readDirectory(window: TailWindow, place: DirectoryPlace): Map<string, ArchiveMember> {
  const file = window.source.name;
  const bytes = window.bytes(place.at, place.bytes, "The archive's directory");
  const data = view(bytes);
  const members = new Map<string, ArchiveMember>();
  let at = 0;
  for (let index = 0; index < place.entries; index++) {
    if (at + ENTRY_BYTES > bytes.byteLength || data.getUint32(at, true) !== ENTRY_SIGNATURE) {
      throw damagedDirectory(file, `no entry ${index + 1} of ${place.entries}`);
    }
    const nameEnd = at + ENTRY_BYTES + data.getUint16(at + 28, true);
    const extraEnd = nameEnd + data.getUint16(at + 30, true);
    const end = extraEnd + data.getUint16(at + 32, true);
    if (end > bytes.byteLength) throw damagedDirectory(file, `entry ${index + 1} of ${place.entries} is cut off`);
    const nameBytes = bytes.subarray(at + ENTRY_BYTES, nameEnd);
    const name = decodeName(file, nameBytes);
    const entry = new DataView(bytes.buffer, bytes.byteOffset + at, nameEnd - at);
    const extra = new DataView(bytes.buffer, bytes.byteOffset + nameEnd, extraEnd - nameEnd);
    if (members.has(name)) {
      throw fault('bad-archive', file, 'The archive has two members of one name.', {
        tensor: name,
        advice: SAVE_AGAIN,
      });
    }
    members.set(name, { name, nameBytes, ...readEntry(file, name, entry, extra) });
    at = end;
  }
  if (at !== bytes.byteLength)
    throw damagedDirectory(file, `${formatPlural(bytes.byteLength - at, 'byte')} behind the last entry`);
  return members;
}

function readEntry(file: string, name: string, entry: DataView, extra: DataView): { size: number; headerAt: number } {
  checkStorage(file, name, entry.getUint16(8, true), entry.getUint16(10, true));
  const long = zip64Fields(file, name, extra);
  // The fields of the extra record stand in this order, each only where the short one is all ones (4.5.3).
  const size = wide(entry.getUint32(24, true), 0xffffffff, long);
  const storedSize = wide(entry.getUint32(20, true), 0xffffffff, long);
  const headerAt = wide(entry.getUint32(42, true), 0xffffffff, long);
  if (entry.getUint16(34, true) !== 0 && entry.getUint16(34, true) !== 0xffff) {
    throw fault('bad-archive', file, 'A member lies in another part of the archive.', { tensor: name });
  }
  if (size === null || storedSize === null || headerAt === null) {
    throw fault('bad-archive', file, 'A member lacks its zip64 sizes.', { tensor: name });
  }
  if (size !== storedSize) {
    throw fault('bad-archive', file, 'A member is stored with another size than its own.', {
      tensor: name,
      found: formatPlural(storedSize, 'byte'),
      expected: formatPlural(size, 'byte'),
    });
  }
  return { size, headerAt };
}

/** The 8-byte numbers of the zip64 extra field (4.5.3), in order; empty where there is none. */
function zip64Fields(file: string, name: string, extra: DataView): number[] {
  const fields: number[] = [];
  let found = false;
  for (let at = 0; at + 4 <= extra.byteLength;) {
    const length = extra.getUint16(at + 2, true);
    const end = at + 4 + length;
    const isZip64 = extra.getUint16(at, true) === ZIP64_EXTRA;
    if (end > extra.byteLength || (isZip64 && found)) {
      throw fault('bad-archive', file, "A member's extra field is damaged.", { tensor: name });
    }
    if (isZip64) {
      found = true;
      for (let field = at + 4; field + 8 <= end; field += 8) fields.push(uint64(extra, field));
    }
    at = end;
  }
  return fields;
}

function wide(short: number, tooSmall: number, long: number[]): number | null {
  return short === tooSmall ? (long.shift() ?? null) : short;
}

function decodeName(file: string, bytes: Uint8Array): string {
  try {
    return UTF8.decode(bytes);
  } catch {
    throw fault('bad-archive', file, "A member's name is not UTF-8.");
  }
}

/** Only plain bytes can be read in place. */
function checkStorage(file: string, name: string, flags: number, method: number): void {
  if ((flags & ENCRYPTION_FLAGS) !== 0) {
    throw fault('bad-archive', file, 'A member of the archive is encrypted.', {
      tensor: name,
      expected: 'plain bytes, as torch.save writes them',
      advice: 'Decrypt the archive first.',
    });
  }
  if (method !== 0) {
    throw fault('bad-archive', file, 'A member of the archive is compressed.', {
      tensor: name,
      found: `compression method ${method}`,
      expected: 'method 0 (stored), as torch.save writes it',
      advice: 'Repack the archive without compression (zip -0), or write it again with torch.save.',
    });
  }
}

/**
 * Checks that no two members share a byte and none passes the directory, and returns how far each may reach. What a
 * member takes beyond its name and data is only known from its own header: `dataOffset` checks that.
 */
function limitsOf(file: string, members: ArchiveMember[], directoryAt: number): Map<ArchiveMember, number> {
  const limits = new Map<ArchiveMember, number>();
  members.sort((a, b) => a.headerAt - b.headerAt);
  members.forEach((member, index) => {
    const { name, headerAt, size, nameBytes } = member;
    const end = headerAt + LOCAL_BYTES + nameBytes.byteLength + size;
    if (!(end <= directoryAt)) {
      throw fault('bad-archive', file, 'A member lies outside the archive.', {
        tensor: name,
        found: `${formatPlural(size, 'byte')} from offset ${headerAt}`,
        expected: `an end before the directory at offset ${directoryAt}`,
      });
    }
    const limit = members[index + 1]?.headerAt ?? directoryAt;
    if (end > limit) throw overlap(file, name, end, limit);
    limits.set(member, limit);
  });
  return limits;
}

function overlap(file: string, name: string, end: number, limit: number): Error {
  return fault('bad-archive', file, 'Two members of the archive overlap.', {
    tensor: name,
    found: `an end at offset ${end}`,
    expected: `at most ${limit}, where the next one begins`,
  });
}

function damagedDirectory(file: string, found: string): Error {
  return fault('bad-archive', file, "The archive's directory is damaged.", { found, expected: 'one entry per member' });
}
