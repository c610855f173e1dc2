import { ShardloomError } from '../errors.ts';

/** Longest name of a file that file systems take. */
export const MAX_FILE_NAME_BYTES = 255;

/** Names that Windows takes for devices, whatever their ending. */
const DEVICE = /^(con|prn|aux|nul|com\d|lpt\d)(\.|$)/i;

/** True for what is the name of one file or folder on every system: it leads nowhere else. */
export function isFileName(name: string): boolean {
  if (/^\.{0,2}$|[/\\:\0]/.test(name) || DEVICE.test(name)) return false;
  return Buffer.byteLength(name) <= MAX_FILE_NAME_BYTES;
}

/** An adapter's name becomes the name of a folder. Throws `unsupported` where it is one of `taken` or leads out of the output. */
export function checkAdapterFolder(name: string, folder: string, taken: readonly string[] = []): void {
  const other = taken.find((one) => one.toLowerCase() === name.toLowerCase());
  if (other === undefined && isFileName(name)) return;
  throw new ShardloomError({
    tag: 'unsupported',
    what:
      other === undefined
        ? 'The adapter’s name cannot be the name of a folder.'
        : 'The adapter’s folder and a file of the output would have the same name.',
    file: folder,
    isFolder: true,
    found: name.slice(0, MAX_FILE_NAME_BYTES),
    advice: 'Rename the adapter’s folder, or consolidate it alone: --only adapter:NAME.',
  });
}
