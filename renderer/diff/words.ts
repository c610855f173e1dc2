import type { DiffRow, DiffStatus } from '../../src-core/index.ts';
import { formatCount, formatPlural } from '../../src-core/units.ts';

export const STATUS_WORDS: Readonly<Record<DiffStatus, string>> = {
  different: 'differs',
  'shape-differs': 'another shape',
  'only-left': 'only on the left',
  'only-right': 'only on the right',
  equal: 'equal values',
  identical: 'identical',
};

/** The place's answer in one sentence. */
export function answerOf({
  counts,
  total,
}: {
  readonly counts: Readonly<Record<DiffStatus, number>>;
  readonly total: number;
}): string {
  if (counts.identical === total) return `All ${formatPlural(total, 'tensor')} are identical, byte for byte.`;
  if (counts.identical + counts.equal === total) return `All ${formatPlural(total, 'tensor')} hold the same values.`;
  const parts = (Object.keys(STATUS_WORDS) as DiffStatus[])
    .filter((status) => counts[status] > 0)
    .map((status) => `${counts[status]} ${status === 'different' ? differWord(counts[status]) : STATUS_WORDS[status]}`);
  return `Of ${formatPlural(total, 'tensor')}: ${parts.join(', ')}.`;
}

function differWord(count: number): string {
  return count === 1 ? 'differs' : 'differ';
}

/** A figure with four digits, or what stands for none. */
export function figureText(value: number | null | undefined, digits = 4): string {
  return value === null || value === undefined ? '' : String(Number(value.toPrecision(digits)));
}

/** Share of elements that differ. */
export function changedText({ values }: DiffRow): string {
  if (!values || values.changed === 0) return '';
  const share = (values.changed / values.elements) * 100;
  return share >= 0.01
    ? `${Number(share.toPrecision(3))} %`
    : `${formatCount(values.changed)} of ${formatCount(values.elements)}`;
}

/** The largest relative norm of several tensors; null where none has moved. */
export function mostMoved(rows: readonly DiffRow[]): number | null {
  const norms = rows.flatMap(({ status, values }) => (status === 'different' ? (values?.relativeNorm ?? []) : []));
  return norms.length === 0 ? null : Math.max(...norms);
}

/** What has become of the tensors of a group: "2 of 9 differ". */
export function groupFacts(rows: readonly DiffRow[]): string {
  const same = rows.filter(({ status }) => status === 'identical' || status === 'equal').length;
  if (same === rows.length) return `${formatPlural(rows.length, 'tensor')}, the same`;
  const differing = rows.length - same;
  return `${differing} of ${rows.length} ${differWord(differing)}`;
}
