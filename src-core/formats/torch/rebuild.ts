/** Tensors from the arguments of torch's rebuild functions (`torch/_utils.py`), checked against their storage. */
import { MAX_TENSOR_DIMENSIONS } from '../../limits.ts';
import { dtypeBits, type DType } from '../../tensor/dtype.ts';
import { extent, isValidShape } from '../../tensor/shape.ts';
import { fault, SAVE_AGAIN } from './faults.ts';
import type { Machine } from './machine.ts';
import {
  describeValue,
  isDict,
  isDTypeToken,
  type MetaTensor,
  type PickleValue,
  type TorchStorage,
  type TorchTensor,
} from './values.ts';
import { formatShape } from '../../units.ts';

/**
 * `_rebuild_tensor(storage, storage_offset, size, stride)` with 4 arguments; `_v2` adds requires_grad and backward
 * hooks, which do not matter here; `_v3` adds a dtype. Both may have `metadata` behind.
 */
export function rebuildTensor(machine: Machine, args: readonly PickleValue[], count: 4 | 6 | 7): TorchTensor {
  const [storage, offset, size, stride] = args;
  if (args.length < count || args.length > (count === 4 ? 4 : count + 1)) {
    throw machine.fault('The pickle rebuilds a tensor from a wrong number of arguments.', {
      found: `${args.length}`,
      expected: `${count}`,
    });
  }
  if (!isStorage(storage)) {
    throw machine.fault('The pickle rebuilds a tensor from what is no storage.', { found: describeValue(storage) });
  }
  refuseMetadata(machine, args[count]);
  const dtype = count === 7 ? namedType(machine, args[6]) : storageDType(machine, storage);
  const shape = sizesOf(machine, size, "A tensor's size");
  const strides = sizesOf(machine, stride, "A tensor's stride");
  if (!isValidShape(shape) || strides.length !== shape.length) {
    throw machine.fault("A tensor's size and stride cannot be.", {
      found: `size ${formatShape(shape)}, stride [${strides.join(', ')}]`,
      expected: 'as many strides as sizes, and a number of elements below 2^53',
    });
  }
  const byteOffset = storage.byteOffset + placeOf(machine, storage, dtype, offset, shape, strides);
  const { key: storageKey, byteLength: storageBytes } = storage;
  return { kind: 'tensor', dtype, shape, strides, byteOffset, storageKey, storageBytes };
}

/**
 * `_rebuild_meta_tensor_no_storage(dtype, size, stride, requires_grad)`: what torch pickles of a tensor on the `meta` device.
 */
export function rebuildMetaTensor(machine: Machine, args: readonly PickleValue[]): MetaTensor {
  const [dtype, size] = args;
  if (args.length !== 4 || !isDTypeToken(dtype)) {
    throw machine.fault('The pickle rebuilds a meta tensor from what it does not take.', {
      found: `${args.length} arguments, the first of them ${describeValue(dtype)}`,
      expected: 'dtype, size, stride and requires_grad',
    });
  }
  return { kind: 'meta-tensor', shape: sizesOf(machine, size, "A tensor's size") };
}

/** A tuple of integers from 0, copied because lists can still be changed by the pickle. */
export function sizesOf(machine: Machine, value: PickleValue | undefined, what: string): number[] {
  const items = Array.isArray(value) ? (value as PickleValue[]) : null;
  if (items === null || items.length > MAX_TENSOR_DIMENSIONS) {
    throw machine.fault(`${what} is not a tuple of up to ${MAX_TENSOR_DIMENSIONS} numbers.`, {
      found: describeValue(value),
    });
  }
  machine.spendContainer(items.length);
  return items.map((item) => {
    if (typeof item === 'number' && Number.isSafeInteger(item) && item >= 0) return item;
    throw machine.fault(`${what} is not made of integers from 0.`, { found: describeValue(item) });
  });
}

/** Where the tensor begins in its storage, in bytes, if all of its elements lie inside. */
function placeOf(
  machine: Machine,
  storage: TorchStorage,
  dtype: DType,
  offset: PickleValue | undefined,
  shape: readonly number[],
  strides: readonly number[],
): number {
  const elementBytes = dtypeBits(dtype) / 8;
  const available = Math.floor(storage.byteLength / elementBytes);
  const needed = extent(shape, strides);
  const isOffset = typeof offset === 'number' && Number.isSafeInteger(offset) && offset >= 0;
  // Subtraction instead of a sum: the numbers come from the file, and a sum above 2^53 would be rounded.
  if (!isOffset || offset > available || !(needed <= available - offset)) {
    throw machine.fault('A tensor reaches out of its storage.', {
      tensor: `storage "${storage.key}"`,
      found: `${needed} elements from ${describeValue(offset)}`,
      expected: `at most ${available} elements of ${dtype}`,
    });
  }
  return offset * elementBytes;
}

function isStorage(value: PickleValue | undefined): value is TorchStorage {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'storage';
}

function storageDType(machine: Machine, { type }: TorchStorage): DType {
  // torch.load wraps an untyped storage as bytes.
  if (type.untyped) return 'U8';
  return handled(machine, type.name, type.dtype);
}

function namedType(machine: Machine, value: PickleValue | undefined): DType {
  if (isDTypeToken(value)) return handled(machine, value.name, value.dtype);
  throw machine.fault("A tensor's type is not a torch.dtype.", { found: describeValue(value) });
}

function handled(machine: Machine, name: string, dtype: DType | null): DType {
  if (dtype !== null && dtypeBits(dtype) % 8 === 0) return dtype;
  throw fault(
    'unsupported',
    machine.context.file,
    'The file holds a tensor of a type that Shardloom does not handle.',
    {
      found: `torch.${name}`,
      expected: 'a type that safetensors can hold, of whole bytes',
      advice: 'Convert the tensor to another type, or leave it out, and save the file again.',
    },
  );
}

/** `metadata` marks lazy conjugation and negation: then the stored bytes are not the tensor's values. */
function refuseMetadata(machine: Machine, metadata: PickleValue | undefined): void {
  if (metadata === undefined || metadata === null || (isDict(metadata) && metadata.size === 0)) return;
  throw fault('unsupported', machine.context.file, 'The file holds a tensor that is lazily conjugated or negated.', {
    found: describeValue(metadata),
    expected: 'a tensor whose stored bytes are its values',
    advice: `Call resolve_conj() and resolve_neg() on the tensor before saving. ${SAVE_AGAIN}`,
  });
}
