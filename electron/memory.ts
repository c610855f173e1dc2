import fs from 'node:fs';
import type { ProcessMetric } from 'electron';

type Metric = Pick<ProcessMetric, 'pid' | 'memory'>;

/**
 * Bytes that the processes have for themselves, summed up. What they share (Chromium's code, most of all) would be counted once for
 * each of them in their resident memory. Null where the system does not say it: macOS tells resident memory only.
 */
export function privateBytes(
  processes: readonly Metric[],
  platform: NodeJS.Platform = process.platform,
): number | null {
  if (platform !== 'win32' && platform !== 'linux') return null;
  return processes.reduce((sum, { pid, memory }) => {
    const kilobytes = platform === 'win32' ? (memory.privateBytes ?? 0) : anonymousKilobytes(pid);
    return sum + kilobytes * 1024;
  }, 0);
}

/**
 * Pages of a process that belong to no file; 0 for one that has just ended. From `status`, because a sandboxed page's `smaps_rollup` is
 * for root alone.
 */
function anonymousKilobytes(pid: number): number {
  try {
    const status = fs.readFileSync(`/proc/${pid}/status`, 'utf8');
    return Number(/^RssAnon:\s+(\d+) kB/m.exec(status)?.[1] ?? 0);
  } catch {
    return 0;
  }
}
