import { FusedLinearsSpec } from '../specs/fused-linears.ts';
import { GQAQKVColumnParallelLinearSpec } from '../specs/gqa-qkv.ts';
import type { OriginalWeight } from '../specs/spec.ts';
import { sourcesOf } from '../tensor/view.ts';
import { formatPlural } from '../units.ts';
import { joinedDim } from './parameters.ts';

/** What was done to an original parameter and how it is undone, in sentences. */
export function transformationInWords(weight: OriginalWeight): string[] {
  return [...WORDS[weight.transformation](weight), ...copiesInWords(weight)];
}

const WORDS: Readonly<Record<OriginalWeight['transformation'], (weight: OriginalWeight) => string[]>> = {
  copied: () => ['Every rank holds the whole parameter. The copy of TP rank 0 is taken as it is.'],
  joined: (weight) => [
    `The parameter is split along dim ${joinedDim(weight.view) ?? 0} over ${rankCount(weight)}. The parts are joined in the order of the ranks.`,
  ],
  unfused: (weight) => {
    const spec = weight.by?.spec;
    const names = spec instanceof FusedLinearsSpec ? spec.linearNames : [];
    return [
      `${listed(names)} are fused into ${weight.from.join(', ')}: each rank holds its part of each, one behind the other.`,
      `The parts of this one are cut out and joined along dim ${joinedDim(weight.view) ?? 0} in the order of the ranks.`,
    ];
  },
  'query heads reordered': (weight) => {
    const fields = gqaFields(weight);
    const heads = fields
      ? `The ${fields.numAttentionHeads} query heads are spread so that each rank holds those that share its KV heads (${formatPlural(fields.numKeyValueHeads, 'KV head')}${times(fields.kvSizeMultiplier)}).`
      : 'The query heads are spread so that each rank holds those that share its KV heads.';
    return [heads, `Whole heads are put back into their order along dim ${joinedDim(weight.view) ?? 0}.`];
  },
  'KV replica taken': (weight) => {
    const fields = gqaFields(weight);
    const copies = fields ? String(fields.kvSizeMultiplier) : 'several';
    const heads = fields ? formatPlural(fields.numKeyValueHeads, 'KV head') : 'The KV heads';
    return [
      `There are fewer KV heads than ranks, so ${heads} stand in ${copies} copies over the ranks, one copy of all heads behind the other.`,
      `Copy 0 is taken and joined along dim ${joinedDim(weight.view) ?? 0}.`,
    ];
  },
  'shared lora_A copied': (weight) => [
    `The fused linear has one lora_A for all its parts (${weight.from.join(', ')}). Each original linear gets it whole.`,
  ],
  merged: () => ['An adapter’s product is added to the parameter.'],
  sharded: () => ['This is one rank’s part of the original parameter.'],
};

function copiesInWords({ copies }: OriginalWeight): string[] {
  if (copies.length === 0) return [];
  const agree = copies.some(({ mustAgree }) => mustAgree) ? 'must be equal' : 'should be equal';
  return [
    `${formatPlural(copies.length, 'other copy', 'other copies')} in the checkpoint ${agree}, which is checked while copying.`,
  ];
}

function gqaFields({ by }: OriginalWeight): GQAQKVColumnParallelLinearSpec['fields'] | null {
  return by?.spec instanceof GQAQKVColumnParallelLinearSpec ? by.spec.fields : null;
}

function rankCount({ view }: OriginalWeight): string {
  return formatPlural(sourcesOf(view).length, 'rank');
}

function times(multiplier: number): string {
  return multiplier > 1 ? `, each in ${multiplier} copies` : '';
}

function listed(names: readonly string[]): string {
  if (names.length < 2) return names.join('') || 'Several linears';
  return `${names.slice(0, -1).join(', ')} and ${names.at(-1)!}`;
}
