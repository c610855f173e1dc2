import type { Replica, ReplicaCheck } from '../../src-core/index.ts';
import { differenceText } from '../components/difference-text.ts';
import { formatCount, formatPlural } from '../../src-core/units.ts';

/** What a check found, in a line. */
export function answerOf({ replicas, compared, different }: ReplicaCheck): string {
  if (compared === 0) return 'Nothing in this checkpoint is stored more than once.';
  const what = `${formatPlural(replicas.length, 'parameter')} with ${formatPlural(compared, 'copy', 'copies')}`;
  if (different === 0) return `${what}: all equal what consolidation takes, byte for byte.`;
  const ranks = [...new Set(differingRanks(replicas))].sort((a, b) => a - b);
  const where = ranks.length > 0 ? `, on TP ${ranks.length === 1 ? 'rank' : 'ranks'} ${ranks.join(', ')}` : '';
  return `${formatPlural(different, 'copy differs', 'copies differ')}${where}. ${what} were compared.`;
}

function differingRanks(replicas: readonly Replica[]): number[] {
  return replicas.flatMap(({ differences }) =>
    differences.flatMap(({ places }) => places.flatMap(({ rank }) => (rank ? [rank.tp] : []))),
  );
}

/** How far the copies of one parameter differ; empty where they are equal. */
export function differencesText({ differences }: Replica): string {
  const places = differences.flatMap((difference) => difference.places);
  if (places.length === 0) return '';
  const elements = places.reduce((sum, place) => sum + place.elements, 0);
  const largest = places.reduce<number | null>(
    (most, { maxAbs }) => (most === null || maxAbs === null ? null : Math.max(most, maxAbs)),
    0,
  );
  const ranks = [...new Set(places.map(({ rank }) => `TP ${rank?.tp ?? 0}`))];
  return `${ranks.join(', ')}: ${formatCount(elements)} ${elements === 1 ? 'element' : 'elements'}, ${differenceText(largest)}`;
}
