/** What the files of a checkpoint mean: weights, the info beside xser references, and metadata saved as a pickle. */
import { MAX_JSON_DEPTH, MAX_JSON_VALUES, MAX_NAME_LENGTH, MAX_TENSOR_DIMENSIONS } from '../../limits.ts';
import { dtypeBits, type DType } from '../../tensor/dtype.ts';
import { isValidShape, type Shape } from '../../tensor/shape.ts';
import { fault, overLimit, SAVE_AGAIN } from './faults.ts';
import {
  describeValue,
  isDict,
  isDTypeToken,
  isMetaTensor,
  isTensor,
  isTensorReference,
  type MetaTensor,
  type PickleDict,
  type PickleValue,
  type TensorReference,
  type TorchTensor,
} from './values.ts';

/** What `<rank file>.info.pt` says about one tensor, so that it need not be opened to know its shape. */
export interface TensorInfo {
  readonly dtype: DType;
  readonly shape: Shape;
  /** True if expert parallelism spreads it over ranks. */
  readonly expertModelParallel: boolean;
}

/** Where a file keeps its weights if not at the top: NxD's trainer uses the first, many others the second. */
const WRAPPERS = ['model', 'state_dict'];

/** What a state dict can hold under a name: a tensor, a reference to the file that has it (xser), or a shape without data. */
export type SavedTensor = TorchTensor | TensorReference | MetaTensor;

function isSavedTensor(value: PickleValue): value is SavedTensor {
  return isTensor(value) || isTensorReference(value) || isMetaTensor(value);
}

/**
 * The weights of a file by name, in its order: the top dict where it holds tensors, else the one under "model" or
 * "state_dict". Numbers, texts and None among them are passed over. Throws `missing-tensor` for a file that holds other
 * things only, `unsupported` for anything else among the weights, because passing over it could lose weights.
 */
export function stateDictOf(value: PickleValue, fileName: string): Map<string, SavedTensor> {
  const weights = new Map<string, SavedTensor>();
  const dict = dictWithWeights(value);
  // A pipeline stage of which an adapter targets nothing saves an empty dict.
  if (dict?.size === 0) return weights;
  for (const [name, entry] of dict ?? []) {
    if (isSavedTensor(entry)) {
      weights.set(checkedName(name, fileName), entry);
    } else if (typeof entry === 'object' && entry !== null) {
      throw fault('unsupported', fileName, 'Among the weights stands something that is no tensor.', {
        tensor: String(name),
        found: describeValue(entry),
        expected: 'a tensor for each name',
        advice: 'Save the tensors alone, as module.state_dict() returns them.',
      });
    }
  }
  if (weights.size > 0) return weights;
  throw fault('missing-tensor', fileName, 'The file holds no weights.', {
    found: describeValue(value),
    expected: 'a dict of tensors, or one under "model" or "state_dict"',
    advice: 'Check that this is the file of the model and not of the optimizer or the scheduler.',
  });
}

function dictWithWeights(value: PickleValue): PickleDict | null {
  if (!isDict(value)) return null;
  const wrapped = WRAPPERS.map((name) => value.get(name)).find((entry) => isDict(entry));
  if (wrapped === undefined) return value;
  // Tensors beside it mean that the top is the state dict; what "model" is then, the caller asks.
  return [...value.values()].some(isSavedTensor) ? value : wrapped;
}

function checkedName(name: PickleValue, fileName: string): string {
  if (typeof name !== 'string' || name === '') {
    throw fault('bad-pickle', fileName, 'A weight has no name.', { found: describeValue(name), advice: SAVE_AGAIN });
  }
  if (name.length > MAX_NAME_LENGTH) {
    throw overLimit(fileName, 'The name of a weight is too long.', `${name.length} characters`, MAX_NAME_LENGTH);
  }
  return name;
}

/** The tensor of `tensor_<tid>.pt`. Throws `missing-tensor` where the file holds something else. */
export function singleTensorOf(value: PickleValue, fileName: string): TorchTensor {
  if (isTensor(value)) return value;
  throw fault('missing-tensor', fileName, 'The file does not hold a tensor.', {
    found: describeValue(value),
    expected: 'one tensor, as xser saves each in a file of its own',
  });
}

/** The entries of `<rank file>.info.pt` by tensor number. Throws `bad-pickle`, and `unsupported` for element types. */
export function tensorInfoOf(value: PickleValue, fileName: string): Map<number, TensorInfo> {
  const info = new Map<number, TensorInfo>();
  if (!isDict(value)) throw badInfo(fileName, describeValue(value));
  for (const [tid, entry] of value) {
    if (typeof tid !== 'number' || !Number.isSafeInteger(tid) || tid < 0) throw badInfo(fileName, describeValue(tid));
    if (!isDict(entry)) throw badInfo(fileName, describeValue(entry), tid);
    info.set(tid, readInfo(entry, fileName, tid));
  }
  return info;
}

function readInfo(entry: PickleDict, fileName: string, tid: number): TensorInfo {
  const dtype = entry.get('dtype');
  const shape = entry.get('shape');
  const expertModelParallel = entry.get('expert_model_parallel') ?? false;
  if (!isDTypeToken(dtype)) throw badInfo(fileName, `dtype: ${describeValue(dtype)}`, tid);
  if (dtype.dtype === null || dtypeBits(dtype.dtype) % 8 !== 0) {
    throw fault('unsupported', fileName, 'A tensor has a type that Shardloom does not handle.', {
      tensor: `tensor ${tid}`,
      found: `torch.${dtype.name}`,
      expected: 'a type that safetensors can hold, of whole bytes',
    });
  }
  const sizes: readonly unknown[] | null = Array.isArray(shape) ? shape : null;
  if (sizes === null || sizes.length > MAX_TENSOR_DIMENSIONS || !isValidShape(sizes)) {
    throw badInfo(fileName, `shape: ${describeValue(shape)}`, tid);
  }
  if (typeof expertModelParallel !== 'boolean') {
    throw badInfo(fileName, `expert_model_parallel: ${describeValue(expertModelParallel)}`, tid);
  }
  return { dtype: dtype.dtype, shape: [...sizes], expertModelParallel };
}

function badInfo(fileName: string, found: string, tid?: number): Error {
  return fault('bad-pickle', fileName, 'The file does not describe tensors.', {
    ...(tid !== undefined && { tensor: `tensor ${tid}` }),
    found,
    expected: '{number: {dtype, shape, expert_model_parallel}}',
  });
}

/**
 * A value as JSON.parse would give it: dicts become objects (numbers as keys become text, as json.dump writes them),
 * with `__proto__` as a property like any other. Throws `bad-metadata` for what JSON cannot hold, `over-limit` for
 * values nested too deeply or, where parts are shared, too large once written out.
 */
export function plainJsonOf(value: PickleValue, fileName: string): unknown {
  let left = MAX_JSON_VALUES;
  const walk = (node: PickleValue, depth: number): unknown => {
    if (depth > MAX_JSON_DEPTH) {
      throw overLimit(fileName, 'The metadata is nested too deeply.', `over ${MAX_JSON_DEPTH} levels`, MAX_JSON_DEPTH);
    }
    if (--left < 0) {
      throw overLimit(fileName, 'The metadata is too large.', `over ${MAX_JSON_VALUES} values`, MAX_JSON_VALUES);
    }
    if (node === null || typeof node === 'boolean' || typeof node === 'number' || typeof node === 'string') return node;
    if (Array.isArray(node)) return (node as PickleValue[]).map((item) => walk(item, depth + 1));
    if (isDTypeToken(node)) return `torch.${node.name}`;
    if (!isDict(node)) throw notPlain(fileName, describeValue(node));
    const entries = [...node].map(([key, entry]) => [String(key), walk(entry, depth + 1)] as const);
    const object: unknown = Object.fromEntries(entries);
    if (new Set(entries.map(([key]) => key)).size < entries.length) {
      throw notPlain(fileName, 'a dict with two keys that read the same');
    }
    return object;
  };
  return walk(value, 0);
}

function notPlain(fileName: string, found: string): Error {
  return fault('bad-metadata', fileName, 'The metadata holds something other than plain values.', {
    found,
    expected: 'dicts, lists, texts, numbers, booleans and None',
    advice: 'Copy the metadata file again from the training machine.',
  });
}
