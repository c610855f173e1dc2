/** The errors of this folder, so that each says the same things in the same words. */
import { ShardloomError, type ErrorTag } from '../../errors.ts';
import { formatCount } from '../../units.ts';

/** Advice for bytes that are not what was written. */
export const FETCH_AGAIN = 'The file was cut or damaged: fetch it again from where it was written.';

/** Advice for what torch.save would not write. */
export const SAVE_AGAIN = 'Write the file again with torch.save, or fetch it again.';

export interface FaultDetails {
  readonly tensor?: string;
  readonly found?: string;
  readonly expected?: string;
  readonly advice?: string;
}

/** An error about a torch file; the advice is {@link FETCH_AGAIN} unless another is given. */
export function fault(tag: ErrorTag, file: string, what: string, details: FaultDetails = {}): ShardloomError {
  return new ShardloomError({ tag, what, file, advice: FETCH_AGAIN, ...details });
}

/** The error for a file that the format allows but that would take more than limits.ts grants. */
export function overLimit(file: string, what: string, found: string, limit: number): ShardloomError {
  return fault('over-limit', file, what, {
    found,
    expected: `at most ${formatCount(limit)}`,
    advice: 'No real checkpoint comes near this limit: check where the file comes from.',
  });
}
