import { isShardloomError, type ShardloomError } from '../../src-core/errors.ts';

/** The error of ours that an action ends in. */
export async function rejection(action: Promise<unknown>): Promise<ShardloomError> {
  try {
    await action;
  } catch (error) {
    if (isShardloomError(error)) return error;
    throw error;
  }
  throw new Error('It was not refused.');
}
