/** Persistent ids: how a pickle names its storages, in archives and in the older format. */
import { dtypeBits, dtypeBytes, type DType } from '../../tensor/dtype.ts';
import { fault, SAVE_AGAIN } from './faults.ts';
import { describeValue, type PickleValue, type StorageType } from './values.ts';

/** `torch.storage._dtype_to_storage_type_map`; null for kinds that hold no type of ours. */
export const STORAGE_TYPES: readonly (readonly [name: string, dtype: DType | null])[] = [
  ['DoubleStorage', 'F64'],
  ['FloatStorage', 'F32'],
  ['HalfStorage', 'F16'],
  ['BFloat16Storage', 'BF16'],
  ['LongStorage', 'I64'],
  ['IntStorage', 'I32'],
  ['ShortStorage', 'I16'],
  ['CharStorage', 'I8'],
  ['ByteStorage', 'U8'],
  ['BoolStorage', 'BOOL'],
  ['ComplexFloatStorage', 'C64'],
  ['ComplexDoubleStorage', null],
  ['QInt8Storage', null],
  ['QInt32Storage', null],
  ['QUInt8Storage', null],
  ['QUInt4x2Storage', null],
  ['QUInt2x4Storage', null],
];

/** `("storage", type, key, location, numel)`; the older format has `view_metadata` behind. */
export interface StorageId {
  readonly type: StorageType;
  readonly key: string;
  /** Elements of the storage, bytes for an untyped one, as the pickle claims. */
  readonly count: number;
  /** What stands behind: nothing in archives. */
  readonly rest: readonly PickleValue[];
}

/**
 * Takes a persistent id apart. Throws `bad-pickle`, and `unsupported` for element types that Shardloom does not
 * handle.
 */
export function parseStorageId(id: readonly PickleValue[], file: string): StorageId {
  const [, type, key, location, count, ...rest] = id;
  if (!isStorageType(type) || typeof key !== 'string' || typeof location !== 'string') {
    throw fault('bad-pickle', file, 'The pickle names a storage in a way that torch.save does not.', {
      found: [type, key, location].map(describeValue).join(', '),
      expected: 'a storage type, a key and a location',
    });
  }
  if (typeof count !== 'number' || !Number.isSafeInteger(count) || count < 0) {
    throw fault('bad-pickle', file, 'The pickle gives a storage an impossible length.', {
      tensor: `storage "${key}"`,
      found: describeValue(count),
      expected: 'an integer from 0',
    });
  }
  if (type.dtype === null && !type.untyped) {
    throw fault('unsupported', file, 'The file holds a tensor of a type that Shardloom does not handle.', {
      tensor: `storage "${key}"`,
      found: `torch.${type.name}`,
      expected: 'a type that safetensors can hold',
      advice: `Convert the tensor to another type, or leave it out. ${SAVE_AGAIN}`,
    });
  }
  return { type, key, count, rest };
}

/** Bytes that one counted unit of a storage takes. */
export function unitBytes(type: StorageType): number {
  return type.dtype === null ? 1 : dtypeBits(type.dtype) / 8;
}

/** One key names one storage of one type: torch.save refuses to write anything else. */
export function checkSameType(file: string, key: string, before: StorageType, now: StorageType): void {
  if (before === now) return;
  throw fault('bad-pickle', file, 'The pickle gives one storage two types.', {
    tensor: `storage "${key}"`,
    found: `torch.${now.name}`,
    expected: `torch.${before.name}, as before`,
  });
}

function isStorageType(value: PickleValue | undefined): value is StorageType {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'storage-type';
}

/** Bytes of `count` elements. Throws a RangeError for packed types, and where the number is not exact. */
export function storageBytes(count: number, dtype: DType): number {
  const bytes = count * dtypeBytes(dtype);
  if (!Number.isSafeInteger(bytes)) throw new RangeError(`${count} elements of ${dtype} are too many to write`);
  return bytes;
}
