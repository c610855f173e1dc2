import { openCheckpoint } from '../models/open-checkpoint.ts';
import { printable, ShardloomError } from '../errors.ts';
import { verifyReplicas, type Replica, type ReplicaCheck } from '../jobs/verify-replicas.ts';
import { verifyRoundTrip, type RoundTrip } from '../jobs/verify-round-trip.ts';
import { formatBytes, formatDuration, formatPlural } from '../units.ts';
import { EXIT } from './exit-codes.ts';
import { findingsText, ProgressLine, styled } from './terminal.ts';

export interface VerifyFlags {
  readonly replicas?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** `shardloom verify FOLDER [OUT]`: the round trip of what was consolidated into OUT, and with --replicas all copies. */
export async function verifyCommand(
  folder: string,
  out: string | undefined,
  flags: VerifyFlags,
  signal: AbortSignal,
): Promise<number> {
  if (out === undefined && !flags.replicas) {
    throw new ShardloomError({
      tag: 'usage',
      what: 'Nothing to verify was named.',
      found: 'neither OUT nor --replicas',
      expected: 'the folder with the consolidated weights, or --replicas',
    });
  }
  const roundTrip = out === undefined ? EXIT.done : await roundTripCommand(folder, out, flags, signal);
  const replicas = flags.replicas ? await replicasCommand(folder, flags, signal) : EXIT.done;
  return roundTrip === EXIT.done ? replicas : roundTrip;
}

async function roundTripCommand(folder: string, out: string, flags: VerifyFlags, signal: AbortSignal): Promise<number> {
  const line = new ProgressLine();
  let result: RoundTrip;
  try {
    const showsProgress = !flags.json && !flags.quiet;
    result = await verifyRoundTrip(openCheckpoint(folder), out, {
      signal,
      ...(showsProgress && { onProgress: (progress) => line.update(progress) }),
    });
  } finally {
    line.end();
  }
  if (flags.json) process.stdout.write(`${JSON.stringify({ roundTrip: result }, null, 2)}\n`);
  else if (!flags.quiet || result.different.length > 0) process.stdout.write(roundTripText(result));
  return result.different.length > 0 ? EXIT.input : EXIT.done;
}

/** What a proof of the round trip found. */
export function roundTripText({ compared, different, ranks, bytes, seconds, notCovered }: RoundTrip): string {
  const all = `${formatPlural(compared, 'tensor')} on ${formatPlural(ranks, 'rank')}`;
  const lines = [
    different.length === 0
      ? `${styled('green', '✓')} proved: sharding the result again gives all ${all}, byte for byte`
      : `${styled('yellow', '!')} ${different.length} of ${all} differ from the result, sharded again`,
    styled('dim', `  ${formatBytes(bytes)} on each side compared in ${formatDuration(seconds)}`),
    ...different.flatMap(({ tensor, elements, maxAbs }) => [
      '',
      `${styled('bold', printable(tensor.name))}  TP rank ${tensor.rank?.tp ?? 0}, pipeline rank ${tensor.rank?.pp ?? 0}: ${formatPlural(elements, 'element')} ${differenceText(maxAbs)}`,
      styled('dim', `  in ${printable(tensor.file)}`),
    ]),
    ...(notCovered.length > 0
      ? ['', `  not covered: ${notCovered.map((name) => printable(name.replace(':', ' '))).join(', ')}`]
      : []),
  ];
  return `${lines.join('\n')}\n`;
}

/** `shardloom verify FOLDER --replicas`. Exit code 3 where copies differ or do not fit the metadata's placement. */
async function replicasCommand(folder: string, flags: VerifyFlags, signal: AbortSignal): Promise<number> {
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
      lines.push(
        `  ${label}, on TP rank ${rank?.tp ?? 0}: ${formatPlural(elements, 'element')} ${differenceText(maxAbs)}`,
        styled('dim', `    ${printable(tensor)} in ${printable(file)}`),
      );
    }
  }
  return lines;
}

/** By how much copies differ; null where a NaN stands against another value. */
function differenceText(maxAbs: number | null): string {
  return maxAbs === null ? 'a NaN against another value' : `by at most ${Number(maxAbs.toPrecision(6))}`;
}
