import fs from 'node:fs';
import { printable, printableJson } from '../errors.ts';
import { createPool, usualWorkers } from '../execute/pool.ts';
import { diffReportHtml } from '../jobs/diff-report.ts';
import type { RenameRule } from '../jobs/comparison.ts';
import { diff, isSame, type DiffResult, type DiffRow, type DiffStatus } from '../jobs/diff.ts';
import { formatBytes, formatDuration, formatPlural, formatShape } from '../units.ts';
import { openOptionsOf, type OpeningFlags } from './opening.ts';
import { findingsText, ProgressLine, styled } from './terminal.ts';
import { usage, workersOf, type WorkersFlag } from './values.ts';

export interface DiffFlags extends WorkersFlag, OpeningFlags {
  readonly tolerance?: string;
  readonly rename?: string;
  readonly html?: string;
  readonly all?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** Exit codes as those of diff(1). */
export const DIFF_EXIT = { same: 0, different: 1, trouble: 2 } as const;

/** Rows that are printed of each kind before the rest is counted. */
const MOST_ROWS = 40;

/** `shardloom diff LEFT RIGHT`. Returns the exit code. */
export async function diffCommand(left: string, right: string, flags: DiffFlags, signal: AbortSignal): Promise<number> {
  const tolerance = toleranceOf(flags.tolerance);
  const rename = flags.rename === undefined ? undefined : renameRule(flags.rename);
  const workers = workersOf(flags);
  const line = new ProgressLine();
  const showsProgress = !flags.json && !flags.quiet;
  // Threads take a moment to start: they do so while the folders are opened.
  const pool = createPool(workers ?? usualWorkers());
  let result: DiffResult;
  try {
    result = await diff(left, right, {
      signal,
      pool,
      ...openOptionsOf(flags),
      ...(rename && { rename }),
      ...(showsProgress && { onProgress: (progress) => line.update(progress) }),
    });
  } finally {
    line.end();
    await pool.close();
  }
  if (flags.html !== undefined) fs.writeFileSync(flags.html, diffReportHtml(result));
  if (flags.json) process.stdout.write(`${printableJson(result)}\n`);
  else if (!flags.quiet) process.stdout.write(textOf(result, flags.all ?? false));
  return isSame(result, tolerance) ? DIFF_EXIT.same : DIFF_EXIT.different;
}

function toleranceOf(text: string | undefined): number {
  const tolerance = text === undefined ? 0 : Number(text);
  if (text?.trim() !== '' && tolerance >= 0) return tolerance;
  throw usage('--tolerance', text ?? '', 'a number from 0 on: the largest absolute difference that counts as none');
}

/** `PATTERN=REPLACEMENT`, the pattern a regular expression. */
function renameRule(text: string): RenameRule {
  const at = text.indexOf('=');
  if (at <= 0) throw usage('--rename', text, 'PATTERN=REPLACEMENT, such as ^model\\.=');
  try {
    return { pattern: new RegExp(text.slice(0, at)), replacement: text.slice(at + 1) };
  } catch (error) {
    throw usage('--rename', text, (error as Error).message);
  }
}

const WORDS: Readonly<Record<DiffStatus, string>> = {
  different: 'different',
  'shape-differs': 'of another shape',
  'only-left': 'only on the left',
  'only-right': 'only on the right',
  equal: 'equal in value',
  identical: 'identical',
};

/** What a comparison found, as text: totals, then what moved most. */
function textOf({ rows, counts, leftOut, findings, bytes, seconds }: DiffResult, all: boolean): string {
  const totals = (Object.keys(WORDS) as DiffStatus[])
    .filter((status) => counts[status] > 0)
    .map((status) => `${counts[status]} ${WORDS[status]}`);
  const shown = rows.filter(({ status }) => all || (status !== 'identical' && status !== 'equal'));
  const rate = seconds > 0 ? `, ${formatBytes(bytes / seconds)}/s` : '';
  const lines = [
    `${styled('bold', formatPlural(rows.length, 'tensor'))}: ${totals.join(', ') || 'none'}`,
    styled('dim', `  ${formatBytes(bytes)} on both sides compared in ${formatDuration(seconds)}${rate}`),
  ];
  if (leftOut.length > 0) lines.push(`  not compared: ${leftOut.map(printable).join(', ')}`);
  if (findings.length > 0) lines.push('', findingsText(findings));
  if (shown.length > 0) lines.push('');
  for (const row of shown.slice(0, MOST_ROWS)) lines.push(...rowLines(row));
  if (shown.length > MOST_ROWS) lines.push(`and ${shown.length - MOST_ROWS} more: --json has all of them`);
  return `${lines.join('\n')}\n`;
}

function rowLines({ name, status, left, right, values }: DiffRow): string[] {
  const head = `${styled('bold', printable(name))}  ${WORDS[status]}`;
  const side = (one: DiffRow['left']): string => (one ? `${one.dtype} ${formatShape(one.shape)}` : 'not there');
  if (status === 'shape-differs') return [head, `  ${side(left)} on the left, ${side(right)} on the right`];
  if (status !== 'different' || !values) return [head];
  const { changed, elements, nonFinite, maxAbs, meanAbs, relativeNorm, cosine, largest } = values;
  const share = changed === elements ? 'all' : `${changed} of ${elements}`;
  const lines = [
    head,
    `  ${share} elements, relative norm ${figure(relativeNorm)}, cosine ${figure(cosine, 9)}, largest ${figure(maxAbs)}, mean ${figure(meanAbs)}`,
  ];
  if (left?.dtype !== right?.dtype) lines.push(`  ${side(left)} on the left, ${side(right)} on the right`);
  if (nonFinite > 0) lines.push(`  ${formatPlural(nonFinite, 'of them is', 'of them are')} NaN or Inf on a side`);
  if (largest) {
    const { at, rank, head: attentionHead, file } = largest;
    const place = [rank && `TP rank ${rank.tp}, stage ${rank.pp}`, attentionHead].filter(Boolean).join(', ');
    lines.push(
      `  largest at [${at.join(', ')}]: ${figure(largest.left)} and ${figure(largest.right)}${place && ` (${place})`}`,
    );
    if (file !== null) lines.push(styled('dim', `    in ${printable(file)}`));
  }
  return lines;
}

function figure(value: number | null, digits = 4): string {
  return value === null ? 'none' : String(Number(value.toPrecision(digits)));
}
