import fs from 'node:fs';
import path from 'node:path';
import { openCheckpoint } from '../models/open-checkpoint.ts';
import { printable, printableJson, ShardloomError } from '../errors.ts';
import type { CompareOptions } from '../execute/compare-copies.ts';
import { kvPlacementInWords } from '../inspect/facts.ts';
import { MANIFEST_FILE } from '../jobs/manifest.ts';
import { verifyDigests, type DigestCheck } from '../jobs/verify-digests.ts';
import { verifyReplicas, type Replica, type ReplicaCheck } from '../jobs/verify-replicas.ts';
import { verifyRoundTrip, type RoundTrip } from '../jobs/verify-round-trip.ts';
import { formatBytes, formatCount, formatDuration, formatPlural } from '../units.ts';
import { EXIT } from './exit-codes.ts';
import { openOptionsOf, type OpeningFlags } from './opening.ts';
import { findingsText, ProgressLine, styled } from './terminal.ts';
import { workersOf, type WorkersFlag } from './values.ts';

/** Faults that are told one by one. */
const MAX_SHOWN = 20;

export interface VerifyFlags extends WorkersFlag, OpeningFlags {
  readonly replicas?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/**
 * `shardloom verify FOLDER [OUT]`: the round trip of what was consolidated into OUT, with --replicas all copies, and for a FOLDER that
 * Shardloom wrote alone its digests.
 */
export async function verifyCommand(
  folder: string,
  out: string | undefined,
  flags: VerifyFlags,
  signal: AbortSignal,
): Promise<number> {
  if (out === undefined && !flags.replicas) {
    if (fs.existsSync(path.join(folder, MANIFEST_FILE))) return digestsCommand(folder, flags, signal);
    throw new ShardloomError({
      tag: 'usage',
      what: 'Nothing to verify was named.',
      found: 'neither OUT nor --replicas, and no shardloom.json in the folder',
      expected: 'the folder with the consolidated weights alone or as OUT, or --replicas',
    });
  }
  const roundTrip = out === undefined ? EXIT.done : await roundTripCommand(folder, out, flags, signal);
  const replicas = flags.replicas ? await replicasCommand(folder, flags, signal) : EXIT.done;
  return roundTrip === EXIT.done ? replicas : roundTrip;
}

async function roundTripCommand(folder: string, out: string, flags: VerifyFlags, signal: AbortSignal): Promise<number> {
  const result = await watched(flags, (watching) => {
    return verifyRoundTrip(openCheckpoint(folder, openOptionsOf(flags)), out, { signal, ...watching });
  });
  if (flags.json) process.stdout.write(`${printableJson({ roundTrip: result })}\n`);
  else if (!flags.quiet || result.different.length > 0) process.stdout.write(roundTripText(result));
  return result.different.length > 0 ? EXIT.input : EXIT.done;
}

/** `shardloom verify OUT`: exit code 3 where the weights are not those that were written. */
async function digestsCommand(folder: string, flags: VerifyFlags, signal: AbortSignal): Promise<number> {
  const check = await watched(flags, (watching) => verifyDigests(folder, { signal, ...watching }));
  if (flags.json) process.stdout.write(`${printableJson(check)}\n`);
  else if (!flags.quiet || check.different.length > 0) process.stdout.write(digestsText(check));
  return check.different.length > 0 ? EXIT.input : EXIT.done;
}

function digestsText({ tensors, files, bytes, seconds, different }: DigestCheck): string {
  const shown = different.slice(0, MAX_SHOWN);
  const lines = [
    different.length === 0
      ? `${styled('green', '✓')} all ${formatPlural(tensors, 'tensor')} in ${formatPlural(files, 'file')} have the digests in shardloom.json`
      : `${styled('yellow', '!')} ${formatPlural(different.length, 'tensor')} ${different.length === 1 ? 'is' : 'are'} not what shardloom.json says was written`,
    styled('dim', `  ${formatBytes(bytes)} read in ${formatDuration(seconds)}`),
    ...shown.map(({ file, tensor, what }) => `  ${printable(tensor)}: ${what}, in ${printable(file)}`),
  ];
  if (different.length > MAX_SHOWN) lines.push(`  and ${different.length - MAX_SHOWN} more (all with --json)`);
  return `${lines.join('\n')}\n`;
}

/** Runs a comparison in the threads that are wanted, with a progress line where one is. */
async function watched<Result>(
  flags: VerifyFlags,
  action: (options: Pick<CompareOptions, 'workers' | 'onProgress'>) => Promise<Result>,
): Promise<Result> {
  const workers = workersOf(flags);
  const line = new ProgressLine();
  try {
    return await action({
      ...(workers !== undefined && { workers }),
      ...(!flags.json && !flags.quiet && { onProgress: (progress) => line.update(progress) }),
    });
  } finally {
    line.end();
  }
}

/** What a proof of the round trip found. */
export function roundTripText(result: RoundTrip): string {
  const { compared, different, ranks, bytes, seconds, inferred, notCovered } = result;
  const all = `${formatPlural(compared, 'tensor')} on ${formatPlural(ranks, 'rank')}`;
  const lines = [
    different.length === 0
      ? `${styled('green', '✓')} ${inferred.length > 0 ? 'all bytes are there' : 'proved'}: sharding the result again gives all ${all}, byte for byte`
      : `${styled('yellow', '!')} ${different.length} of ${all} differ from the result, sharded again`,
    styled('dim', `  ${formatBytes(bytes)} on each side compared in ${formatDuration(seconds)}`),
    ...different.flatMap(({ tensor, elements, maxAbs }) => [
      '',
      `${styled('bold', printable(tensor.name))}  TP rank ${tensor.rank?.tp ?? 0}, pipeline rank ${tensor.rank?.pp ?? 0}: ${formatPlural(elements, 'element')} ${differenceText(maxAbs)}`,
      styled('dim', `  in ${printable(tensor.file)}`),
    ]),
    ...inferred.flatMap(({ what, found }) => [
      `${styled('yellow', '!')} which bytes belong where was inferred, so this does not prove it: ${printable(what)}`,
      ...(found === undefined ? [] : [styled('dim', `  ${printable(found)}`)]),
    ]),
    ...(notCovered.length > 0
      ? ['', `  not covered: ${notCovered.map((name) => printable(name.replace(':', ' '))).join(', ')}`]
      : []),
  ];
  return `${lines.join('\n')}\n`;
}

/** `shardloom verify FOLDER --replicas`. Exit code 3 where copies differ or do not fit the metadata's placement. */
async function replicasCommand(folder: string, flags: VerifyFlags, signal: AbortSignal): Promise<number> {
  const check = await watched(flags, (watching) =>
    verifyReplicas(openCheckpoint(folder, openOptionsOf(flags)), { signal, ...watching }),
  );
  if (flags.json) process.stdout.write(`${printableJson(check)}\n`);
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
      : `${styled('yellow', '!')} ${formatCount(different)} of ${all} ${different === 1 ? 'differs' : 'differ'} from what consolidation takes`,
    ...kvPlacements.map((found) => `  KV heads of ${printable(found.part)}: ${kvPlacementInWords(found)}`),
    styled('dim', `  ${formatBytes(bytes)} read in ${formatDuration(seconds)}`),
  ];
  const differing = replicas.filter(({ differences }) => differences.length > 0);
  for (const replica of differing) lines.push('', ...replicaLines(replica));
  if (findings.length > 0) lines.push('', findingsText(findings));
  return `${lines.join('\n')}\n`;
}

function replicaLines({ name, kind, copies, differences }: Replica): string[] {
  const lines = [
    `${styled('bold', printable(name))}  ${kind}, ${differences.length} of ${formatPlural(copies, 'copy', 'copies')} ${differences.length === 1 ? 'differs' : 'differ'}`,
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
