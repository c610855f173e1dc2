import {
  attempt,
  missingMetadata,
  readCheckpoint,
  withStates,
  type Checkpoint,
  type ShardedState,
} from '../checkpoint/checkpoint.ts';
import type { ModelConfig } from '../checkpoint/configs.ts';
import { inferMetadata } from './infer-metadata.ts';
import { withLostSpecs } from './lost-specs.ts';

/**
 * Opens a checkpoint folder: names, metadata, configs, and where every tensor of every rank is stored. Where training wrote no metadata,
 * or lost part of it, the model families stand in. Throws only if there is no checkpoint; what is wrong with one is in its findings.
 */
export function openCheckpoint(folder: string): Checkpoint {
  const read = readCheckpoint(folder);
  const model = read.model && withMetadata(read.model, read.config);
  const adapters = read.adapters.map((adapter) => withLostSpecs(adapter, { ...read, ...(model && { model }) }));
  return withStates(read, model, adapters);
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
