import { MAX_RANKS } from '../limits.ts';
import type { ParallelConfig } from '../models/description.ts';
import { kvPlacementOf } from './opening.ts';
import { wholeNumber } from './values.ts';

/** The options for parallel sizes, as the command line gives them. */
export interface SizeFlags {
  readonly tp: string;
  readonly pp: string;
  readonly virtualPp: string;
  readonly kvSizeMultiplier?: string;
  readonly fuseQkv?: boolean;
  readonly kvPlacement?: string;
}

/** Parallel sizes from the command line. Throws `usage`. */
export function parallelConfigOf(flags: SizeFlags): ParallelConfig {
  return {
    tensorParallelSize: size('--tp', flags.tp),
    pipelineParallelSize: size('--pp', flags.pp),
    fuseQkv: flags.fuseQkv ?? false,
    ...(flags.virtualPp !== '1' && { virtualPipelineParallelSize: size('--virtual-pp', flags.virtualPp) }),
    ...(flags.kvPlacement !== undefined && { kvPlacement: kvPlacementOf('--kv-placement', flags.kvPlacement) }),
    ...(flags.kvSizeMultiplier !== undefined && {
      kvSizeMultiplier: size('--kv-size-multiplier', flags.kvSizeMultiplier),
    }),
  };
}

function size(flag: string, value: string): number {
  return wholeNumber(flag, value, 1, MAX_RANKS);
}
