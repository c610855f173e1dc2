/** What can be written as a torch file, and its pickle as torch.save makes it. */
import { torchName, type DType } from '../../tensor/dtype.ts';
import { contiguousStrides, elementCount, type Shape } from '../../tensor/shape.ts';
import { Pickler } from './pickler.ts';
import type { TensorInfo } from './state-dict.ts';
import { STORAGE_TYPES, storageBytes } from './storages.ts';
import type { TensorReference } from './values.ts';

/** A tensor to be written: contiguous, in a storage of its own. */
export interface TensorSpec {
  readonly kind: 'tensor';
  readonly dtype: DType;
  readonly shape: Shape;
}

export type WritableEntry = TensorSpec | TensorReference;

/**
 * What a file can hold. A Map is a state dict and becomes an OrderedDict, as `module.state_dict()` returns; `dict`
 * becomes a plain dict; `tensor-info` is what stands beside xser references.
 */
export type WritableValue =
  | ReadonlyMap<string, WritableEntry>
  | { readonly kind: 'dict'; readonly entries: ReadonlyMap<string, WritableEntry> }
  | { readonly kind: 'tensor-info'; readonly entries: ReadonlyMap<number, TensorInfo> }
  | WritableEntry;

/** A storage that a pickle refers to. Its key is its position among them. */
export interface WrittenStorage {
  /** Name in the state dict; "tensor" for a file of one tensor. */
  readonly name: string;
  readonly byteLength: number;
}

/**
 * The pickle of a value and the storages it refers to, by key. Throws a RangeError for types that torch cannot hold.
 */
export function pickleOf(value: WritableValue): { pickle: Uint8Array; storages: WrittenStorage[] } {
  const pickler = new Pickler();
  const storages: WrittenStorage[] = [];
  const writeNamed = ([name, entry]: readonly [string, WritableEntry]): void => {
    pickler.text(name);
    writeEntry(pickler, storages, name, entry);
  };
  if (value instanceof Map) {
    writeOrderedDict(pickler);
    pickler.iteratedEntries([...(value as ReadonlyMap<string, WritableEntry>)], writeNamed);
  } else {
    const other = value as Exclude<WritableValue, ReadonlyMap<string, WritableEntry>>;
    if (other.kind === 'dict') {
      pickler.emptyDict();
      pickler.dictEntries([...other.entries], writeNamed);
    } else if (other.kind === 'tensor-info') {
      writeInfo(pickler, other.entries);
    } else {
      writeEntry(pickler, storages, 'tensor', other);
    }
  }
  return { pickle: pickler.finish(), storages };
}

function writeEntry(pickler: Pickler, storages: WrittenStorage[], name: string, entry: WritableEntry): void {
  if (entry.kind === 'tensor-reference') writeReference(pickler, entry.tid);
  else writeTensor(pickler, storages, name, entry);
}

function writeReference(pickler: Pickler, tid: number): void {
  pickler.global('torch_xla.utils.serialization', 'TensorReference');
  pickler.tuple(0);
  pickler.newObject();
  pickler.emptyDict();
  pickler.dictEntries([tid], (number) => {
    pickler.constant('tid');
    pickler.integer(number);
  });
  pickler.build();
}

/** As `Tensor._reduce_ex_internal` and the `persistent_id` of `torch/serialization.py` have it. */
function writeTensor(pickler: Pickler, storages: WrittenStorage[], name: string, { dtype, shape }: TensorSpec): void {
  const storageType = STORAGE_TYPES.find(([, held]) => held === dtype)?.[0];
  const torchType = torchName(dtype);
  if (torchType === null) throw new RangeError(`torch has no type for ${dtype}`);
  const byteLength = storageBytes(elementCount(shape), dtype);
  pickler.global('torch._utils', storageType === undefined ? '_rebuild_tensor_v3' : '_rebuild_tensor_v2');
  pickler.mark();
  pickler.mark();
  pickler.constant('storage');
  // Types that came after storages lost theirs lie in bytes, and the tensor says what they are.
  if (storageType === undefined) pickler.global('torch.storage', 'UntypedStorage');
  else pickler.global('torch', storageType);
  pickler.text(String(storages.length));
  pickler.constant('cpu');
  pickler.integer(storageType === undefined ? byteLength : elementCount(shape));
  pickler.tuple(5);
  pickler.persistentId();
  pickler.integer(0);
  pickler.integers(shape);
  pickler.integers(contiguousStrides(shape));
  pickler.boolean(false);
  writeOrderedDict(pickler);
  if (storageType === undefined) pickler.global('torch', torchType);
  pickler.tuple(storageType === undefined ? 7 : 6);
  pickler.reduce();
  storages.push({ name, byteLength });
}

function writeOrderedDict(pickler: Pickler): void {
  pickler.global('collections', 'OrderedDict');
  pickler.tuple(0);
  pickler.reduce();
}

function writeInfo(pickler: Pickler, entries: ReadonlyMap<number, TensorInfo>): void {
  pickler.emptyDict();
  pickler.dictEntries([...entries], ([tid, { dtype, shape, expertModelParallel }]) => {
    const torchType = torchName(dtype);
    if (torchType === null) throw new RangeError(`torch has no type for ${dtype}`);
    pickler.integer(tid);
    pickler.emptyDict();
    pickler.dictEntries(['dtype', 'shape', 'expert_model_parallel'], (field) => {
      pickler.constant(field);
      if (field === 'dtype') pickler.global('torch', torchType);
      else if (field === 'shape') writeSize(pickler, shape);
      else pickler.boolean(expertModelParallel);
    });
  });
}

function writeSize(pickler: Pickler, shape: Shape): void {
  pickler.global('torch', 'Size');
  pickler.integers(shape);
  pickler.tuple(1);
  pickler.reduce();
}
