import { ShardloomError, toProblem, type Problem } from '../errors.ts';
import { TensorCopier, type CopiedTensor, type CopyTask } from './copy-tensors.ts';
import { TensorDiffer, type DiffTask, type ValueDifference } from './diff-tensors.ts';
import { loadDigests } from './digest.ts';

/** What a worker is given; "start" only waits until it can work. */
export type WorkerTask = CopyTask | DiffTask | { readonly kind: 'start' };

/** What comes back from a worker. Errors of ours are sent as fields: structured cloning would keep only the message. */
export type WorkerAnswer = { readonly done: CopiedTensor[] | ValueDifference[] } | { readonly problem: Problem };

// Loaded while the thread starts; what does the work is made with the first task and lives as long as the thread.
const digests = loadDigests();
let copier: TensorCopier | undefined;
let differ: TensorDiffer | undefined;

/** The entry that the pool calls. */
export default async function work(task: WorkerTask): Promise<WorkerAnswer> {
  const makeDigest = await digests;
  try {
    if (task.kind === 'start') return { done: [] };
    if (task.kind === 'diff') {
      differ ??= new TensorDiffer(task.settings.bandBytes);
      return { done: differ.run(task) };
    }
    copier ??= new TensorCopier(task.settings.bandBytes, makeDigest);
    return { done: copier.run(task) };
  } catch (error) {
    if (error instanceof ShardloomError) return { problem: toProblem(error) };
    throw error;
  }
}
