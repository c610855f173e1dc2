/**
 * What a torch file holds, as plain data. Python's None, bool, str, float and int become null, boolean, string and
 * number (bigint where a number is not exact); tuples, lists and torch.Size become arrays; dicts become Maps, because
 * a Map has no prototype that a key of a hostile file could reach.
 */
import type { DType } from '../../tensor/dtype.ts';
import { formatShape } from '../../units.ts';

/** A strided array in the file, checked to lie inside its storage. */
export interface TorchTensor {
  readonly kind: 'tensor';
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** Steps between neighbours along each axis, in elements; never negative, may be 0 (`tensor.expand`). */
  readonly strides: readonly number[];
  /** Where element [0, 0, …] begins, in bytes from the start of the file. */
  readonly byteOffset: number;
  /** Name of the storage; tensors that share memory have the same. */
  readonly storageKey: string;
  /** Bytes of that whole storage. */
  readonly storageBytes: number;
}

/** A tensor on torch's `meta` device: a shape without data. The pickle holds nothing else of it. */
export interface MetaTensor {
  readonly kind: 'meta-tensor';
  readonly shape: readonly number[];
}

/** `torch_xla.utils.serialization.TensorReference`: the tensor lies in `tensor_<tid>.pt` beside the file. */
export interface TensorReference {
  readonly kind: 'tensor-reference';
  readonly tid: number;
}

/** `torch.<name>`; `dtype` is null for types that Shardloom does not handle (complex128, quantized ones, …). */
export interface TorchDType {
  readonly kind: 'dtype';
  readonly name: string;
  readonly dtype: DType | null;
}

/** `torch.<Kind>Storage`. `dtype` is null for kinds that Shardloom does not handle and for the untyped one. */
export interface StorageType {
  readonly kind: 'storage-type';
  readonly name: string;
  readonly dtype: DType | null;
  /** True for `torch.storage.UntypedStorage`, which counts bytes. */
  readonly untyped: boolean;
}

/** One storage: a run of bytes of the file. */
export interface TorchStorage {
  readonly kind: 'storage';
  readonly key: string;
  readonly type: StorageType;
  /** In bytes from the start of the file. */
  readonly byteOffset: number;
  readonly byteLength: number;
}

/** `torch.device(name)`. */
export interface TorchDevice {
  readonly kind: 'device';
  readonly name: string;
}

/** A function or class of the allowlist, standing for itself. */
export interface KnownGlobal {
  readonly kind: 'global';
  readonly module: string;
  readonly name: string;
}

export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | readonly PickleValue[]
  | PickleDict
  | TorchTensor
  | MetaTensor
  | TensorReference
  | TorchDType
  | StorageType
  | TorchStorage
  | TorchDevice
  | KnownGlobal;

export type PickleKey = null | boolean | number | bigint | string;

/** A Python dict in insertion order. */
export type PickleDict = ReadonlyMap<PickleKey, PickleValue>;

/** A `collections.OrderedDict`: the same as a dict, only known apart because torch.save writes it differently. */
export class OrderedDict extends Map<PickleKey, PickleValue> {}

export function isDict(value: PickleValue | undefined): value is PickleDict {
  return value instanceof Map;
}

export function isTensor(value: PickleValue | undefined): value is TorchTensor {
  return isKind(value, 'tensor');
}

export function isMetaTensor(value: PickleValue | undefined): value is MetaTensor {
  return isKind(value, 'meta-tensor');
}

export function isTensorReference(value: PickleValue | undefined): value is TensorReference {
  return isKind(value, 'tensor-reference');
}

export function isDTypeToken(value: PickleValue | undefined): value is TorchDType {
  return isKind(value, 'dtype');
}

function isKind(value: PickleValue | undefined, kind: string): boolean {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === kind;
}

/** What a value is, in words for an error message. */
export function describeValue(value: PickleValue | undefined): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'None';
  if (typeof value === 'string') return `the text "${value.length > 60 ? `${value.slice(0, 60)}…` : value}"`;
  if (typeof value !== 'object') return `${typeof value} ${String(value)}`;
  if (isDict(value)) return `a dict of ${value.size} entries`;
  if (!('kind' in value)) return `a list or tuple of ${value.length} items`;
  switch (value.kind) {
    case 'tensor':
      return `a tensor of shape ${formatShape(value.shape)}`;
    case 'meta-tensor':
      return `a tensor of shape ${formatShape(value.shape)} without data`;
    case 'tensor-reference':
      return `a reference to tensor ${value.tid}`;
    case 'dtype':
    case 'storage-type':
      return `the type torch.${value.name}`;
    case 'storage':
      return `the storage "${value.key}"`;
    case 'device':
      return `the device "${value.name}"`;
    case 'global':
      return `the name ${value.module}.${value.name}`;
  }
}
