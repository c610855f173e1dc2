import { openCheckpoint } from '../models/open-checkpoint.ts';
import { printable, printableJson, ShardloomError } from '../errors.ts';
import { keptOf } from '../execute/execute.ts';
import type { PartOf } from '../plan/plan.ts';
import { createPool, usualWorkers } from '../execute/pool.ts';
import type { Progress } from '../execute/progress.ts';
import { isShown, kvPlacementInWords } from '../inspect/facts.ts';
import {
  consolidate,
  prepareConsolidation,
  type ConsolidateOptions,
  type ConsolidateResult,
} from '../jobs/consolidate.ts';
import { roundTripPhases } from '../jobs/round-trip-phases.ts';
import { verifyRoundTrip, type RoundTrip } from '../jobs/verify-round-trip.ts';
import { isPartName, type PartName } from '../plan/part-name.ts';
import { planDocument, planText } from '../plan/print.ts';
import { formatBytes, formatCount, formatDuration, formatPlural } from '../units.ts';
import { continuedText } from './continued.ts';
import { EXIT } from './exit-codes.ts';
import { openOptionsOf, type OpeningFlags } from './opening.ts';
import { outputOptionsOf, type OutputFlags } from './output-options.ts';
import { usage } from './values.ts';
import { partOfArgument, partResultText } from './parts.ts';
import { findingsText, ProgressLine, styled } from './terminal.ts';
import { roundTripText } from './verify-command.ts';

/** The options of `shardloom consolidate`, as the command line gives them. */
export interface ConsolidateFlags extends OutputFlags, OpeningFlags {
  readonly only?: readonly string[];
  readonly part?: string;
  readonly verify?: boolean;
  readonly dryRun?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** `shardloom consolidate FOLDER OUT`. Returns the exit code. */
export async function consolidateCommand(
  folder: string,
  out: string,
  flags: ConsolidateFlags,
  context: { readonly version: string; readonly signal: AbortSignal },
): Promise<number> {
  const options = optionsOf(flags);
  // Threads take a moment to start: they do so while the checkpoint is opened.
  const pool = createPool(flags.dryRun ? 0 : (options.workers ?? usualWorkers()));
  try {
    return await runConsolidation(folder, out, flags, { ...options, ...context, pool });
  } finally {
    await pool.close();
  }
}

async function runConsolidation(
  folder: string,
  out: string,
  flags: ConsolidateFlags,
  options: ConsolidateOptions,
): Promise<number> {
  if (flags.verify && flags.dtype !== undefined) {
    throw new ShardloomError({
      tag: 'usage',
      what: '--verify cannot prove converted weights: the checkpoint holds other bytes.',
      found: `--dtype ${flags.dtype}`,
      advice: 'Leave out one of the two.',
    });
  }
  if (flags.verify && options.part) {
    throw new ShardloomError({
      tag: 'usage',
      what: '--verify proves a whole result, not one part of it.',
      found: `--part ${flags.part}`,
      advice: 'Join the parts with shardloom finish, then run shardloom verify FOLDER OUT.',
    });
  }
  const checkpoint = openCheckpoint(folder, openOptionsOf(flags));
  const errors = checkpoint.findings.filter(({ severity }) => severity === 'error');
  if (errors.length > 1 && !flags.json) process.stderr.write(`${findingsText(errors.slice(1), process.stderr)}\n`);
  if (flags.dryRun) {
    const { plan } = prepareConsolidation(checkpoint, options);
    process.stdout.write(flags.json ? `${printableJson(planDocument(plan))}\n` : planText(plan));
    return EXIT.done;
  }
  const line = new ProgressLine();
  const showsProgress = !flags.quiet && !flags.json;
  const follow = (progress: Progress): void => {
    line.update(progress);
  };
  const { writing, proving } = flags.verify
    ? roundTripPhases(checkpoint, options.parts, follow)
    : { writing: follow, proving: follow };
  try {
    const result = await consolidate(checkpoint, out, {
      ...options,
      ...(showsProgress && { onProgress: writing }),
    });
    const roundTrip = flags.verify
      ? await verifyRoundTrip(checkpoint, out, { ...options, ...(showsProgress && { onProgress: proving }) })
      : null;
    line.end();
    if (flags.json) process.stdout.write(`${printableJson(resultDocument(result, roundTrip))}\n`);
    else if (!flags.quiet)
      process.stdout.write(textOf(result, options.part) + (roundTrip ? `\n${roundTripText(roundTrip)}` : ''));
    else if (result.findings.length > 0) process.stderr.write(`${findingsText(result.findings, process.stderr)}\n`);
    return roundTrip && roundTrip.different.length > 0 ? EXIT.input : EXIT.done;
  } finally {
    line.end();
  }
}

function textOf(result: ConsolidateResult, part: PartOf | undefined): string {
  if (!part) return resultText(result);
  const findings = result.findings.length > 0 ? `\n${findingsText(result.findings)}\n` : '';
  return partResultText(part, result) + findings;
}

function optionsOf(flags: ConsolidateFlags): ConsolidateOptions {
  return {
    ...outputOptionsOf(flags),
    ...(flags.part !== undefined && { part: partOfArgument(flags.part) }),
    ...(flags.only && { parts: flags.only.map(partName) }),
  };
}

function partName(part: string): PartName {
  if (isPartName(part)) return part;
  throw usage('--only', part, 'model, or adapter:NAME');
}

function resultText(result: ConsolidateResult): string {
  const { plan, replicas, findings } = result;
  const tensors = plan.outputs.reduce((sum, output) => sum + output.tensors.length, 0);
  const rate = result.seconds > 0 ? ` (${formatBytes(result.bytesWritten / result.seconds)}/s)` : '';
  const nonFinite = findings.some(({ tag }) => tag === 'non-finite');
  const lines = [
    `${styled('bold', 'Consolidated')} ${formatPlural(tensors, 'tensor')}, ${formatBytes(result.bytesWritten)} in ${formatDuration(result.seconds)}${rate}`,
    `  into ${printable(result.out)}`,
    ...plan.outputs.map((output) => `    ${printable(output.path)}  ${formatBytes(output.size)}`),
    ...continuedText(result),
    '',
    styled('bold', 'Checked'),
    check(true, `every element of every tensor comes from exactly one place (${formatPlural(tensors, 'tensor')})`),
    replicas.compared === 0
      ? check(true, 'nothing in this checkpoint is stored twice')
      : check(
          replicas.different === 0,
          replicas.different === 0
            ? `all ${formatPlural(replicas.compared, 'copy', 'copies')} on other ranks equal what was taken, byte for byte`
            : `${formatCount(replicas.different)} of ${formatPlural(replicas.compared, 'copy', 'copies')} on other ranks ${replicas.different === 1 ? 'differs' : 'differ'} from what was taken`,
        ),
    ...result.kvPlacements.map((found) => {
      const part = result.kvPlacements.length > 1 ? ` of ${printable(found.part.replace(':', ' '))}` : '';
      return check(isShown(found), `KV heads${part}: ${kvPlacementInWords(found)}`);
    }),
    check(!nonFinite, nonFinite ? 'some values are NaN or Inf' : 'no NaN and no Inf'),
    check(true, 'a digest of every tensor is in shardloom.json'),
  ];
  if (findings.length > 0) lines.push('', findingsText(findings));
  return `${lines.join('\n')}\n`;
}

function check(good: boolean, text: string): string {
  return `  ${good ? styled('green', '✓') : styled('yellow', '!')} ${text}`;
}

function resultDocument(result: ConsolidateResult, roundTrip: RoundTrip | null): unknown {
  return {
    out: result.out,
    files: result.written.map(({ output, tensors }) => ({
      path: output.path,
      bytes: output.size,
      tensors: tensors.map(({ name, digest }) => ({ name, digest })),
    })),
    bytes: result.bytesWritten,
    kept: keptOf(result.written),
    seconds: result.seconds,
    workers: result.workers,
    replicas: result.replicas,
    kvPlacements: result.kvPlacements,
    findings: result.findings,
    ...(roundTrip && { roundTrip }),
  };
}
