import { openCheckpoint } from '../checkpoint/checkpoint.ts';
import { printable, ShardloomError } from '../errors.ts';
import { verifyReplicas, type Replica, type ReplicaCheck } from '../jobs/verify-replicas.ts';
import { formatBytes, formatDuration, formatPlural } from '../units.ts';
import { EXIT } from './exit-codes.ts';
import { findingsText, ProgressLine, styled } from './terminal.ts';

export interface VerifyFlags {
  readonly replicas?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** `shardloom verify FOLDER --replicas`. Exit code 3 where copies differ or do not fit the metadata's placement. */
export async function verifyCommand(folder: string, flags: VerifyFlags, signal: AbortSignal): Promise<number> {
  if (!flags.replicas) {
    throw new ShardloomError({
      tag: 'usage',
      what: 'Nothing to verify was named.',
      found: 'no --replicas',
      expected: '--replicas',
    });
  }
  const line = new ProgressLine();
  let check: ReplicaCheck;
  try {
    const showsProgress = !flags.json && !flags.quiet;
    check = await verifyReplicas(openCheckpoint(folder), {
      signal,
      ...(showsProgress && { onProgress: (progress) => line.update(progress) }),
    });
  } finally {
    line.end();
  }
  if (flags.json) process.stdout.write(`${JSON.stringify(check, null, 2)}\n`);
  else if (!flags.quiet || check.different > 0) process.stdout.write(text(check));
  const wrong = check.different > 0 || check.findings.some(({ severity }) => severity === 'error');
  return wrong ? EXIT.input : EXIT.done;
}

function text(check: ReplicaCheck): string {
  const { compared, different, bytes, seconds, kvPlacements, findings, replicas } = check;
  const all = formatPlural(compared, 'copy', 'copies');
  const lines = [
    different === 0
      ? `${styled('green', '✓')} all ${all} equal what consolidation takes, byte for byte`
      : `${styled('yellow', '!')} ${different} of ${all} differ from what consolidation takes`,
    ...kvPlacements.map(
      ({ placement, parameter }) => `  copies of KV heads: ${placement} (seen in ${printable(parameter)})`,
    ),
    styled('dim', `  ${formatBytes(bytes)} read in ${formatDuration(seconds)}`),
  ];
  const differing = replicas.filter(({ differences }) => differences.length > 0);
  for (const replica of differing) lines.push('', ...replicaLines(replica));
  if (findings.length > 0) lines.push('', findingsText(findings));
  return `${lines.join('\n')}\n`;
}

function replicaLines({ name, kind, copies, differences }: Replica): string[] {
  const lines = [
    `${styled('bold', printable(name))}  ${kind}, ${differences.length} of ${formatPlural(copies, 'copy', 'copies')} differ`,
  ];
  for (const { label, places } of differences) {
    for (const { rank, file, tensor, elements, maxAbs } of places) {
      const by = maxAbs === null ? 'a NaN against another value' : `by at most ${Number(maxAbs.toPrecision(6))}`;
      lines.push(
        `  ${label}, on TP rank ${rank?.tp ?? 0}: ${formatPlural(elements, 'element')} ${by}`,
        styled('dim', `    ${printable(tensor)} in ${printable(file)}`),
      );
    }
  }
  return lines;
}
