/** Types of the job queue, as both sides see it. Part of channels.ts, which passes them on. */
import type {
  DiffResult,
  DiffRow,
  DigestName,
  Finding,
  PartKvPlacement,
  Problem,
  Progress,
  ReplicaCheck,
  RoundTrip,
} from '../src-core/app-door.ts';
import type { ConsolidationChoices, MergeRequest, ShardingRequest } from './job-request-types.ts';

export type JobId = number;

/** What a job is to do. */
export type JobWork =
  | { readonly kind: 'consolidate'; readonly out: string; readonly choices: ConsolidationChoices }
  | { readonly kind: 'verify-replicas' }
  | ({ readonly kind: 'diff' } & DiffSides)
  | ({ readonly kind: 'shard' } & Omit<ShardingRequest, 'folder'>)
  | ({ readonly kind: 'merge'; readonly base: string } & Omit<MergeRequest, 'checkpoint' | 'base'>);

export interface Job {
  readonly id: JobId;
  readonly work: JobWork;
  /** The checkpoint's own name. */
  readonly name: string;
  readonly folder: string;
  /** The same on the command line. */
  readonly command: string;
  /** `interrupted`: it was queued or running when the app ended, and can be resumed. */
  readonly state: 'queued' | 'running' | 'done' | 'failed' | 'cancelled' | 'interrupted';
  /** Milliseconds since 1970. */
  readonly queuedAt: number;
  readonly startedAt: number | null;
  /** Of an interrupted job: when the app was quit; null where it ended without that. */
  readonly endedAt: number | null;
  /** Null until the first bytes. */
  readonly progress: Progress | null;
  readonly result: JobResult | null;
  readonly problem: Problem | null;
}

export type JobResult = ConsolidationResult | ReplicasResult | WrittenResult | DiffSummary;

/** What a job did not have to write, because an earlier run that was interrupted had done so. */
export interface Kept {
  readonly tensors: number;
  readonly bytes: number;
}

export interface ConsolidationResult {
  readonly kind: 'consolidate';
  readonly files: readonly { readonly path: string; readonly bytes: number; readonly tensors: number }[];
  readonly tensors: number;
  readonly bytes: number;
  readonly seconds: number;
  readonly kept: Kept;
  /** Copies on other ranks that were compared, and how many of them differ. */
  readonly replicas: { readonly compared: number; readonly different: number };
  readonly kvPlacements: readonly PartKvPlacement[];
  readonly findings: readonly Finding[];
  readonly digest: DigestName;
  /** Whether sharding the result again gave back every rank's bytes; null where that was not asked for. */
  readonly roundTrip: RoundTrip | null;
  /** Why that could not be found out, where it was asked for. The result stands all the same. */
  readonly roundTripProblem: Problem | null;
}

/** What sharding, resharding or merging made. */
export interface WrittenResult {
  readonly kind: 'shard' | 'merge';
  readonly files: readonly { readonly path: string; readonly bytes: number; readonly tensors: number }[];
  readonly tensors: number;
  readonly bytes: number;
  readonly seconds: number;
  readonly kept: Kept;
  /** Weights that an adapter was added to; 0 where nothing was merged. */
  readonly merged: number;
  readonly findings: readonly Finding[];
}

/** The folders of a comparison. */
export interface DiffSides {
  readonly left: string;
  readonly right: string;
}

/** What a comparison found, without its rows, which are asked for in pages. */
export interface DiffSummary extends Omit<DiffResult, 'rows'> {
  readonly kind: 'diff';
  readonly total: number;
}

export interface DiffPage {
  readonly rows: readonly DiffRow[];
  readonly total: number;
}

/** The figures of a replica check; the whole of it is asked for by its checkpoint. */
export interface ReplicasResult extends Pick<
  ReplicaCheck,
  'compared' | 'different' | 'bytes' | 'seconds' | 'findings'
> {
  readonly kind: 'verify-replicas';
}

export interface KeptReplicaCheck {
  readonly check: ReplicaCheck;
  /** Milliseconds since 1970. */
  readonly checkedAt: number;
}

export interface DigestPage {
  readonly rows: readonly { readonly file: string; readonly name: string; readonly digest: string }[];
  readonly total: number;
}
