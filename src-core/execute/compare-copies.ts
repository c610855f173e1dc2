import { plannedTensorReads, type PlanTensor } from '../plan/plan.ts';
import type { Inputs } from './assemble.ts';
import { copySettings, type CopiedTensor } from './copy-tensors.ts';
import type { DigestName } from './digest.ts';
import { createPool, defaultWorkers, type CopyPool } from './pool.ts';
import { comparingTasks } from './tasks.ts';
import { runWatched, type WatchOptions } from './watch.ts';

export interface CompareOptions extends WatchOptions {
  /** Worker threads; 0 for this thread. Chosen by size where absent. */
  readonly workers?: number;
  /** Threads that were started beforehand, instead of `workers`. Whoever made the pool closes it. */
  readonly pool?: CopyPool;
  readonly bandBytes?: number;
  /** Absent: none is computed. */
  readonly digest?: DigestName;
}

/** Reads tensors and compares them with their copies, in threads, and writes nothing. Results are by name. */
export async function compareCopies(
  inputs: Inputs,
  tensors: readonly PlanTensor[],
  options: CompareOptions = {},
): Promise<Map<string, CopiedTensor>> {
  const settings = copySettings(options.bandBytes, options.digest ?? null, false);
  const bytes = tensors.reduce((sum, tensor) => sum + plannedTensorReads(tensor), 0);
  const pool = options.pool ?? createPool(options.workers ?? defaultWorkers(bytes));
  try {
    const results = await runWatched(
      pool.workers,
      pool.run,
      comparingTasks(inputs, tensors, settings),
      settings.control,
      bytes,
      options,
    );
    return new Map(results.flat().map((tensor) => [tensor.name, tensor]));
  } finally {
    if (!options.pool) await pool.close();
  }
}
