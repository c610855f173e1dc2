import path from 'node:path';
import { ShardloomError } from '../errors.ts';

/**
 * Input folders are never written to. Throws `usage` for an output in one of `inputs`, and for one that is one of `roots`, in
 * which there may be results beside the inputs.
 */
export function checkOutputOutside(inputs: readonly string[], out: string, roots: readonly string[] = []): void {
  const target = path.resolve(out);
  const inside = inputs.some((folder) => target === folder || target.startsWith(folder + path.sep));
  if (!inside && !roots.includes(target)) return;
  throw new ShardloomError({
    tag: 'usage',
    what: 'The output folder is part of the input, which is never written to.',
    file: target,
    advice: 'Choose a folder outside of it.',
  });
}
