/** Writes whole archives into memory, from contents or from what another archive holds. */
import { crc32 } from 'node:zlib';
import { MemorySource } from '../../../src-core/bytes/source.ts';
import {
  finishTorchArchive,
  isDict,
  isTensor,
  isTensorReference,
  layoutTorchArchive,
  OrderedDict,
  readTorchFile,
  tensorInfoOf,
  type ArchiveLayout,
  type PickleValue,
  type TorchTensor,
  type WritableEntry,
  type WritableValue,
} from '../../../src-core/formats/torch/index.ts';

/** An archive in memory. Tensors without contents are zeros; a file of one tensor has its contents under "tensor". */
export function write(
  root: string,
  value: WritableValue,
  contents: ReadonlyMap<string, Uint8Array> = new Map(),
): { bytes: Uint8Array; layout: ArchiveLayout } {
  const layout = layoutTorchArchive(root, value);
  const bytes = new Uint8Array(layout.size);
  const crcs = layout.tensors.map(({ name, at, byteLength }) => {
    const content = contents.get(name) ?? new Uint8Array(byteLength);
    bytes.set(content, at);
    return crc32(content);
  });
  for (const piece of [...layout.pieces, ...finishTorchArchive(layout, crcs)]) bytes.set(piece.bytes, piece.at);
  return { bytes, layout };
}

/** Reads an archive and writes what it holds again. */
export function rewrite(file: Uint8Array, root: string): Uint8Array {
  const value = readTorchFile(new MemorySource(file, 'file.pt'));
  const contents = new Map<string, Uint8Array>();
  const entryOf = (name: string, entry: PickleValue): WritableEntry => {
    if (isTensorReference(entry)) return entry;
    if (!isTensor(entry)) throw new Error(`${name} is no tensor`);
    contents.set(name, storageOf(file, entry));
    return { kind: 'tensor', dtype: entry.dtype, shape: entry.shape };
  };
  return write(root, writableOf(value, entryOf), contents).bytes;
}

function writableOf(value: PickleValue, entryOf: (name: string, entry: PickleValue) => WritableEntry): WritableValue {
  if (!isDict(value)) return entryOf('tensor', value);
  if ([...value.keys()].every((key) => typeof key === 'number')) {
    return { kind: 'tensor-info', entries: tensorInfoOf(value, 'file.pt') };
  }
  const entries = new Map([...value].map(([name, entry]) => [name as string, entryOf(name as string, entry)]));
  return value instanceof OrderedDict ? entries : { kind: 'dict', entries };
}

function storageOf(file: Uint8Array, { byteOffset, storageBytes }: TorchTensor): Uint8Array {
  return file.subarray(byteOffset, byteOffset + storageBytes);
}
