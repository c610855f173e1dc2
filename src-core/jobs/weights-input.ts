import { openAdapterFolders } from '../checkpoint/adapter-folder.ts';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { findModelConfig, type AdapterConfig, type ModelConfig } from '../checkpoint/configs.ts';
import { mainFile, openWeightsFolder, plainFiles } from '../checkpoint/weights-folder.ts';
import { ShardloomError, type Finding } from '../errors.ts';
import { partsOf } from '../inspect/parts.ts';
import { openCheckpoint, type OpenOptions } from '../models/open-checkpoint.ts';
import { kvPlacementsOf, type PartKvPlacement } from '../plan/part-name.ts';
import type { OriginalWeight, StateDict } from '../specs/spec.ts';
import type { StoredTensor } from '../tensor/stored.ts';
import { viewOf } from '../tensor/view.ts';
import path from 'node:path';

/** Original weights by name; of shards with what was done to them. */
export type Weights = ReadonlyMap<string, OriginalWeight>;

/** The views alone. */
export function viewsOf(weights: Weights): StateDict {
  return new Map([...weights].map(([name, { view }]) => [name, view]));
}

/** Original weights as views, whether they lie in Hugging Face files or in shards. */
export interface WeightsInput {
  readonly root: string;
  /** Names of the plain files in `root`. */
  readonly files: readonly string[];
  readonly config?: ModelConfig;
  /** Absent where there are adapters alone. */
  readonly model?: Weights;
  readonly adapters: readonly AdapterInput[];
  /** What was noticed; none is an error. */
  readonly findings: readonly Finding[];
  /** How copies of KV heads are placed in shards. */
  readonly kvPlacements: readonly PartKvPlacement[];
}

export interface AdapterInput {
  readonly name: string;
  readonly weights: Weights;
  /** Absent where a checkpoint has none that can be read. */
  readonly config?: AdapterConfig;
}

/** Opens whatever a folder holds: Hugging Face weights, adapters, or a sharded checkpoint, which alone `options.kvPlacement` concerns. */
export function openWeights(folder: string, options: OpenOptions = {}): WeightsInput {
  const root = path.resolve(folder);
  const isHuggingFace = mainFile(plainFiles(root)) !== undefined || openAdapterFolders(root).length > 0;
  if (!isHuggingFace) return originalsOf(openCheckpoint(root, options));
  const named = options.config === undefined ? undefined : findModelConfig(root, options.config, []);
  return { ...openHuggingFace(root), ...(named && { config: named }) };
}

/** Hugging Face weights, adapters, or both. Throws `not-a-checkpoint` for a folder without weights. */
export function openHuggingFace(opened: string): WeightsInput {
  const root = path.resolve(opened);
  const files = plainFiles(root);
  const adapters = openAdapterFolders(root);
  // A folder without either has the better message from where models are opened.
  const model = mainFile(files) !== undefined || adapters.length === 0 ? openWeightsFolder(root) : undefined;
  return {
    root,
    files,
    ...(model?.config && { config: model.config }),
    ...(model && { model: storedWeights(model.tensors) }),
    adapters: adapters.map(({ name, tensors, config }) => ({ name, weights: storedWeights(tensors), config })),
    findings: [],
    kvPlacements: [],
  };
}

/** A sharded checkpoint, joined on views. Throws the first error where its shards cannot be joined. */
export function originalsOf(checkpoint: Checkpoint): WeightsInput {
  const { found, config, adapters } = checkpoint;
  const parts = partsOf(checkpoint);
  const problem = [...checkpoint.findings, ...parts.flatMap((part) => part.problem ?? [])].find(
    ({ severity }) => severity === 'error',
  );
  if (problem) throw new ShardloomError(problem);
  const weightsOf = (index: number): Weights => parts[index]!.weights!;
  const first = checkpoint.model ? 1 : 0;
  return {
    root: found.root,
    files: found.rootFiles,
    ...(config && { config }),
    ...(checkpoint.model && { model: weightsOf(0) }),
    adapters: adapters.map(({ adapterName, adapterConfig }, index) => ({
      name: adapterName!,
      weights: weightsOf(first + index),
      ...(adapterConfig && { config: adapterConfig }),
    })),
    findings: checkpoint.findings,
    kvPlacements: kvPlacementsOf(parts.map(({ state }) => state)),
  };
}

function storedWeights(tensors: ReadonlyMap<string, StoredTensor>): Weights {
  return new Map(
    [...tensors].map(([name, stored]) => [
      name,
      { view: viewOf(stored), transformation: 'copied' as const, from: [name], copies: [] },
    ]),
  );
}
