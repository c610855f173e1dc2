/**
 * Lays out torch archives: where everything goes is known before a tensor is copied, and the checksums are put in
 * afterwards. Byte for byte what torch.save writes (`caffe2/serialize/inline_container.cc` over miniz, the layout of
 * versions before 2.1, which all later ones read): headers without sizes, a data descriptor behind each member, and
 * zip64 end records always. Section numbers are those of PKWARE's APPNOTE.TXT.
 */
import { crc32 } from 'node:zlib';
import { pickleOf, type WritableValue } from './pickled-values.ts';
import { view } from './zip-tail.ts';

/** Tensors begin at multiples of this, so that a mapped file can be used in place. */
const ALIGNMENT = 64;

/** The archive format that readers of every PyTorch version since 1.6 know (`kProducedFileFormatVersion`). */
const VERSION_TEXT = '3\n';

const UINT32_MAX = 0xffffffff;
const LOCAL_BYTES = 30;
const ENTRY_BYTES = 46;
const END_RECORDS_BYTES = 56 + 20 + 22;

/**
 * Names are UTF-8 (4.4.4 bit 11); sizes and checksum stand behind the data (bit 3), which empty members do not have.
 */
const NAME_FLAG = 0x800;
const DESCRIPTOR_FLAG = 0x8;

/** Bytes at an offset of the file. */
export interface Piece {
  readonly at: number;
  readonly bytes: Uint8Array;
}

/** Where a tensor's bytes go, in C order. */
export interface PlacedTensor {
  readonly name: string;
  readonly at: number;
  readonly byteLength: number;
}

/** A member as the directory will list it. */
export interface PlacedMember {
  readonly name: string;
  readonly headerAt: number;
  readonly dataAt: number;
  readonly size: number;
  /** CRC-32 where it is known already, else the tensor whose checksum it is, as an index into `tensors`. */
  readonly crc: number | { readonly tensor: number };
}

/** An archive before its tensors are written. Plain data: it can be sent to another thread. */
export interface ArchiveLayout {
  /** Of the whole file in bytes. */
  readonly size: number;
  /** Everything that does not depend on the tensors' bytes. */
  readonly pieces: readonly Piece[];
  /** In the order of the value's entries. */
  readonly tensors: readonly PlacedTensor[];
  /** In the order of the file. */
  readonly members: readonly PlacedMember[];
}

/**
 * Lays out an archive. `root` is the folder inside it: torch.save takes the file's name without its last ending.
 * Throws a RangeError for a root or an element type that cannot be.
 */
export function layoutTorchArchive(root: string, value: WritableValue): ArchiveLayout {
  if (root === '' || root.includes('/')) throw new RangeError(`"${root}" cannot be the folder of an archive`);
  const { pickle, storages } = pickleOf(value);
  const members: PlacedMember[] = [];
  const pieces: Piece[] = [];
  let at = 0;
  const place = (name: string, size: number, crc: PlacedMember['crc'], content?: Uint8Array): number => {
    const header = localHeader(name, at, size);
    const dataAt = at + header.byteLength;
    pieces.push({ at, bytes: content ? joined(header, content) : header });
    members.push({ name, headerAt: at, dataAt, size, crc });
    at = dataAt + size + descriptorBytes(at, size);
    return dataAt;
  };
  const placeBytes = (name: string, content: Uint8Array): number =>
    place(name, content.byteLength, crc32(content), content);
  placeBytes(`${root}/data.pkl`, pickle);
  const starts = new Array<number>(storages.length);
  // torch.save sorts the keys as texts: 0, 1, 10, 11, 2 …
  for (const key of [...storages.keys()].map(String).sort()) {
    const tensor = Number(key);
    starts[tensor] = place(`${root}/data/${key}`, storages[tensor]!.byteLength, { tensor });
  }
  placeBytes(`${root}/version`, new TextEncoder().encode(VERSION_TEXT));
  const tensors = storages.map(({ name, byteLength }, index) => ({ name, at: starts[index]!, byteLength }));
  const directory = members.reduce((sum, member) => sum + directoryEntry(member, 0).byteLength, 0);
  return { size: at + directory + END_RECORDS_BYTES, pieces, tensors, members };
}

/**
 * The rest of an archive, once its tensors are written: checksums, directory and end records. `crcs` are the CRC-32
 * of the tensors' bytes, in the order of `layout.tensors`.
 */
export function finishTorchArchive(layout: ArchiveLayout, crcs: readonly number[]): Piece[] {
  if (crcs.length !== layout.tensors.length) {
    throw new RangeError(`${crcs.length} checksums for ${layout.tensors.length} tensors`);
  }
  const pieces: Piece[] = [];
  const entries: Uint8Array[] = [];
  for (const member of layout.members) {
    const crc = typeof member.crc === 'number' ? member.crc : crcs[member.crc.tensor]!;
    entries.push(directoryEntry(member, crc));
    const descriptor = dataDescriptor(member, crc);
    if (descriptor.byteLength > 0) pieces.push({ at: member.dataAt + member.size, bytes: descriptor });
  }
  const directory = joined(...entries);
  const at = layout.size - END_RECORDS_BYTES - directory.byteLength;
  pieces.push({ at, bytes: joined(directory, endRecords(at, directory.byteLength, entries.length)) });
  return pieces;
}

/** A member's header (4.3.7) up to where its data begins: zip64 field, and padding to the alignment. */
function localHeader(name: string, at: number, size: number): Uint8Array {
  const encoded = new TextEncoder().encode(name);
  // When torch writes the header it knows the size and not yet the stored one.
  const extra = zip64Field(at, size, 0);
  const before = at + LOCAL_BYTES + encoded.byteLength + extra.byteLength + 4;
  const padding = (ALIGNMENT - (before % ALIGNMENT)) % ALIGNMENT;
  const header = new Uint8Array(before - at + padding).fill(0x5a);
  const data = view(header);
  header.fill(0, 0, LOCAL_BYTES);
  data.setUint32(0, 0x04034b50, true);
  data.setUint16(6, flagsOf(size), true);
  data.setUint16(26, encoded.byteLength, true);
  data.setUint16(28, extra.byteLength + 4 + padding, true);
  header.set(encoded, LOCAL_BYTES);
  header.set(extra, LOCAL_BYTES + encoded.byteLength);
  // An extra field of torch's own, "FB", filled with the letter Z.
  const paddingAt = LOCAL_BYTES + encoded.byteLength + extra.byteLength;
  data.setUint16(paddingAt, 0x4246, true);
  data.setUint16(paddingAt + 2, padding, true);
  return header;
}

/** The zip64 extra field (4.5.3): whichever of size, stored size and offset do not fit into 32 bits. */
function zip64Field(headerAt: number, size: number, storedSize: number): Uint8Array {
  const numbers = [...(size >= UINT32_MAX ? [size, storedSize] : []), ...(headerAt >= UINT32_MAX ? [headerAt] : [])];
  if (numbers.length === 0) return new Uint8Array(0);
  const field = new Uint8Array(4 + 8 * numbers.length);
  view(field).setUint16(0, 1, true);
  view(field).setUint16(2, 8 * numbers.length, true);
  numbers.forEach((number, index) => setUint64(view(field), 4 + 8 * index, number));
  return field;
}

function descriptorBytes(headerAt: number, size: number): number {
  if (size === 0) return 0;
  return isLong(headerAt, size) ? 24 : 16;
}

/** Checksum and sizes behind a member's data (4.3.9). */
function dataDescriptor({ headerAt, size }: PlacedMember, crc: number): Uint8Array {
  const descriptor = new Uint8Array(descriptorBytes(headerAt, size));
  if (size === 0) return descriptor;
  const data = view(descriptor);
  data.setUint32(0, 0x08074b50, true);
  data.setUint32(4, crc, true);
  if (isLong(headerAt, size)) {
    setUint64(data, 8, size);
    setUint64(data, 16, size);
  } else {
    data.setUint32(8, size, true);
    data.setUint32(12, size, true);
  }
  return descriptor;
}

/** A member's entry in the directory (4.3.12). */
function directoryEntry({ name, headerAt, size }: PlacedMember, crc: number): Uint8Array {
  const encoded = new TextEncoder().encode(name);
  const extra = zip64Field(headerAt, size, size);
  const entry = new Uint8Array(ENTRY_BYTES + encoded.byteLength + extra.byteLength);
  const data = view(entry);
  data.setUint32(0, 0x02014b50, true);
  data.setUint16(8, flagsOf(size), true);
  data.setUint32(16, crc, true);
  data.setUint32(20, Math.min(size, UINT32_MAX), true);
  data.setUint32(24, Math.min(size, UINT32_MAX), true);
  data.setUint16(28, encoded.byteLength, true);
  data.setUint16(30, extra.byteLength, true);
  data.setUint32(42, Math.min(headerAt, UINT32_MAX), true);
  entry.set(encoded, ENTRY_BYTES);
  entry.set(extra, ENTRY_BYTES + encoded.byteLength);
  return entry;
}

/** The zip64 end record (4.3.14), its locator (4.3.15) and the end record (4.3.16). */
function endRecords(directoryAt: number, directoryBytes: number, entries: number): Uint8Array {
  const records = new Uint8Array(END_RECORDS_BYTES);
  const data = view(records);
  data.setUint32(0, 0x06064b50, true);
  setUint64(data, 4, 44);
  // Made on Unix by version 3.0 of the format, and needs 4.5, which has zip64.
  data.setUint16(12, 0x031e, true);
  data.setUint16(14, 45, true);
  setUint64(data, 24, entries);
  setUint64(data, 32, entries);
  setUint64(data, 40, directoryBytes);
  setUint64(data, 48, directoryAt);
  data.setUint32(56, 0x07064b50, true);
  setUint64(data, 64, directoryAt + directoryBytes);
  data.setUint32(72, 1, true);
  data.setUint32(76, 0x06054b50, true);
  data.setUint16(84, Math.min(entries, 0xffff), true);
  data.setUint16(86, Math.min(entries, 0xffff), true);
  data.setUint32(88, Math.min(directoryBytes, UINT32_MAX), true);
  data.setUint32(92, Math.min(directoryAt, UINT32_MAX), true);
  return records;
}

function flagsOf(size: number): number {
  return size === 0 ? NAME_FLAG : NAME_FLAG | DESCRIPTOR_FLAG;
}

/** True where miniz writes 8-byte numbers for a member. */
function isLong(headerAt: number, size: number): boolean {
  return size >= UINT32_MAX || headerAt >= UINT32_MAX;
}

function setUint64(data: DataView, at: number, value: number): void {
  data.setBigUint64(at, BigInt(value), true);
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.byteLength;
  }
  return bytes;
}
