import fs from 'node:fs';
import path from 'node:path';
import { reading } from '../bytes/file.ts';
import type { StoredTensor } from '../tensor/stored.ts';
import { readAdapterConfig, type AdapterConfig } from './configs.ts';
import { weightsOfFile } from './weights-folder.ts';

/** A PEFT adapter as `save_pretrained` writes it, opened. */
export interface AdapterFolder {
  /** "default" for the one in the opened folder itself, else the name of its folder. */
  readonly name: string;
  readonly folder: string;
  readonly config: AdapterConfig;
  /** Every tensor by its name, `base_model.model.` included. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
}

const WEIGHTS = ['adapter_model.safetensors', 'adapter_model.bin'];

/** The adapters in a folder: in itself, and in the folders in it. Reads headers only. */
export function openAdapterFolders(opened: string): AdapterFolder[] {
  const folder = path.resolve(opened);
  const inside = reading(folder, () => fs.readdirSync(folder, { withFileTypes: true }))
    .filter((entry) => entry.isDirectory())
    .map((entry) => entry.name)
    .sort();
  return [...openAdapter(folder, 'default'), ...inside.flatMap((name) => openAdapter(path.join(folder, name), name))];
}

/** The adapter in one folder, or none. */
function openAdapter(folder: string, name: string): AdapterFolder[] {
  const weights = WEIGHTS.map((file) => path.join(folder, file)).find((file) => fs.existsSync(file));
  if (weights === undefined) return [];
  return [{ name, folder, config: readAdapterConfig(folder), tensors: weightsOfFile(weights) }];
}
