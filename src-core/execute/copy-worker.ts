import { workerData } from 'node:worker_threads';
import { ShardloomError, toProblem, type Problem } from '../errors.ts';
import { TensorCopier, type CopiedTensor, type CopyContext, type CopyTask } from './copy-tensors.ts';
import { loadDigests } from './digest.ts';

/** What comes back from a worker. Errors of ours are sent as fields: structured cloning would keep only the message. */
export type CopyAnswer = { readonly copied: CopiedTensor[] } | { readonly problem: Problem };

// One copier per thread, made with the first task, lives as long as the thread.
let copier: Promise<TensorCopier> | undefined;

async function makeCopier(): Promise<TensorCopier> {
  return new TensorCopier(workerData as CopyContext, await loadDigests());
}

/** The entry that the pool calls. */
export default async function copy(task: CopyTask): Promise<CopyAnswer> {
  copier ??= makeCopier();
  try {
    return { copied: (await copier).run(task) };
  } catch (error) {
    if (error instanceof ShardloomError) return { problem: toProblem(error) };
    throw error;
  }
}
