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
  if (missing + damaged === 0) return 'Its files do not fit together. The findings say what to mend to consolidate.';
  const of = ` of ${formatPlural(ranks.length, 'rank')}`;
  const [what, remedy] =
    damaged === 0
      ? [`${missing}${of} ${are(missing)} missing`, 'Add']
      : missing === 0
        ? [`${damaged}${of} ${are(damaged)} damaged`, 'Replace']
        : [`${missing}${of} ${are(missing)} missing, ${damaged} ${are(damaged)} damaged`, 'Restore'];
  return `${what}. ${remedy} ${missing + damaged === 1 ? 'it' : 'them'} to consolidate.`;
}

function are(count: number): string {
  return count === 1 ? 'is' : 'are';
}
