/**
 * The format of torch.save before version 1.6 (`_use_new_zipfile_serialization=False` since): five pickles in a row
 * (magic number, protocol version, system info, the value, the keys of its storages), then for each key an int64
 * count of elements and the elements. Follows `_legacy_load` of `torch/serialization.py`.
 */
import { isInside } from '../../bytes/range.ts';
import { readRange, type ByteSource } from '../../bytes/source.ts';
import { MAX_PICKLE_BYTES } from '../../limits.ts';
import { fault, overLimit } from './faults.ts';
import { PickleEnd } from './machine.ts';
import { checkSameType, parseStorageId, unitBytes, type StorageId } from './storages.ts';
import { unpickle } from './unpickler.ts';
import { describeValue, isDict, type PickleValue, type TorchStorage } from './values.ts';
import { uint64, view } from './zip-tail.ts';
import { formatBytes, formatPlural } from '../../units.ts';

const MAGIC_NUMBER = 0x1950a86a20f9469cfc6cn;
const PROTOCOL_VERSION = 1001;

/** The pickles' length is not written anywhere: so much is read first, four times as much when that was too little. */
const FIRST_READ_BYTES = 1024 * 1024;

/** Where the bytes of a storage lie in the file. */
interface Place {
  readonly byteOffset: number;
  readonly byteLength: number;
}

/** Reads a file in the older format. Throws as `readTorchFile` does. */
export function readLegacyFile(source: ByteSource): PickleValue {
  const longest = Math.min(source.size, MAX_PICKLE_BYTES);
  for (let length = Math.min(longest, FIRST_READ_BYTES); ; length = Math.min(longest, length * 4)) {
    try {
      return readPickles(source, readRange(source, 0, length, 'The pickles at the beginning of the file'));
    } catch (error) {
      if (!(error instanceof PickleEnd)) throw error;
      if (length === source.size) throw cutOff(source, 'one of the pickles at its beginning');
      if (length === longest) {
        throw overLimit(
          source.name,
          'The pickle is too large.',
          `over ${formatPlural(longest, 'byte')}`,
          MAX_PICKLE_BYTES,
        );
      }
    }
  }
}

function readPickles(source: ByteSource, bytes: Uint8Array): PickleValue {
  const plain = { file: source.name, storage: () => refuseStorage(source) };
  const magic = unpickle(bytes, plain);
  const version = unpickle(bytes, plain, magic.value === MAGIC_NUMBER ? magic.end : refuseStart(source, magic.value));
  const system = unpickle(
    bytes,
    plain,
    version.value === PROTOCOL_VERSION ? version.end : refuseStart(source, version.value),
  );
  checkByteOrder(source, system.value);
  // Where the data lies stands behind the value that needs it, so the value is read twice.
  const ids = new Map<string, StorageId>();
  const draft = unpickle(bytes, { file: source.name, storage: (id) => draftStorage(source, ids, id) }, system.end);
  const keys = unpickle(bytes, plain, draft.end);
  const places = findPlaces(source, ids, keys.value, keys.end);
  const context = { file: source.name, storage: (id: readonly PickleValue[]) => placedStorage(source, places, id) };
  return unpickle(bytes, context, system.end).value;
}

/** A storage as the pickle claims it to be, before its place is known. */
function draftStorage(source: ByteSource, ids: Map<string, StorageId>, id: readonly PickleValue[]): TorchStorage {
  const parsed = parseStorageId(id, source.name);
  const before = ids.get(parsed.key);
  if (before !== undefined) checkSameType(source.name, parsed.key, before.type, parsed.type);
  else ids.set(parsed.key, parsed);
  const place = { byteOffset: 0, byteLength: parsed.count * unitBytes(parsed.type) };
  return storageView(source, parsed, place);
}

function placedStorage(
  source: ByteSource,
  places: ReadonlyMap<string, Place>,
  id: readonly PickleValue[],
): TorchStorage {
  const parsed = parseStorageId(id, source.name);
  const place = places.get(parsed.key);
  if (place === undefined) {
    throw fault('bad-archive', source.name, 'The file lacks the data of a tensor.', {
      tensor: `storage "${parsed.key}"`,
      expected: 'its key in the list behind the value',
    });
  }
  return storageView(source, parsed, place);
}

/** `view_metadata` is None or (key, offset, size) in elements: a part of a storage with a key of its own. */
function storageView(source: ByteSource, { type, key, rest }: StorageId, place: Place): TorchStorage {
  const [metadata] = rest;
  if (rest.length === 1 && metadata === null) return { kind: 'storage', key, type, ...place };
  const [viewKey, offset, size] = Array.isArray(metadata) ? (metadata as PickleValue[]) : [];
  const unit = unitBytes(type);
  const available = Math.floor(place.byteLength / unit);
  const valid =
    rest.length === 1 &&
    typeof viewKey === 'string' &&
    typeof offset === 'number' &&
    typeof size === 'number' &&
    isInside(offset, size, available);
  if (!valid) {
    throw fault('bad-pickle', source.name, 'A part of a storage reaches out of it.', {
      tensor: `storage "${key}"`,
      found: `${describeValue(size)} elements from ${describeValue(offset)}`,
      expected: `at most ${available} elements`,
    });
  }
  return { kind: 'storage', key, type, byteOffset: place.byteOffset + offset * unit, byteLength: size * unit };
}

/** Walks the data behind the pickles: for each key a count of elements and the elements. */
function findPlaces(
  source: ByteSource,
  ids: ReadonlyMap<string, StorageId>,
  keys: PickleValue,
  begin: number,
): Map<string, Place> {
  if (!Array.isArray(keys)) {
    throw fault('bad-pickle', source.name, 'The list of storages is missing.', { found: describeValue(keys) });
  }
  const places = new Map<string, Place>();
  let at = begin;
  for (const key of keys as PickleValue[]) {
    const id = typeof key === 'string' ? ids.get(key) : undefined;
    if (id === undefined || places.has(id.key)) {
      throw fault('bad-pickle', source.name, 'The list of storages does not fit the value.', {
        found: describeValue(key),
      });
    }
    if (!isInside(at, 8, source.size)) throw cutOff(source, `the length of storage "${id.key}"`);
    const count = uint64(view(readRange(source, at, 8, 'The length of a storage')), 0);
    if (count !== id.count) {
      throw fault('bad-archive', source.name, 'A storage does not have the length that the pickle says.', {
        tensor: `storage "${id.key}"`,
        found: `${count} elements`,
        expected: `${id.count}`,
      });
    }
    const place = { byteOffset: at + 8, byteLength: count * unitBytes(id.type) };
    if (!isInside(place.byteOffset, place.byteLength, source.size)) throw cutOff(source, `storage "${id.key}"`);
    places.set(id.key, place);
    at = place.byteOffset + place.byteLength;
  }
  return places;
}

/** The third pickle says among other things on what kind of machine the file was written. */
function checkByteOrder(source: ByteSource, system: PickleValue): void {
  if (!isDict(system) || system.get('little_endian') !== false) return;
  throw fault('unsupported', source.name, 'The file was written on a machine with another byte order.', {
    found: 'little_endian: False',
    expected: 'little endian',
    advice: 'Load the file with torch.load and save it again on an x86-64 or Arm machine.',
  });
}

function cutOff(source: ByteSource, where: string): Error {
  return fault('cut-file', source.name, 'The file ends in the middle.', {
    found: formatBytes(source.size),
    expected: `more, because the end lies inside ${where}`,
  });
}

function refuseStart(source: ByteSource, found: PickleValue): never {
  throw fault('bad-archive', source.name, 'This is a pickle, but not one that torch.save wrote.', {
    found: describeValue(found),
    expected: `the numbers 0x${MAGIC_NUMBER.toString(16)} and ${PROTOCOL_VERSION} at its beginning`,
    advice: 'Save the weights with torch.save.',
  });
}

function refuseStorage(source: ByteSource): never {
  throw fault('bad-pickle', source.name, 'The file refers to a storage before its value begins.');
}
