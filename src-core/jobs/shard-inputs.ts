import path from 'node:path';
import { openAdapterFolders } from '../checkpoint/adapter-folder.ts';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { findModelConfig, type ModelConfig } from '../checkpoint/configs.ts';
import { mainFile, openWeightsFolder, plainFiles } from '../checkpoint/weights-folder.ts';
import { ShardloomError } from '../errors.ts';
import { openCheckpoint } from '../models/open-checkpoint.ts';
import { partsOf } from '../inspect/parts.ts';
import type { StateDict } from '../specs/spec.ts';
import type { StoredTensor } from '../tensor/stored.ts';
import { viewOf } from '../tensor/view.ts';

/** Hugging Face weights or adapters, or a checkpoint that is sharded already. */
export type ShardSourceKind = 'hugging-face' | 'checkpoint';

/** What is going to be sharded: original weights as views, wherever they lie. */
export interface ShardInput {
  readonly root: string;
  /** Names of the plain files in `root`. */
  readonly files: readonly string[];
  readonly config: ModelConfig;
  /** Absent where there are adapters alone. */
  readonly model?: StateDict;
  readonly adapters: readonly { readonly name: string; readonly weights: StateDict; readonly configFile?: string }[];
}

/** What is to be sharded, from a folder of either kind. */
export function openShardInput(from: ShardSourceKind, folder: string, config?: string): ShardInput {
  return from === 'checkpoint' ? originalsOf(openCheckpoint(folder), config) : openHuggingFace(folder, config);
}

/**
 * Hugging Face weights, adapters, or both. `config` names the config.json of the base model, or its folder, where it does not
 * stand beside the weights. Throws `not-a-checkpoint` for a folder without weights.
 */
function openHuggingFace(opened: string, config?: string): ShardInput {
  const root = path.resolve(opened);
  const files = plainFiles(root);
  const adapters = openAdapterFolders(root);
  // A folder without either has the better message from where models are opened.
  const model = mainFile(files) !== undefined || adapters.length === 0 ? openWeightsFolder(root) : undefined;
  const bases = adapters.flatMap((adapter) => adapter.config.baseModel ?? []);
  return {
    root,
    files,
    config: findModelConfig(root, config, bases),
    ...(model && { model: viewsOf(model.tensors) }),
    adapters: adapters.map(({ name, tensors, config: { file } }) => {
      return { name, weights: viewsOf(tensors), configFile: file };
    }),
  };
}

/** A sharded checkpoint, joined on views. Throws the first error where its shards cannot be joined. */
function originalsOf(checkpoint: Checkpoint, config?: string): ShardInput {
  const { found, adapters } = checkpoint;
  const parts = partsOf(checkpoint);
  const problem = [...checkpoint.findings, ...parts.flatMap((part) => part.problem ?? [])].find(
    ({ severity }) => severity === 'error',
  );
  if (problem) throw new ShardloomError(problem);
  const weightsOf = (index: number): StateDict =>
    new Map([...parts[index]!.weights!].map(([name, { view }]) => [name, view]));
  const first = checkpoint.model ? 1 : 0;
  const bases = adapters.flatMap(({ adapterConfig }) => adapterConfig?.baseModel ?? []);
  return {
    root: found.root,
    files: found.rootFiles,
    config: findModelConfig(found.root, config, bases),
    ...(checkpoint.model && { model: weightsOf(0) }),
    adapters: adapters.map(({ adapterName, adapterConfig }, index) => ({
      name: adapterName!,
      weights: weightsOf(first + index),
      ...(adapterConfig && { configFile: adapterConfig.file }),
    })),
  };
}

function viewsOf(tensors: ReadonlyMap<string, StoredTensor>): StateDict {
  return new Map([...tensors].map(([name, stored]) => [name, viewOf(stored)]));
}
