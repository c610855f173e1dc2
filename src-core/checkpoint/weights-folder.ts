import fs from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { statOrNull, withFile } from '../bytes/file.ts';
import { ShardloomError } from '../errors.ts';
import { readSafetensors } from '../formats/safetensors/index.ts';
import { isTensor, readTorchFile, stateDictOf } from '../formats/torch/index.ts';
import type { StoredTensor } from '../tensor/stored.ts';
import { readModelConfigFile, type ModelConfig } from './configs.ts';
import { isFileName, MAX_FILE_NAME_BYTES } from './file-names.ts';
import { readJsonFile } from './json-file.ts';

/** A folder with Hugging Face weights, opened. */
export interface WeightsFolder {
  readonly folder: string;
  /** Names of the plain files in it. */
  readonly files: readonly string[];
  /** Absent where the folder has no config.json. */
  readonly config?: ModelConfig;
  /** Every tensor by its name. */
  readonly tensors: ReadonlyMap<string, StoredTensor>;
}

/** The files that loaders look for, in the order in which they do. */
const CANDIDATES = [
  'model.safetensors',
  'model.safetensors.index.json',
  'pytorch_model.bin',
  'pytorch_model.bin.index.json',
];

const index = z.looseObject({ weight_map: z.record(z.string(), z.string()) });

/**
 * Opens Hugging Face weights, in one file or several. Reads headers only. Throws `not-a-checkpoint` where there are none,
 * `missing-file` and `missing-tensor` where the index names what is not there.
 */
export function openWeightsFolder(opened: string): WeightsFolder {
  const folder = path.resolve(opened);
  const files = plainFiles(folder);
  const main = mainFile(files);
  if (main === undefined) {
    throw new ShardloomError({
      tag: 'not-a-checkpoint',
      what: 'The folder holds no Hugging Face weights.',
      file: folder,
      isFolder: true,
      expected: CANDIDATES.join(', '),
      advice: 'Name the folder that save_pretrained wrote, or that consolidation made.',
    });
  }
  const tensors = main.endsWith('.index.json') ? indexedTensors(folder, main) : weightsOfFile(path.join(folder, main));
  const config = files.includes('config.json') ? readModelConfigFile(path.join(folder, 'config.json')) : undefined;
  return { folder, files, ...(config && { config }), tensors };
}

/** The file that leads to the weights of a model, or undefined where there are none. */
export function mainFile(files: readonly string[]): string | undefined {
  return CANDIDATES.find((name) => files.includes(name));
}

/** Names of the plain files in a folder. Throws `not-a-checkpoint` where it cannot be read. */
export function plainFiles(folder: string): string[] {
  try {
    return fs.readdirSync(folder).filter((name) => statOrNull(path.join(folder, name))?.isFile());
  } catch (error) {
    throw new ShardloomError(
      {
        tag: 'not-a-checkpoint',
        what: 'The folder cannot be read.',
        file: folder,
        isFolder: true,
        found: (error as Error).message,
        advice: 'Check its name and that you may read it.',
      },
      { cause: error },
    );
  }
}

function indexedTensors(folder: string, name: string): Map<string, StoredTensor> {
  const file = path.join(folder, name);
  const parsed = index.safeParse(readJsonFile(file));
  if (!parsed.success) {
    throw new ShardloomError({
      tag: 'bad-metadata',
      what: 'The index does not say which file holds which tensor.',
      file,
      expected: 'a "weight_map" of names to files',
      advice: 'Copy the file again from where it was written.',
    });
  }
  const byFile = new Map<string, Map<string, StoredTensor>>();
  const tensors = new Map<string, StoredTensor>();
  for (const [tensor, part] of Object.entries(parsed.data.weight_map)) {
    let held = byFile.get(part);
    if (!held) byFile.set(part, (held = weightsOfFile(path.join(folder, checkedPart(part, file)))));
    const stored = held.get(tensor);
    if (!stored) {
      throw new ShardloomError({
        tag: 'missing-tensor',
        what: 'A file lacks a tensor that the index says it holds.',
        file: path.join(folder, part),
        tensor,
        advice: 'Copy the index and all weights files again: they are not from the same save.',
      });
    }
    tensors.set(tensor, stored);
  }
  return tensors;
}

/** Names in an index come from outside: they are names of files in the folder, on every system. */
function checkedPart(part: string, file: string): string {
  if (isFileName(part)) return part;
  throw new ShardloomError({
    tag: 'bad-metadata',
    what: 'The index leads out of its folder.',
    file,
    found: part.slice(0, MAX_FILE_NAME_BYTES),
    expected: 'names of files beside it',
  });
}

/** The tensors of one weights file, safetensors or torch, by name. */
export function weightsOfFile(file: string): Map<string, StoredTensor> {
  return withFile(file, (source) => {
    if (file.endsWith('.safetensors')) {
      return new Map(readSafetensors(source).tensors.map((tensor) => [tensor.name, tensor]));
    }
    const tensors = new Map<string, StoredTensor>();
    for (const [name, tensor] of stateDictOf(readTorchFile(source), file)) {
      if (!isTensor(tensor)) continue;
      const { dtype, shape, strides, byteOffset } = tensor;
      tensors.set(name, { name, file, dtype, shape, strides, byteOffset });
    }
    return tensors;
  });
}
