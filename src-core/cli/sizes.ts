import { ShardloomError } from '../errors.ts';
import { MAX_RANKS } from '../limits.ts';
import type { ParallelConfig } from '../models/description.ts';

/** The options for parallel sizes, as the command line gives them. */
export interface SizeFlags {
  readonly tp: string;
  readonly pp: string;
  readonly kvSizeMultiplier?: string;
  readonly fuseQkv?: boolean;
}

/** Parallel sizes from the command line. Throws `usage`. */
export function parallelConfigOf(flags: SizeFlags): ParallelConfig {
  return {
    tensorParallelSize: size('--tp', flags.tp),
    pipelineParallelSize: size('--pp', flags.pp),
    fuseQkv: flags.fuseQkv ?? false,
    ...(flags.kvSizeMultiplier !== undefined && {
      kvSizeMultiplier: size('--kv-size-multiplier', flags.kvSizeMultiplier),
    }),
  };
}

function size(flag: string, value: string): number {
  const number = Number(value);
  if (/^\d+$/.test(value) && number >= 1 && number <= MAX_RANKS) return number;
  throw new ShardloomError({
    tag: 'usage',
    what: `${flag} does not take this value.`,
    found: value,
    expected: `a whole number from 1 to ${MAX_RANKS}`,
  });
}
