import { readCheckpoint, type Checkpoint } from '../checkpoint/checkpoint.ts';
import { inferMetadata } from './infer-metadata.ts';

/**
 * Opens a checkpoint folder: names, metadata, configs, and where every tensor of every rank lies. Where training wrote no metadata
 * the model families stand in. Throws only if there is no checkpoint; what is wrong with one is in its findings.
 */
export function openCheckpoint(folder: string): Checkpoint {
  return readCheckpoint(folder, inferMetadata);
}
