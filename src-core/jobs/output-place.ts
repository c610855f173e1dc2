import path from 'node:path';
import { realPathOf } from '../bytes/file.ts';
import { ShardloomError } from '../errors.ts';

/**
 * Input folders are never written to. Throws `usage` for an output in one of `inputs`, and for one that is one of `roots`, in
 * which there may be results beside the inputs. Links do not hide where an output leads.
 */
export function checkOutputOutside(inputs: readonly string[], out: string, roots: readonly string[] = []): void {
  const target = realPathOf(out);
  const isIn = (folder: string): boolean => target === folder || target.startsWith(folder + path.sep);
  if (!inputs.map(realPathOf).some(isIn) && !roots.map(realPathOf).includes(target)) return;
  throw new ShardloomError({
    tag: 'usage',
    what: 'The output folder is part of the input, which is never written to.',
    file: path.resolve(out),
    isFolder: true,
    advice: 'Choose a folder outside of it.',
  });
}
