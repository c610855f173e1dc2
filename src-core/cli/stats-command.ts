import { printable, printableJson } from '../errors.ts';
import { histogramOf, statisticsOf, type TensorStatistics } from '../inspect/statistics.ts';
import { storedTensorOf } from '../inspect/lineage.ts';
import { partsOf, weightOf } from '../inspect/parts.ts';
import { openCheckpoint } from '../models/open-checkpoint.ts';
import { viewOf, type View } from '../tensor/view.ts';
import { formatCount, formatShape } from '../units.ts';
import { EXIT } from './exit-codes.ts';
import { openOptionsOf, type OpeningFlags } from './opening.ts';
import { openFor } from './parameter-argument.ts';
import { styled } from './terminal.ts';
import { usage } from './values.ts';

export interface StatsFlags extends OpeningFlags {
  readonly rank?: string;
  readonly bins: string;
  readonly json?: boolean;
}

/** `shardloom stats FOLDER PARAMETER`: what the values are like. Returns the exit code. */
export async function statsCommand(
  folder: string,
  parameter: string,
  flags: StatsFlags,
  signal: AbortSignal,
): Promise<number> {
  const { name, view } =
    flags.rank === undefined ? original(folder, parameter, flags) : stored(folder, parameter, flags.rank, flags);
  const bins = /^\d+$/.test(flags.bins) ? Number(flags.bins) : 0;
  if (bins < 1 || bins > 1000) throw usage('--bins', flags.bins, '1 to 1000');
  const { counts, ...statistics } = await statisticsOf(view, { signal });
  const histogram =
    statistics.min === null || statistics.max === null ? [] : histogramOf(counts, statistics.min, statistics.max, bins);
  if (flags.json) {
    const document = { name, dtype: view.dtype, shape: view.shape, ...statistics, histogram };
    process.stdout.write(`${printableJson(document)}\n`);
    return EXIT.done;
  }
  const lines = [
    `${styled('bold', printable(name))}  ${view.dtype} ${formatShape(view.shape)}`,
    ...figures(statistics),
    '',
  ];
  const most = Math.max(1, ...histogram.map(({ count }) => count));
  for (const { from, to, count } of histogram) {
    const bar = '█'.repeat(Math.ceil((count / most) * 40));
    lines.push(
      `  ${number(from).padStart(12)} … ${number(to).padEnd(12)} ${formatCount(count).padStart(12)}  ${styled('cyan', bar)}`,
    );
  }
  process.stdout.write(`${lines.join('\n')}\n`);
  return EXIT.done;
}

function original(
  folder: string,
  parameter: string,
  flags: StatsFlags,
): { readonly name: string; readonly view: View } {
  const { parts, part, name } = openFor(folder, parameter, flags);
  return { name, view: weightOf(parts, part, name).view };
}

function stored(
  folder: string,
  name: string,
  rank: string,
  flags: StatsFlags,
): { readonly name: string; readonly view: View } {
  const match = /^(\d+)(?:,(\d+))?$/.exec(rank);
  if (!match) throw usage('--rank', rank, 'a TP rank, or TP and pipeline rank: 3 or 3,1');
  const [tp, pp] = [Number(match[1]), Number(match[2] ?? 0)];
  const tensor = storedTensorOf(partsOf(openCheckpoint(folder, openOptionsOf(flags))), { tp, pp }, name);
  return { name: `${tensor.name} on TP rank ${tp}, pipeline rank ${pp}`, view: viewOf(tensor) };
}

function figures(statistics: Omit<TensorStatistics, 'counts'>): string[] {
  const { elements, min, max, mean, std, zeros, nan, posInf, negInf, exact } = statistics;
  const value = (figure: number | null): string => (figure === null ? 'none' : String(figure));
  return [
    `  elements  ${formatCount(elements)}`,
    `  min       ${value(min)}`,
    `  max       ${value(max)}`,
    `  mean      ${value(mean)}${exact ? '  (exact)' : ''}`,
    `  std       ${value(std)}${exact ? '  (exact)' : ''}`,
    `  zeros     ${formatCount(zeros)}`,
    `  NaN       ${formatCount(nan)}`,
    `  Inf       ${formatCount(posInf)} positive, ${formatCount(negInf)} negative`,
  ];
}

function number(value: number): string {
  return String(Number(value.toPrecision(5)));
}
