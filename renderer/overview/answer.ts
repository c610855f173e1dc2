import type { CheckpointSummary } from '../../src-core/index.ts';
import { formatPlural } from '../../src-core/units.ts';

/** The state of a checkpoint in a sentence: the first thing that is read. */
export function answerOf({ model, adapters, findings, health }: CheckpointSummary): string {
  const ranks = [model, ...adapters].flatMap((part) => part?.ranks ?? []);
  const missing = ranks.filter(({ state }) => state === 'missing').length;
  const damaged = ranks.filter(({ state }) => state === 'damaged').length;
  const whole = `All ${formatPlural(ranks.length, 'rank')} are whole and fit together`;
  if (health === 'sound') return ranks.length === 1 ? 'Its one rank is whole.' : `${whole}.`;
  const warnings = findings.filter(({ severity }) => severity === 'warning').length;
  if (health === 'look') return `${whole}; ${formatPlural(warnings, 'thing')} to look at.`;
  const parts: string[] = [];
  if (missing > 0)
    parts.push(`${missing} of ${formatPlural(ranks.length, 'rank')} ${missing === 1 ? 'is' : 'are'} missing`);
  if (damaged > 0) parts.push(`${damaged} ${damaged === 1 ? 'is' : 'are'} damaged`);
  const what = parts.length > 0 ? parts.join(', ') : 'Its files do not fit together';
  return `${what}. It cannot be consolidated until that is mended.`;
}
