import { keptOf, type ExecuteResult } from '../execute/execute.ts';
import { formatBytes, formatPlural } from '../units.ts';

/** A line for a run that went on where an earlier one was interrupted; none for all others. */
export function continuedText({ written }: Pick<ExecuteResult, 'written'>): string[] {
  const { tensors, bytes } = keptOf(written);
  if (tensors === 0) return [];
  return [
    `  continuing an interrupted run: ${formatPlural(tensors, 'tensor')} (${formatBytes(bytes)}) kept, their bytes read again`,
  ];
}
