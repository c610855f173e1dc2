import type { MessagePort } from 'node:worker_threads';
import {
  consolidate,
  isShardloomError,
  openCheckpoint,
  toProblem,
  type ConsolidateResult,
  type Problem,
  type Progress,
} from '../../src-core/index.ts';
import type { ConsolidationChoices, DigestPage, JobResult } from '../channels.ts';
import { optionsOf } from './opened.ts';

/** One consolidation. Progress goes out over the port; any message that comes in cancels. */
export interface JobTask {
  readonly folder: string;
  readonly out: string;
  readonly choices: ConsolidationChoices;
  readonly version: string;
  readonly port: MessagePort;
}

export interface FinishedJob {
  readonly result: JobResult;
  readonly digests: DigestPage['rows'];
}

export type JobAnswer = { readonly finished: FinishedJob } | { readonly problem: Problem };

/** The entry that the pool calls. The thread opens the checkpoint anew and runs copying threads of its own. */
export default async function runJob({ folder, out, choices, version, port }: JobTask): Promise<JobAnswer> {
  const controller = new AbortController();
  port.on('message', () => {
    controller.abort();
  });
  try {
    const result = await consolidate(openCheckpoint(folder), out, {
      ...optionsOf(choices),
      version,
      signal: controller.signal,
      onProgress: (progress: Progress) => {
        port.postMessage(progress);
      },
    });
    return { finished: finished(result, choices) };
  } catch (error) {
    if (isShardloomError(error)) return { problem: toProblem(error) };
    throw error;
  } finally {
    port.close();
  }
}

function finished(result: ConsolidateResult, { digest }: ConsolidationChoices): FinishedJob {
  const files = result.written.map(({ output, tensors }) => ({
    path: output.path,
    bytes: output.size,
    tensors: tensors.length,
  }));
  return {
    result: {
      files,
      tensors: files.reduce((sum, file) => sum + file.tensors, 0),
      bytes: result.bytesWritten,
      seconds: result.seconds,
      replicas: result.replicas,
      kvPlacement: result.kvPlacement?.placement ?? null,
      findings: result.findings,
      digest,
    },
    digests: result.written.flatMap(({ output, tensors }) =>
      tensors.map(({ name, digest: value }) => ({ file: output.path, name, digest: value })),
    ),
  };
}
