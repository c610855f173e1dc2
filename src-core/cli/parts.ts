import { printable, printableJson } from '../errors.ts';
import type { ExecuteResult } from '../execute/execute.ts';
import type { PartOf } from '../plan/plan.ts';
import { finish } from '../jobs/parts.ts';
import { MAX_RANKS } from '../limits.ts';
import { formatBytes, formatDuration, formatPlural } from '../units.ts';
import { EXIT } from './exit-codes.ts';
import { styled } from './terminal.ts';
import { usage } from './values.ts';

/** `--part k/n`. Throws `usage`. */
export function partOfArgument(text: string): PartOf {
  const [index, count] = (/^(\d+)\/(\d+)$/.exec(text) ?? []).slice(1).map(Number);
  if (index !== undefined && count !== undefined && index >= 1 && index <= count && count <= MAX_RANKS) {
    return { index, count };
  }
  throw usage('--part', text, 'k/n with k from 1 to n, such as 2/3');
}

/** What one part of a divided run did. */
export function partResultText(
  { index, count }: PartOf,
  { written, bytesWritten, seconds, out }: ExecuteResult & { readonly out: string },
): string {
  const what =
    seconds === 0 && written.length === 0
      ? 'was finished already'
      : `is finished: ${formatPlural(written.length, 'file')}, ${formatBytes(bytesWritten)} in ${formatDuration(seconds)}`;
  return [
    `${styled('bold', `Part ${index} of ${count}`)} ${what}`,
    `  When all parts are: shardloom finish ${printable(out)}`,
    '',
  ].join('\n');
}

/** `shardloom finish OUT`. Returns the exit code. */
export function finishCommand(out: string, flags: { readonly json?: boolean; readonly quiet?: boolean }): number {
  const result = finish(out);
  if (flags.json) process.stdout.write(`${printableJson(result)}\n`);
  else if (!flags.quiet) {
    process.stdout.write(
      `${styled('bold', 'Joined')} ${formatPlural(result.parts, 'part')}: ${formatPlural(result.files, 'file')}, ${formatBytes(result.bytes)}\n  into ${printable(result.out)}\n`,
    );
  }
  return EXIT.done;
}
