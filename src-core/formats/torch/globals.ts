/**
 * The names that a pickle may use, by exact module and name, and what calling each one gives. There is no way from a
 * name to anything that is not in this file: weights need no more (`torch/_weights_only_unpickler.py` allows more,
 * such as sparse and quantized tensors, which the formats written here could not hold).
 */
import { dtypeFromTorchName, type DType } from '../../tensor/dtype.ts';
import { fault } from './faults.ts';
import type { Machine, UnbuiltReference } from './machine.ts';
import { rebuildMetaTensor, rebuildTensor, sizesOf } from './rebuild.ts';
import { STORAGE_TYPES } from './storages.ts';
import {
  describeValue,
  isDict,
  isMetaTensor,
  isTensor,
  OrderedDict,
  type KnownGlobal,
  type PickleValue,
  type StorageType,
  type TorchDType,
} from './values.ts';

/** Every torch.dtype, by the name under which it is pickled. */
const DTYPE_NAMES = [
  ...['bool', 'bfloat16', 'float16', 'float32', 'float64', 'complex32', 'complex64', 'complex128'],
  ...['float8_e4m3fn', 'float8_e4m3fnuz', 'float8_e5m2', 'float8_e5m2fnuz', 'float8_e8m0fnu', 'float4_e2m1fn_x2'],
  ...[8, 16, 32, 64].flatMap((bits) => [`int${bits}`, `uint${bits}`]),
  ...[1, 2, 3, 4, 5, 6, 7].flatMap((bits) => [`int${bits}`, `uint${bits}`]),
  ...['qint8', 'qint32', 'quint8', 'quint4x2', 'quint2x4', 'bits1x8', 'bits2x4', 'bits4x2', 'bits8', 'bits16'],
];

const TENSOR_REFERENCE = known('torch_xla.utils.serialization', 'TensorReference');
const ORDERED_DICT = known('collections', 'OrderedDict');

/** What may be called, and how. */
const CALLS = new Map<KnownGlobal, (machine: Machine, args: readonly PickleValue[]) => PickleValue>([
  [ORDERED_DICT, orderedDict],
  [known('torch', 'Size'), size],
  [known('torch', 'device'), device],
  [known('torch._utils', '_rebuild_tensor'), (machine, args) => rebuildTensor(machine, args, 4)],
  [known('torch._utils', '_rebuild_tensor_v2'), (machine, args) => rebuildTensor(machine, args, 6)],
  [known('torch._utils', '_rebuild_tensor_v3'), (machine, args) => rebuildTensor(machine, args, 7)],
  [known('torch._utils', '_rebuild_meta_tensor_no_storage'), rebuildMetaTensor],
  [known('torch._utils', '_rebuild_parameter'), parameter],
  [known('torch._utils', '_rebuild_parameter_with_state'), parameter],
]);

const GLOBALS: ReadonlyMap<string, KnownGlobal | StorageType | TorchDType> = new Map(
  [
    ...[...CALLS.keys(), TENSOR_REFERENCE].map((global) => [key(global.module, global.name), global] as const),
    ...STORAGE_TYPES.map(([name, dtype]) => [key('torch', name), storageType(name, dtype, false)] as const),
    [key('torch.storage', 'UntypedStorage'), storageType('UntypedStorage', null, true)] as const,
    ...DTYPE_NAMES.map((name) => [key('torch', name), dtypeToken(name)] as const),
  ].map(([name, value]) => [name, Object.freeze(value)]),
);

/** The value of a name. Throws `forbidden-pickle` for every name that is not on the list. */
export function resolveGlobal(machine: Machine, module: string, name: string): PickleValue {
  const value = GLOBALS.get(key(module, name));
  if (value !== undefined) return value;
  throw fault('forbidden-pickle', machine.context.file, 'The file asks for Python code. Nothing was executed.', {
    found: `the name ${module}.${name}`,
    expected: 'only names that weights need, such as torch.FloatStorage',
    advice:
      'Open the file only where you trust who made it, and save its tensors alone (a state dict) with torch.save.',
  });
}

/** REDUCE: calls `callee`. */
export function callGlobal(machine: Machine, callee: PickleValue, args: PickleValue): PickleValue {
  const call = CALLS.get(callee as KnownGlobal);
  if (call === undefined) {
    throw machine.fault('The pickle calls what cannot be called.', { found: describeValue(callee) });
  }
  if (!Array.isArray(args)) throw badArguments(machine, describeValue(callee), describeValue(args));
  return call(machine, args as PickleValue[]);
}

/** NEWOBJ: only tensor references are made this way. */
export function makeObject(machine: Machine, type: PickleValue, args: PickleValue): PickleValue {
  if (type !== TENSOR_REFERENCE || !Array.isArray(args) || args.length > 0) {
    throw machine.fault('The pickle makes an object that weights do not need.', { found: describeValue(type) });
  }
  machine.spendContainer(0);
  const reference: UnbuiltReference = { kind: 'tensor-reference', tid: -1 };
  machine.unbuilt.add(reference);
  return reference;
}

/** BUILD: tells a tensor reference its number. The state of an OrderedDict (`_metadata` of a state dict) is dropped. */
export function buildObject(machine: Machine, target: PickleValue, state: PickleValue): void {
  if (target instanceof OrderedDict && isDict(state)) return;
  if (!machine.unbuilt.delete(target)) {
    throw machine.fault('The pickle sets up an object that weights do not need.', { found: describeValue(target) });
  }
  const tid = isDict(state) && state.size === 1 ? state.get('tid') : undefined;
  if (typeof tid !== 'number' || !Number.isSafeInteger(tid) || tid < 0) {
    throw machine.fault('A tensor reference of the pickle has no valid number.', {
      found: describeValue(tid ?? state),
      expected: 'tid, an integer from 0',
    });
  }
  (target as UnbuiltReference).tid = tid;
}

function orderedDict(machine: Machine, args: readonly PickleValue[]): PickleValue {
  const dict = new OrderedDict();
  const [pairs] = args;
  machine.spendContainer(0);
  if (args.length === 0) return dict;
  // Python 2 wrote the entries as a list of pairs.
  if (args.length > 1 || !Array.isArray(pairs)) throw badArguments(machine, 'OrderedDict', describeValue(pairs));
  for (const pair of pairs as PickleValue[]) {
    if (!Array.isArray(pair) || pair.length !== 2) throw badArguments(machine, 'OrderedDict', describeValue(pair));
    const [name, value] = pair as PickleValue[];
    machine.setEntry(dict, name, value!);
  }
  return dict;
}

function size(machine: Machine, args: readonly PickleValue[]): PickleValue {
  if (args.length !== 1) throw badArguments(machine, 'torch.Size', `${args.length} arguments`);
  return sizesOf(machine, args[0], 'A size');
}

function device(machine: Machine, args: readonly PickleValue[]): PickleValue {
  const [name, index] = args;
  if (typeof name !== 'string' || args.length > 2 || (index !== undefined && typeof index !== 'number')) {
    throw badArguments(machine, 'torch.device', describeValue(name));
  }
  machine.spendContainer(0);
  return { kind: 'device', name: index === undefined ? name : `${name}:${index}` };
}

/** A Parameter is its tensor here: `requires_grad`, hooks and attributes do not matter to weights. */
function parameter(machine: Machine, args: readonly PickleValue[]): PickleValue {
  const [tensor] = args;
  if ((isTensor(tensor) || isMetaTensor(tensor)) && (args.length === 3 || args.length === 4)) return tensor;
  throw badArguments(machine, '_rebuild_parameter', describeValue(tensor));
}

function badArguments(machine: Machine, callee: string, found: string): Error {
  return machine.fault(`The pickle calls ${callee} with what it does not take.`, { found });
}

function known(module: string, name: string): KnownGlobal {
  return { kind: 'global', module, name };
}

function storageType(name: string, dtype: DType | null, untyped: boolean): StorageType {
  return { kind: 'storage-type', name, dtype, untyped };
}

function dtypeToken(name: string): TorchDType {
  return { kind: 'dtype', name, dtype: dtypeFromTorchName(name) };
}

/** Both parts are lines of the pickle, so neither holds a line feed: no two names share a key. */
function key(module: string, name: string): string {
  return `${module}\n${name}`;
}
