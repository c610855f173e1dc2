import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { listFolder, type FolderListing } from '../checkpoint/folder-listing.ts';
import { isShardloomError, toProblem, type Problem } from '../errors.ts';
import { parameterRows } from '../inspect/parameters.ts';
import { partsOf } from '../inspect/parts.ts';
import { summarize, type CheckpointSummary } from '../inspect/summary.ts';
import { openCheckpoint, type OpenOptions } from '../models/open-checkpoint.ts';
import type { Plan } from '../plan/plan.ts';
import { planText } from '../plan/print.ts';
import { prepareConsolidation } from './consolidate.ts';

/** A checkpoint as a report tells of it: names, shapes and sizes, and never a byte of its tensors. */
export interface DescribedCheckpoint {
  readonly summary: CheckpointSummary;
  readonly parameters: readonly {
    readonly part: string;
    readonly name: string;
    readonly dtype: string;
    readonly shape: readonly number[];
    readonly transformation: unknown;
    readonly from: readonly string[];
  }[];
}

/** What could be found out about a folder, and what came in the way. */
export interface Diagnosis {
  readonly folder: string;
  readonly listing: FolderListing;
  readonly checkpoint: DescribedCheckpoint | null;
  /** The plan of what was to be done, as text; null where none could be made. */
  readonly plan: string | null;
  /** The first thing that stopped opening or planning. */
  readonly fault: Fault | null;
}

/** Something that was thrown: as a problem where it is one of ours, with its stack where it is a fault of the program. */
export interface Fault {
  readonly problem: Problem;
  readonly stack?: string;
}

export interface DiagnoseOptions extends OpenOptions {
  /** The folder should hold a sharded checkpoint, which is opened. */
  readonly isCheckpoint?: boolean;
  /** Makes the plan that the report is about, of the checkpoint if it asks for that; null where there is none. */
  readonly makePlan?: ((open: () => Checkpoint) => Plan) | null;
}

/**
 * Finds out about a folder what a report needs; the plan is that of a consolidation if no other is asked for. Never throws for
 * what is wrong with the checkpoint: that is what the report is about.
 */
export function diagnose(folder: string, options: DiagnoseOptions = {}): Diagnosis {
  const { isCheckpoint = true, makePlan = (open) => prepareConsolidation(open()).plan } = options;
  let opened: Checkpoint | undefined;
  const open = (): Checkpoint => (opened ??= openCheckpoint(folder, options));
  const checkpoint = isCheckpoint ? attempt(() => describe(open())) : NOTHING;
  const plan = makePlan ? attempt(() => planText(makePlan(open))) : NOTHING;
  return {
    folder,
    listing: listFolder(folder),
    checkpoint: checkpoint.value,
    plan: plan.value,
    fault: checkpoint.fault ?? plan.fault,
  };
}

/** What was thrown, with everything that a report can use. */
export function faultOf(error: unknown): Fault {
  if (isShardloomError(error)) return { problem: toProblem(error) };
  const stack = error instanceof Error ? error.stack : undefined;
  return {
    problem: {
      tag: 'internal',
      what: 'Shardloom failed because of a fault of its own.',
      found: error instanceof Error ? error.message : String(error),
    },
    ...(stack !== undefined && { stack }),
  };
}

function describe(checkpoint: Checkpoint): DescribedCheckpoint {
  const parts = partsOf(checkpoint);
  const parameters = parameterRows(parts).map(({ part, name, dtype, shape, transformation, from }) => {
    return { part, name, dtype, shape, transformation, from };
  });
  return { summary: summarize(checkpoint, parts), parameters };
}

interface Attempt<Value> {
  readonly value: Value | null;
  readonly fault: Fault | null;
}

const NOTHING: Attempt<never> = { value: null, fault: null };

function attempt<Value>(run: () => Value): Attempt<Value> {
  try {
    return { value: run(), fault: null };
  } catch (error) {
    return { value: null, fault: faultOf(error) };
  }
}
