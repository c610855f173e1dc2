import type { MessagePort } from 'node:worker_threads';
import {
  checkpointFingerprint,
  consolidate,
  diff,
  isShardloomError,
  KEEP,
  keptOf,
  merge,
  openCheckpoint,
  reshard,
  roundTripPhases,
  shard,
  toProblem,
  verifyReplicas,
  verifyRoundTrip,
  type Checkpoint,
  type ConsolidateResult,
  type DiffResult,
  type MergeResult,
  type Problem,
  type Progress,
  type ReplicaCheck,
} from '../../src-core/app-door.ts';
import type {
  ConsolidationResult,
  DiffSummary,
  DigestPage,
  JobWork,
  ReplicasResult,
  WrittenResult,
} from '../channels.ts';
import { mergeOptionsOf, optionsOf, shardingOf } from './previews.ts';

/** Stops a job: `cancel` removes what it has written, `keep` leaves it for the job to be run again. */
export type StopMessage = 'cancel' | 'keep';

/** One job. Progress goes out over the port, a {@link StopMessage} comes in. */
export interface JobTask {
  readonly folder: string;
  readonly work: JobWork;
  readonly version: string;
  readonly port: MessagePort;
}

export type FinishedJob = FinishedConsolidation | FinishedReplicaCheck | FinishedWriting | FinishedDiff;

interface FinishedConsolidation {
  readonly kind: 'consolidate';
  readonly result: ConsolidationResult;
  readonly digests: DigestPage['rows'];
}

interface FinishedDiff {
  readonly kind: 'diff';
  readonly result: DiffSummary;
  readonly found: DiffResult;
}

interface FinishedWriting {
  readonly kind: 'shard' | 'merge';
  readonly result: WrittenResult;
}

interface FinishedReplicaCheck {
  readonly kind: 'verify-replicas';
  readonly result: ReplicasResult;
  readonly check: ReplicaCheck;
  /** The state of the checkpoint that was checked. */
  readonly fingerprint: string;
}

export type JobAnswer = { readonly finished: FinishedJob } | { readonly problem: Problem };

/** How a job is watched and stopped. */
interface Watching {
  readonly signal: AbortSignal;
  readonly onProgress: (progress: Progress) => void;
}

/** The entry that the pool calls. The thread opens the checkpoint anew and runs copying threads of its own. */
export default async function runJob({ folder, work, version, port }: JobTask): Promise<JobAnswer> {
  const controller = new AbortController();
  port.on('message', (message: StopMessage) => {
    if (message === 'keep') controller.abort(KEEP);
    else controller.abort();
  });
  const watching: Watching = {
    signal: controller.signal,
    onProgress: (progress) => {
      port.postMessage(progress);
    },
  };
  try {
    return { finished: await run(folder, work, version, watching) };
  } catch (error) {
    if (isShardloomError(error)) return { problem: toProblem(error) };
    throw error;
  } finally {
    port.close();
  }
}

function run(folder: string, work: JobWork, version: string, watching: Watching): Promise<FinishedJob> {
  switch (work.kind) {
    case 'consolidate':
      return runConsolidation(openCheckpoint(folder), work, version, watching);
    case 'verify-replicas':
      return runReplicaCheck(openCheckpoint(folder), watching);
    case 'shard':
      return runSharding(folder, work, watching);
    case 'diff':
      return runDiff(work, watching);
    case 'merge':
      return runMerge(folder, work, version, watching);
  }
}

async function runSharding(
  folder: string,
  { from, out, config, replace, ...sizes }: Extract<JobWork, { kind: 'shard' }>,
  watching: Watching,
): Promise<FinishedWriting> {
  const write = from === 'checkpoint' ? reshard : shard;
  const options = { replace, ...(config !== null && { config }), ...watching };
  const result = await write(folder, out, shardingOf(sizes), options);
  return { kind: 'shard', result: { kind: 'shard', merged: 0, ...writtenBy(result) } };
}

async function runDiff({ left, right }: Extract<JobWork, { kind: 'diff' }>, watching: Watching): Promise<FinishedDiff> {
  const found = await diff(left, right, watching);
  const { rows, ...summary } = found;
  return { kind: 'diff', result: { kind: 'diff', ...summary, total: rows.length }, found };
}

async function runMerge(
  folder: string,
  { base, out, ...choices }: Extract<JobWork, { kind: 'merge' }>,
  version: string,
  watching: Watching,
): Promise<FinishedWriting> {
  const result = await merge(base, folder, out, { ...mergeOptionsOf(choices), version, ...watching });
  return { kind: 'merge', result: { kind: 'merge', merged: result.modules.length, ...writtenBy(result) } };
}

function writtenBy({
  written,
  bytesWritten,
  seconds,
  findings,
}: Pick<MergeResult, 'written' | 'bytesWritten' | 'seconds' | 'findings'>): Omit<WrittenResult, 'kind' | 'merged'> {
  const files = filesOf(written);
  const tensors = files.reduce((sum, file) => sum + file.tensors, 0);
  return { files, tensors, bytes: bytesWritten, seconds, kept: keptOf(written), findings };
}

async function runReplicaCheck(checkpoint: Checkpoint, watching: Watching): Promise<FinishedReplicaCheck> {
  // Before anything is read: what changes meanwhile makes another fingerprint, under which this result is not found.
  const fingerprint = checkpointFingerprint(checkpoint.found.opened);
  const check = await verifyReplicas(checkpoint, watching);
  const { compared, different, bytes, seconds, findings } = check;
  const result = { kind: 'verify-replicas', compared, different, bytes, seconds, findings } as const;
  return { kind: 'verify-replicas', result, check, fingerprint };
}

async function runConsolidation(
  checkpoint: Checkpoint,
  { out, choices }: Extract<JobWork, { kind: 'consolidate' }>,
  version: string,
  watching: Watching,
): Promise<FinishedConsolidation> {
  const phases = choices.verify ? roundTripPhases(checkpoint, choices.parts, watching.onProgress) : null;
  const result = await consolidate(checkpoint, out, {
    ...optionsOf(choices),
    version,
    ...watching,
    ...(phases && { onProgress: phases.writing }),
  });
  const proof = phases ? await proofOf(checkpoint, out, { ...watching, onProgress: phases.proving }) : NOT_ASKED;
  return {
    kind: 'consolidate',
    result: consolidationResult(result, choices.digest, proof),
    digests: result.written.flatMap(({ output, tensors }) =>
      tensors.map(({ name, digest }) => ({ file: output.path, name, digest })),
    ),
  };
}

type Proof = Pick<ConsolidationResult, 'roundTrip' | 'roundTripProblem'>;

const NOT_ASKED: Proof = { roundTrip: null, roundTripProblem: null };

/** The result is published by now: whatever keeps it from being proved does not undo it. */
async function proofOf(checkpoint: Checkpoint, out: string, watching: Watching): Promise<Proof> {
  try {
    return { roundTrip: await verifyRoundTrip(checkpoint, out, watching), roundTripProblem: null };
  } catch (error) {
    if (!isShardloomError(error)) throw error;
    return { roundTrip: null, roundTripProblem: toProblem(error) };
  }
}

function filesOf(written: ConsolidateResult['written']): ConsolidationResult['files'] {
  return written.map(({ output, tensors }) => ({ path: output.path, bytes: output.size, tensors: tensors.length }));
}

function consolidationResult(
  { written, bytesWritten, seconds, replicas, kvPlacements, findings }: ConsolidateResult,
  digest: ConsolidationResult['digest'],
  proof: Proof,
): ConsolidationResult {
  const files = filesOf(written);
  return {
    kind: 'consolidate',
    files,
    tensors: files.reduce((sum, file) => sum + file.tensors, 0),
    bytes: bytesWritten,
    seconds,
    kept: keptOf(written),
    replicas,
    kvPlacements,
    findings,
    digest,
    ...proof,
  };
}
