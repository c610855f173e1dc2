import { ShardloomError, toProblem, type Problem } from '../errors.ts';
import { TensorCopier, type CopiedTensor, type CopyTask } from './copy-tensors.ts';
import { loadDigests } from './digest.ts';

/** What comes back from a worker. Errors of ours are sent as fields: structured cloning would keep only the message. */
export type CopyAnswer = { readonly copied: CopiedTensor[] } | { readonly problem: Problem };

// Loaded while the thread starts; the copier is made with the first task and lives as long as the thread.
const digests = loadDigests();
let copier: TensorCopier | undefined;

/** The entry that the pool calls. */
export default async function copy(task: CopyTask): Promise<CopyAnswer> {
  const makeDigest = await digests;
  copier ??= new TensorCopier(task.settings.bandBytes, makeDigest);
  try {
    return { copied: copier.run(task) };
  } catch (error) {
    if (error instanceof ShardloomError) return { problem: toProblem(error) };
    throw error;
  }
}
