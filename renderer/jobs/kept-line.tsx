import type { Kept } from '../../electron/channels.ts';
import { formatBytes, formatPlural } from '../../src-core/units.ts';

/** Says that a job went on where an earlier run was interrupted; nothing for all others. */
export function KeptLine({ kept: { tensors, bytes } }: { readonly kept: Kept }) {
  if (tensors === 0) return null;
  return (
    <p className="quiet">
      Continued an interrupted run: {formatPlural(tensors, 'tensor')} ({formatBytes(bytes)}) kept, their bytes read
      again.
    </p>
  );
}
