import { withStates, type Checkpoint, type KvPlacementFound, type ShardedState } from '../checkpoint/checkpoint.ts';
import { isShardloomError, ShardloomError, toFinding, type Finding } from '../errors.ts';
import type { KvPlacement } from '../tensor/parallel.ts';
import { formatPlural } from '../units.ts';
import { kvEvidencesOf, larger, type CopyDistance, type KvEvidence, type KvEvidences } from './kv-evidence.ts';

/** What is decided about some shards: a placement, or what stands in the way of one. */
interface Decision {
  readonly found?: KvPlacementFound;
  readonly finding?: Finding;
}

/**
 * The checkpoint with the placement of its KV heads settled: what the copies show in most of the parameters, or what the caller chose.
 * Adapters whose copies do not tell follow the model; `modelBeside` gives the placement of one that was not opened with them. Where
 * nothing is right, that is a finding of the shards.
 */
export function withKvPlacement(
  checkpoint: Checkpoint,
  chosen: KvPlacement | undefined,
  modelBeside: () => KvPlacement | undefined,
): Checkpoint {
  const model = checkpoint.model && settled(checkpoint.model, chosen, () => undefined);
  const base = (): KvPlacement | undefined => (model ? certain(model) : modelBeside());
  const adapters = checkpoint.adapters.map((adapter) => settled(adapter, chosen, base));
  return withStates(checkpoint, model, adapters);
}

/** The placement of shards, where more than the metadata's rule speaks for it. */
export function certain({ kvPlacement }: ShardedState): KvPlacement | undefined {
  return kvPlacement?.by === 'copies' || kvPlacement?.by === 'chosen' ? kvPlacement.placement : undefined;
}

function settled(
  state: ShardedState,
  chosen: KvPlacement | undefined,
  base: () => KvPlacement | undefined,
): ShardedState {
  // Shards that cannot be joined have an error of their own already.
  if (state.findings.some(({ severity }) => severity === 'error')) return state;
  const evidences = evidencesOf(state);
  if (evidences instanceof ShardloomError) {
    return { ...state, findings: [...state.findings, toFinding(evidences, 'error')] };
  }
  if (!evidences?.matters) return state;
  const { found, finding } = chosen === undefined ? decided(evidences, base) : asChosen(evidences, chosen);
  return {
    ...state,
    ...(found && { kvPlacement: found }),
    ...(found?.placement === 'adjacent' && {
      stages: state.stages.map((stage) => ({ ...stage, kvPlacement: found.placement })),
    }),
    ...(finding && { findings: [...state.findings, finding] }),
  };
}

/**
 * Null where the metadata and the shards do not fit together: joining them says why. The error where a disk fails: then it is not known
 * what the copies show, and nothing is assumed.
 */
function evidencesOf({ stages }: ShardedState): KvEvidences | ShardloomError | null {
  try {
    return kvEvidencesOf(stages);
  } catch (error) {
    if (!isShardloomError(error)) throw error;
    return error.tag === 'read-failed' ? error : null;
  }
}

function decided({ tensors }: KvEvidences, base: () => KvPlacement | undefined): Decision {
  const votes = votesOf(tensors);
  const placement = votes.adjacent.length > votes.tiled.length ? 'adjacent' : 'tiled';
  const [most, fewer] = placement === 'adjacent' ? [votes.adjacent, votes.tiled] : [votes.tiled, votes.adjacent];
  const open = most.length === 0 && votes.neither.length === 0;
  const ofBase = open || most.length < votes.neither.length ? base() : undefined;
  if (ofBase !== undefined) return { found: { placement: ofBase, by: 'base-model' } };
  if (open) {
    return tensors.length === 0
      ? { found: { placement: 'tiled', by: 'not-shown' }, finding: notShown() }
      : { found: { placement: 'tiled', by: 'equal-both-ways' }, finding: equalBothWays(tensors) };
  }
  if (most.length < votes.neither.length) return { finding: equalInNeither(votes.neither, tensors.length) };
  if (fewer.length > 0) return { finding: twoPlacements(placement, most, fewer) };
  return { found: { placement, by: 'copies' } };
}

/** Copies that show something else are a warning then: where they differ, the copying says so too. */
function asChosen({ tensors }: KvEvidences, placement: KvPlacement): Decision {
  const found: KvPlacementFound = { placement, by: 'chosen' };
  const against = tensors.filter(({ equalIn }) => equalIn !== placement && equalIn !== 'both');
  if (against.length === 0 || against.length < tensors.length / 2) return { found };
  return { found, finding: otherThanChosen(placement, against, tensors.length) };
}

type Votes = Readonly<Record<KvEvidence['equalIn'], readonly KvEvidence[]>>;

function votesOf(tensors: readonly KvEvidence[]): Votes {
  const of = (equalIn: KvEvidence['equalIn']): KvEvidence[] => tensors.filter((one) => one.equalIn === equalIn);
  return { tiled: of('tiled'), adjacent: of('adjacent'), both: of('both'), neither: of('neither') };
}

const TAG = 'kv-placement' as const;
const ORDER: Readonly<Record<KvPlacement, string>> = {
  tiled: 'K0 K1 … K0 K1 … (tiled)',
  adjacent: 'K0 K0 … K1 K1 … (adjacent, as on Trn2)',
};
const EITHER = `copies that are equal, ${ORDER.tiled} or ${ORDER.adjacent}`;
const DECIDE = '--kv-placement tiled or --kv-placement adjacent decides';

function equalInNeither(neither: readonly KvEvidence[], of: number): Finding {
  return {
    severity: 'error',
    tag: TAG,
    what: 'Copies of key and value heads are equal neither tiled over the ranks nor on adjacent ranks, so it is not known which query heads belong to them.',
    tensor: neither[0]!.parameter,
    found: `${differencesText(neither)}, in ${neither.length} of ${formatPlural(of, 'parameter')}`,
    expected: EITHER,
    advice: `If NxD trained the model on Trn2 from scratch, or from what its converter made for Trn2, the copies were never alike, and no key is right. If you know how the run placed them, ${DECIDE}: the first copy of each head is taken.`,
  };
}

function twoPlacements(placement: KvPlacement, most: readonly KvEvidence[], fewer: readonly KvEvidence[]): Finding {
  const other = placement === 'tiled' ? 'adjacent' : 'tiled';
  return {
    severity: 'error',
    tag: TAG,
    what: 'Copies of key and value heads are placed in two different ways in one checkpoint.',
    tensor: fewer[0]!.parameter,
    found: `${other} in ${placesText(fewer)}, ${placement} in ${formatPlural(most.length, 'parameter')}`,
    expected: `the same placement everywhere: ${ORDER.tiled} or ${ORDER.adjacent}`,
    advice: `Shards of two runs may be mixed: copy all of them again from one save. For all parameters at once, ${DECIDE}.`,
  };
}

function otherThanChosen(placement: KvPlacement, against: readonly KvEvidence[], of: number): Finding {
  const { tiled, adjacent, neither } = votesOf(against);
  const other = [...tiled, ...adjacent];
  return {
    severity: 'warning',
    tag: TAG,
    what: `Key and value heads are joined as ${placement} because that was chosen; their copies do not show it.`,
    tensor: against[0]!.parameter,
    found:
      other.length > neither.length
        ? `copies that are equal as ${ORDER[placement === 'tiled' ? 'adjacent' : 'tiled']} in ${other.length} of ${formatPlural(of, 'parameter')}`
        : `${differencesText(neither)}, in ${neither.length} of ${formatPlural(of, 'parameter')}`,
    expected: `copies that are equal as ${ORDER[placement]}`,
    advice: 'Compare what the consolidated model says with the training run before you trust it.',
  };
}

function equalBothWays(tensors: readonly KvEvidence[]): Finding {
  return {
    severity: 'note',
    tag: TAG,
    what: 'All copies of key and value heads that were looked at are equal, whichever way they are placed (zero, perhaps): the metadata’s rule, tiled, is taken.',
    tensor: tensors[0]!.parameter,
    advice: 'If the run placed them on adjacent ranks (NxD on Trn2), say so: --kv-placement adjacent.',
  };
}

function notShown(): Finding {
  return {
    severity: 'note',
    tag: TAG,
    what: 'Nothing that was saved shows how copies of key and value heads are placed over the ranks, which the output projection follows: the metadata’s rule, tiled, is taken.',
    advice: 'If the run placed them on adjacent ranks (NxD on Trn2), say so: --kv-placement adjacent.',
  };
}

function differencesText(tensors: readonly KvEvidence[]): string {
  const text = (placement: KvPlacement): string => {
    const all = tensors.map(({ differences }) => differences[placement]);
    return `${placement} ${distanceText(all.reduce<CopyDistance | null>(larger, null)!)}`;
  };
  return `copies that differ: ${text('tiled')}, ${text('adjacent')}`;
}

function distanceText({ maxAbs, ranks: [a, b] }: CopyDistance): string {
  const size = Number.isNaN(maxAbs) ? 'a NaN against another value' : `by up to ${Number(maxAbs.toPrecision(6))}`;
  return `${size} (TP ${a === b ? `rank ${a}` : `ranks ${a} and ${b}`})`;
}

/** How many layers are named before the rest is counted. */
const MAX_LAYERS_NAMED = 8;

/** Layers by number where the names have one, otherwise parameters. */
function placesText(tensors: readonly KvEvidence[]): string {
  const layers = tensors.map(({ parameter }) => /(?:^|\.)layers\.(\d+)\./.exec(parameter)?.[1]);
  const numbered = layers.every((layer) => layer !== undefined);
  const places = [...new Set(numbered ? layers : tensors.map(({ parameter }) => parameter))];
  const named = places.slice(0, MAX_LAYERS_NAMED).join(', ');
  const more = places.length > MAX_LAYERS_NAMED ? ` and ${places.length - MAX_LAYERS_NAMED} more` : '';
  return `${numbered ? (places.length === 1 ? 'layer ' : 'layers ') : ''}${named}${more}`;
}
