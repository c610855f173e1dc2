import type { Job } from '../../electron/channels.ts';
import { formatBytes, formatDuration } from '../../src-core/units.ts';

/** How far a job is, in a line: `42 % · 512 MB of 1.24 GB · 1.60 GB/s · 0.5 s left`; the phase before it, where there are several. */
export function progressText({ progress }: Pick<Job, 'progress'>): string {
  if (!progress) return 'starting';
  const { bytesDone, bytesTotal, rate, secondsLeft, phase } = progress;
  const parts = [
    `${Math.floor(progressShare({ progress }) * 100)} %`,
    `${formatBytes(bytesDone)} of ${formatBytes(bytesTotal)}`,
  ];
  if (phase) parts.unshift(`${phase.number} of ${phase.count}: ${phase.name}`);
  if (rate > 0) parts.push(`${formatBytes(rate)}/s`);
  if (secondsLeft !== null && secondsLeft > 0) parts.push(`${formatDuration(secondsLeft)} left`);
  return parts.join(' · ');
}

/** Between 0 and 1. */
export function progressShare({ progress }: Pick<Job, 'progress'>): number {
  if (!progress) return 0;
  return progress.bytesTotal === 0 ? 1 : progress.bytesDone / progress.bytesTotal;
}
