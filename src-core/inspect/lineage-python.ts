import { dtypeBytes, torchName, type DType } from '../tensor/dtype.ts';
import { contiguousStrides, extent } from '../tensor/shape.ts';
import type { LineagePiece } from './lineage.ts';

/** numpy's name for the bits of a dtype; torch gives them their meaning where numpy has no such type. */
const NUMPY: Partial<Record<DType, string>> = {
  BOOL: 'bool_',
  U8: 'uint8',
  I8: 'int8',
  I16: 'int16',
  U16: 'uint16',
  F16: 'float16',
  BF16: 'int16',
  I32: 'int32',
  U32: 'uint32',
  F32: 'float32',
  I64: 'int64',
  U64: 'uint64',
  F64: 'float64',
};

/** Python that reads just the bytes of a piece of a lineage, and nothing else of the file. Needs numpy and torch. */
export function lineagePython(name: string, { tensor, at, from, size }: LineagePiece): string {
  const numpy = NUMPY[tensor.dtype] ?? 'uint8';
  const first = from.reduce((sum, index, axis) => sum + index * tensor.strides[axis]!, 0);
  const slice = at.map((start, axis) => `${start}:${start + size[axis]!}`).join(', ');
  const rank = tensor.rank ? `, TP rank ${tensor.rank.tp}, pipeline rank ${tensor.rank.pp}` : '';
  const dense = contiguousStrides(size).every((stride, axis) => size[axis] === 1 || stride === tensor.strides[axis]);
  const count = extent(size, tensor.strides);
  const lines = [
    'import numpy as np',
    'import torch',
    '',
    `# ${oneLine(name)}[${slice}]${rank}`,
    `data = np.memmap(${pythonString(tensor.file)}, dtype=np.${numpy}, mode="r", offset=${tensor.byteOffset + first * dtypeBytes(tensor.dtype)}, shape=(${count},))`,
    dense
      ? `data = data.reshape(${tuple(size)})`
      : `data = np.lib.stride_tricks.as_strided(data, ${tuple(size)}, ${tuple(tensor.strides.map((stride) => stride * dtypeBytes(tensor.dtype)))})`,
    `values = torch.from_numpy(np.array(data))${viewAs(tensor.dtype)}`,
    '',
  ];
  return lines.join('\n');
}

/** Types that numpy lacks are read as integers of their size. */
function viewAs(dtype: DType): string {
  return dtype === 'BF16' || NUMPY[dtype] === undefined ? `.view(torch.${torchName(dtype) ?? 'uint8'})` : '';
}

function tuple(values: readonly number[]): string {
  return values.length === 1 ? `(${values[0]!},)` : `(${values.join(', ')})`;
}

/** JSON's escapes are Python's too, surrogate pairs aside, which it writes as they are. */
function pythonString(text: string): string {
  return JSON.stringify(text);
}

/** Names come from other people's files: in a comment a line break would end it. */
function oneLine(text: string): string {
  return JSON.stringify(text).slice(1, -1);
}
