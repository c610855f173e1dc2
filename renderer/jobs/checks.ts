import type { ConsolidationResult } from '../../electron/channels.ts';
import { isShown, kvPlacementInWords } from '../../src-core/inspect/facts.ts';
import { formatCount, formatPlural } from '../../src-core/units.ts';

/** One line of the proof: good, or to be looked at. */
export interface Check {
  readonly good: boolean;
  readonly text: string;
}

/** How a result was proved, in the words of the command line. */
export function checksOf({
  tensors,
  replicas,
  findings,
  kvPlacements,
  digest,
  roundTrip,
}: ConsolidationResult): Check[] {
  const { compared, different } = replicas;
  const nonFinite = findings.some(({ tag }) => tag === 'non-finite');
  const copies = formatPlural(compared, 'copy', 'copies');
  return [
    {
      good: true,
      text: `Every element of every tensor comes from exactly one place (${formatPlural(tensors, 'tensor')})`,
    },
    compared === 0
      ? { good: true, text: 'Nothing in this checkpoint is stored twice' }
      : different === 0
        ? { good: true, text: `All ${copies} on other ranks equal what was taken, byte for byte` }
        : {
            good: false,
            text: `${formatCount(different)} of ${copies} on other ranks ${different === 1 ? 'differs' : 'differ'} from what was taken`,
          },
    ...kvPlacements.map((found) => ({
      good: isShown(found),
      text: `KV heads${kvPlacements.length > 1 ? ` of ${found.part.replace(':', ' ')}` : ''}: ${kvPlacementInWords(found)}`,
    })),
    nonFinite ? { good: false, text: 'Some values are NaN or Inf' } : { good: true, text: 'No NaN and no Inf' },
    { good: true, text: `A digest (${digest}) of every tensor is in shardloom.json` },
    ...(roundTrip ? [roundTripCheck(roundTrip)] : []),
  ];
}

function roundTripCheck({
  compared,
  different,
  ranks,
  inferred,
}: NonNullable<ConsolidationResult['roundTrip']>): Check {
  const all = `${formatPlural(compared, 'tensor')} on ${formatPlural(ranks, 'rank')}`;
  if (different.length === 0 && inferred.length > 0) {
    return {
      good: false,
      text: `Sharding the result again gives all ${all}; which bytes belong where was inferred, so this does not prove it`,
    };
  }
  return different.length === 0
    ? { good: true, text: `Sharding the result again gives all ${all}, byte for byte` }
    : {
        good: false,
        text: `${formatCount(different.length)} of ${all} ${different.length === 1 ? 'differs' : 'differ'} from the result, sharded again`,
      };
}
