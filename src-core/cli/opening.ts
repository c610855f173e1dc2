import type { OpenOptions } from '../models/open-checkpoint.ts';
import type { KvPlacement } from '../tensor/parallel.ts';
import { oneOf } from './values.ts';

/** The options for how a checkpoint is opened, as the command line gives them. */
export interface OpeningFlags {
  readonly config?: string;
  readonly kvPlacement?: string;
}

export const KV_PLACEMENTS: readonly KvPlacement[] = ['tiled', 'adjacent'];

/** How a checkpoint is opened. Throws `usage`. */
export function openOptionsOf({ config, kvPlacement }: OpeningFlags): OpenOptions {
  return {
    ...(config !== undefined && { config }),
    ...(kvPlacement !== undefined && { kvPlacement: kvPlacementOf('--kv-placement', kvPlacement) }),
  };
}

/** Throws `usage`, naming the option. */
export function kvPlacementOf(flag: string, value: string): KvPlacement {
  return oneOf(flag, value, KV_PLACEMENTS);
}
