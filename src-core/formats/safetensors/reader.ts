import { readRange, type ByteSource } from '../../bytes/source.ts';
import { MAX_SAFETENSORS_HEADER_BYTES } from '../../limits.ts';
import { contiguousStrides } from '../../tensor/shape.ts';
import type { StoredTensor } from '../../tensor/stored.ts';
import { badHeaderLength, LENGTH_BYTES, parseHeader } from './header.ts';

export interface SafetensorsFile {
  readonly metadata: ReadonlyMap<string, string>;
  /** In the order of their bytes. */
  readonly tensors: readonly StoredTensor[];
}

/** Reads the header of a safetensors file and checks it against the file's length. No weights are read. */
export function readSafetensors(source: ByteSource): SafetensorsFile {
  const prefix = readRange(source, 0, LENGTH_BYTES, 'The length of the safetensors header');
  const length = new DataView(prefix.buffer).getBigUint64(0, true);
  if (length > BigInt(MAX_SAFETENSORS_HEADER_BYTES) || length > BigInt(source.size - LENGTH_BYTES)) {
    throw badHeaderLength(source.name, length, source.size);
  }
  const dataAt = LENGTH_BYTES + Number(length);
  const bytes = readRange(source, LENGTH_BYTES, Number(length), 'The safetensors header');
  const { metadata, tensors } = parseHeader(bytes, source.size - dataAt, source.name);
  return {
    metadata,
    tensors: tensors.map(({ name, dtype, shape, begin }) => ({
      name,
      file: source.name,
      byteOffset: dataAt + begin,
      dtype,
      shape,
      strides: contiguousStrides(shape),
    })),
  };
}
