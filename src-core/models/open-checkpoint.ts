import {
  attempt,
  missingMetadata,
  readCheckpoint,
  withStates,
  type Checkpoint,
  type ShardedState,
} from '../checkpoint/checkpoint.ts';
import type { ModelConfig } from '../checkpoint/configs.ts';
import { discover } from '../checkpoint/discover.ts';
import { isShardloomError } from '../errors.ts';
import type { KvPlacement } from '../tensor/parallel.ts';
import { inferMetadata } from './infer-metadata.ts';
import { certain, withKvPlacement } from './kv-placement.ts';
import { withLostSpecs } from './lost-specs.ts';
import { withJoinedVocabulary } from './vocabulary.ts';

/** What the caller knows of a checkpoint better than its folder says. */
export interface OpenOptions {
  /** config.json of the model, or its folder, instead of the one beside the shards. */
  readonly config?: string;
  /** How copies of KV heads are placed over the ranks, instead of what they show. */
  readonly kvPlacement?: KvPlacement;
}

/**
 * Opens a checkpoint folder: names, metadata, configs, and where every tensor of every rank is stored. Where training wrote no metadata,
 * or lost part of it, the model families stand in; how copies of KV heads are placed is seen from the beginnings of some of them. Throws
 * only if there is no checkpoint, or no file that `options` names; what is wrong with one is in its findings.
 */
export function openCheckpoint(folder: string, options: OpenOptions = {}): Checkpoint {
  const found = readCheckpoint(folder, options.config);
  const model = found.model && withMetadata(found.model, found.config);
  const read = withJoinedVocabulary(withStates(found, model, found.adapters));
  const adapters = read.adapters.map((adapter) => withLostSpecs(adapter, read));
  const described = withStates(read, read.model, adapters);
  return withKvPlacement(described, options.kvPlacement, () => placementBeside(described, options.config));
}

/** A model of which training wrote no metadata, described all the same where config.json allows it. */
function withMetadata(state: ShardedState, config: ModelConfig | undefined): ShardedState {
  const { shards, stages, tensorParallelSize } = state;
  const findings = [...state.findings];
  const isWhole = !findings.some(({ severity }) => severity === 'error');
  if (shards.metadataFiles.size > 0) return state;
  if (!config) return { ...state, findings: [...findings, missingMetadata(shards, 0)] };
  if (!isWhole) return state;
  const ofStages = stages.map(({ tensors }) => tensors);
  const inferred = attempt(findings, () => inferMetadata(config, tensorParallelSize, ofStages));
  if (!inferred) return { ...state, findings };
  findings.push({
    severity: 'warning',
    tag: 'inferred',
    what: 'The checkpoint has no metadata: how its tensors are joined was inferred.',
    file: config.file,
    found: 'config.json, and the names and shapes in the shards',
    expected: 'mp_metadata_pp_rank_0.json',
    advice: 'Compare the result with weights that you trust, or check all copies: shardloom verify FOLDER --replicas.',
  });
  return { ...state, findings, stages: stages.map((stage, index) => ({ ...stage, metadata: inferred[index]! })) };
}

/** The placement of the model whose adapter alone was opened, where its shards are in the same checkpoint folder. */
function placementBeside({ found }: Checkpoint, config: string | undefined): KvPlacement | undefined {
  try {
    if (found.root === found.opened || !discover(found.root).model) return undefined;
    const { model } = openCheckpoint(found.root, config === undefined ? {} : { config });
    return model && certain(model);
  } catch (error) {
    // It was not asked for: what is wrong with it is not the adapter's.
    if (isShardloomError(error)) return undefined;
    throw error;
  }
}
