import fs from 'node:fs';
import path from 'node:path';
import { crc32 } from 'node:zlib';
import { finishTorchArchive, layoutTorchArchive, type WritableValue } from '../../src-core/formats/torch/index.ts';
import type { StoredTensor } from '../../src-core/tensor/stored.ts';

/** A tensor to be saved. */
export interface ToSave {
  readonly dtype: StoredTensor['dtype'];
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

type Tensors = ReadonlyMap<string, ToSave>;

/** Saves a state dict as torch.save does. */
export function saveStateDict(file: string, tensors: Tensors): void {
  const specs = [...tensors].map(
    ([name, { dtype, shape }]) => [name, { kind: 'tensor' as const, dtype, shape }] as const,
  );
  writeArchive(file, new Map(specs), [...tensors.values()]);
}

/** Saves a state dict as torch_xla's serialization does: references, and each tensor in a file of its own. */
export function saveXser(
  file: string,
  tensors: Tensors,
  withInfo: boolean,
  { expertModelParallel = false }: { readonly expertModelParallel?: boolean } = {},
): void {
  const names = [...tensors.keys()];
  writeArchive(file, new Map(names.map((name, tid) => [name, { kind: 'tensor-reference' as const, tid }])), []);
  const entries = [...tensors.values()].map(({ dtype, shape }, tid) => {
    return [tid, { dtype, shape, expertModelParallel }] as const;
  });
  if (withInfo) writeArchive(`${file}.info.pt`, { kind: 'tensor-info', entries: new Map(entries) }, []);
  [...tensors.values()].forEach((tensor, tid) => {
    const { dtype, shape } = tensor;
    writeArchive(`${file}.tensors/tensor_${tid}.pt`, { kind: 'tensor', dtype, shape }, [tensor]);
  });
}

function writeArchive(file: string, value: WritableValue, tensors: readonly ToSave[]): void {
  const layout = layoutTorchArchive(path.basename(file).replace(/\.[^.]+$/, ''), value);
  const content = Buffer.alloc(layout.size);
  for (const { at, bytes } of layout.pieces) content.set(bytes, at);
  layout.tensors.forEach(({ at }, index) => content.set(tensors[index]!.bytes, at));
  const crcs = layout.tensors.map((_, index) => crc32(tensors[index]!.bytes));
  for (const { at, bytes } of finishTorchArchive(layout, crcs)) content.set(bytes, at);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  fs.writeFileSync(file, content);
}

/** Overwrites bytes of a file in place. */
export function patchFile(file: string, at: number, bytes: Uint8Array): void {
  const fd = fs.openSync(file, 'r+');
  fs.writeSync(fd, bytes, 0, bytes.byteLength, at);
  fs.closeSync(fd);
}

/** Changes a JSON file. */
export function editJson(file: string, edit: (document: never) => void): void {
  const document = JSON.parse(fs.readFileSync(file, 'utf8')) as never;
  edit(document);
  fs.writeFileSync(file, JSON.stringify(document));
}
