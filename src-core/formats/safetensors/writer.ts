import { MAX_SAFETENSORS_HEADER_BYTES } from '../../limits.ts';
import type { DType } from '../../tensor/dtype.ts';
import type { Shape } from '../../tensor/shape.ts';
import { ShardloomError } from '../../errors.ts';
import {
  bad,
  compareForWriting,
  LENGTH_BYTES,
  METADATA_NAME,
  tensorBytes,
  validateHeader,
  type HeaderTensor,
} from './header.ts';
import { formatBytes } from '../../units.ts';

export interface TensorToWrite {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
}

/** Where everything stands in a file that is going to be written. Plain data; the tensors' bytes are not in it. */
export interface SafetensorsLayout {
  readonly size: number;
  readonly pieces: readonly { readonly at: number; readonly bytes: Uint8Array }[];
  readonly tensors: readonly { readonly name: string; readonly at: number; readonly byteLength: number }[];
}

/** Lays out a safetensors file as the reference library's writer does, so that equal tensors give an equal file. */
export function layoutSafetensors(
  tensors: readonly TensorToWrite[],
  metadata: ReadonlyMap<string, string>,
): SafetensorsLayout {
  checkNames(tensors);
  let end = 0;
  const placed = [...tensors].sort(compareForWriting).map((tensor): HeaderTensor => {
    const begin = end;
    end += tensorBytes(tensor.dtype, tensor.shape);
    return { ...tensor, begin, end };
  });
  validateHeader({ metadata, tensors: placed }, 'the safetensors file to be written');
  const header = headerBytes(placed, metadata);
  return {
    size: header.byteLength + end,
    pieces: [{ at: 0, bytes: header }],
    tensors: placed.map(({ name, begin, end: to }) => ({
      name,
      at: header.byteLength + begin,
      byteLength: to - begin,
    })),
  };
}

/** The format keeps one name for itself; a tensor of that name would take its place. */
function checkNames(tensors: readonly TensorToWrite[]): void {
  if (!tensors.some(({ name }) => name === METADATA_NAME)) return;
  throw new ShardloomError({
    tag: 'unsupported',
    what: 'A safetensors file cannot hold a tensor of this name.',
    tensor: METADATA_NAME,
    advice: 'Write the weights in the other format: --format pytorch.',
  });
}

/** The header with its length in front, padded with spaces to a multiple of 8 as the reference does. */
function headerBytes(tensors: readonly HeaderTensor[], metadata: ReadonlyMap<string, string>): Uint8Array {
  const entries = tensors.map(({ name, dtype, shape, begin, end }): [string, unknown] => {
    return [name, { dtype, shape, data_offsets: [begin, end] }];
  });
  if (metadata.size > 0) entries.unshift([METADATA_NAME, Object.fromEntries(metadata)]);
  // Joined by hand: an object would put names that are whole numbers first.
  const json = `{${entries.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(',')}}`;
  const text = Buffer.from(json, 'utf8');
  const length = Math.ceil(text.byteLength / LENGTH_BYTES) * LENGTH_BYTES;
  if (length > MAX_SAFETENSORS_HEADER_BYTES) {
    throw bad(
      'the safetensors file to be written',
      undefined,
      'The header would be larger than readers accept.',
      formatBytes(length),
    );
  }
  const bytes = new Uint8Array(LENGTH_BYTES + length).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(text, LENGTH_BYTES);
  return bytes;
}
