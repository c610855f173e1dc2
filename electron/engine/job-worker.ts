import type { MessagePort } from 'node:worker_threads';
import {
  checkpointFingerprint,
  consolidate,
  isShardloomError,
  openCheckpoint,
  toProblem,
  verifyReplicas,
  verifyRoundTrip,
  type Checkpoint,
  type ConsolidateResult,
  type Problem,
  type Progress,
  type ReplicaCheck,
  type RoundTrip,
} from '../../src-core/index.ts';
import type { ConsolidationResult, DigestPage, JobWork, ReplicasResult } from '../channels.ts';
import { optionsOf } from './opened.ts';

/** One job. Progress goes out over the port; any message that comes in cancels. */
export interface JobTask {
  readonly folder: string;
  readonly work: JobWork;
  readonly version: string;
  readonly port: MessagePort;
}

export type FinishedJob = FinishedConsolidation | FinishedReplicaCheck;

interface FinishedConsolidation {
  readonly kind: 'consolidate';
  readonly result: ConsolidationResult;
  readonly digests: DigestPage['rows'];
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
  port.on('message', () => {
    controller.abort();
  });
  const watching: Watching = {
    signal: controller.signal,
    onProgress: (progress) => {
      port.postMessage(progress);
    },
  };
  try {
    const checkpoint = openCheckpoint(folder);
    const finished =
      work.kind === 'consolidate'
        ? await runConsolidation(checkpoint, work, version, watching)
        : await runReplicaCheck(checkpoint, watching);
    return { finished };
  } catch (error) {
    if (isShardloomError(error)) return { problem: toProblem(error) };
    throw error;
  } finally {
    port.close();
  }
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
  const result = await consolidate(checkpoint, out, { ...optionsOf(choices), version, ...watching });
  return {
    kind: 'consolidate',
    result: consolidationResult(
      result,
      choices.digest,
      choices.verify ? await verifyRoundTrip(checkpoint, out, watching) : null,
    ),
    digests: result.written.flatMap(({ output, tensors }) =>
      tensors.map(({ name, digest }) => ({ file: output.path, name, digest })),
    ),
  };
}

function consolidationResult(
  { written, bytesWritten, seconds, replicas, kvPlacement, findings }: ConsolidateResult,
  digest: ConsolidationResult['digest'],
  roundTrip: RoundTrip | null,
): ConsolidationResult {
  const files = written.map(({ output, tensors }) => ({
    path: output.path,
    bytes: output.size,
    tensors: tensors.length,
  }));
  return {
    kind: 'consolidate',
    files,
    tensors: files.reduce((sum, file) => sum + file.tensors, 0),
    bytes: bytesWritten,
    seconds,
    replicas,
    kvPlacement: kvPlacement?.placement ?? null,
    findings,
    digest,
    roundTrip,
  };
}
