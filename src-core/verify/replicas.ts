import type { Finding } from '../errors.ts';
import { larger, ranksOf, type Difference } from '../execute/compare.ts';
import type { WrittenOutput } from '../execute/execute.ts';
import type { Plan, PlanTensor } from '../plan/plan.ts';
import { formatPlural } from '../units.ts';

/** What copying showed about a plan's replicas. */
export interface ReplicaSummary {
  /** Copies that were compared, and how many of them differ. */
  readonly compared: number;
  readonly different: number;
}

export function replicaSummary(written: readonly WrittenOutput[]): ReplicaSummary {
  let compared = 0;
  let different = 0;
  for (const { output, tensors } of written) {
    compared += output.tensors.reduce((sum, tensor) => sum + tensor.copies.length, 0);
    different += tensors.reduce((sum, tensor) => sum + tensor.differences.length, 0);
  }
  return { compared, different };
}

/**
 * A finding for each parameter whose copies differ (parameter, ranks, largest difference), holds NaN or Inf, or lost
 * values to the conversion. Copies that must agree make it an error.
 */
export function findingsWhileCopying(plan: Plan, written: readonly WrittenOutput[]): Finding[] {
  const findings: Finding[] = [];
  for (const { output, tensors } of written) {
    tensors.forEach((copied, index) => {
      const tensor = output.tensors[index]!;
      const strict = copied.differences.filter(({ copy }) => tensor.copies[copy]!.mustAgree);
      const loose = copied.differences.filter(({ copy }) => !tensor.copies[copy]!.mustAgree);
      if (strict.length > 0) findings.push(mustAgreeFinding(plan, tensor, strict));
      if (loose.length > 0) findings.push(replicaFinding(plan, tensor, loose));
      if (copied.nan + copied.inf > 0) findings.push(nonFiniteFinding(tensor, copied.nan, copied.inf));
      if (copied.overflowed > 0) findings.push(overflowFinding(tensor, copied.overflowed));
    });
  }
  return findings;
}

type TensorDifferences = readonly { readonly copy: number; readonly where: readonly Difference[] }[];

function replicaFinding(plan: Plan, tensor: PlanTensor, differences: TensorDifferences): Finding {
  const all = differences.flatMap(({ where }) => where);
  const labels = differences.map(({ copy }) => tensor.copies[copy]!.label);
  const ranks = ranksOf(all, plan.sources);
  return {
    severity: 'warning',
    tag: 'replicas-differ',
    what: `Copies of a parameter that should be equal differ, on TP rank ${ranks.join(', ')}.`,
    file: plan.files[plan.sources[all[0]!.source]!.file]!.path,
    tensor: tensor.name,
    found: `${describe(all)} (${shortened(labels)}; saved as ${tensor.from.join(', ')})`,
    expected: 'all copies equal, byte for byte',
    advice:
      'Training let the copies drift apart. The copy of the lowest rank was taken; check the run’s gradient synchronisation.',
  };
}

function mustAgreeFinding(plan: Plan, tensor: PlanTensor, differences: TensorDifferences): Finding {
  const all = differences.flatMap(({ where }) => where);
  const { label } = tensor.copies[differences[0]!.copy]!;
  const stage = label.startsWith('pipeline stage') || label.startsWith('tied ');
  return {
    severity: 'error',
    tag: stage ? 'stage-conflict' : 'not-described',
    what: stage
      ? 'Two pipeline stages, or the two names of tied embeddings, hold different values of this parameter.'
      : 'The metadata does not describe this parameter, and its copies differ between ranks, so it is not known how to join them.',
    file: plan.files[plan.sources[all[0]!.source]!.file]!.path,
    tensor: tensor.name,
    found: `${describe(all)} (${shortened(differences.map(({ copy }) => tensor.copies[copy]!.label))})`,
    expected: 'equal bytes',
    advice: stage
      ? 'Copy all stages again from one save. If the embeddings were not tied in training, set tie_word_embeddings to false in config.json.'
      : 'Copy the metadata of this save again; it must list every parameter that the shards hold.',
  };
}

function nonFiniteFinding(tensor: PlanTensor, nan: number, inf: number): Finding {
  return {
    severity: 'warning',
    tag: 'non-finite',
    what: 'A parameter holds values that are not finite.',
    tensor: tensor.name,
    found: `${nan} NaN, ${inf} Inf`,
    expected: 'finite values',
    advice: 'They are copied as they are. Training has probably diverged: compare with an earlier checkpoint.',
  };
}

function overflowFinding(tensor: PlanTensor, overflowed: number): Finding {
  return {
    severity: 'warning',
    tag: 'non-finite',
    what: `Values are too large for ${tensor.dtype} and became infinite.`,
    tensor: tensor.name,
    found: `${overflowed} values`,
    advice: 'Choose another --dtype, or leave it out to keep the checkpoint’s own.',
  };
}

function describe(differences: readonly Difference[]): string {
  const elements = differences.reduce((sum, difference) => sum + difference.elements, 0);
  const maxAbs = differences.reduce((most, difference) => larger(most, difference.maxAbs), 0);
  return `${formatPlural(elements, 'element differs', 'elements differ')}, by at most ${String(Number(maxAbs.toPrecision(6)))}`;
}

function shortened(labels: readonly string[]): string {
  return labels.length <= 4 ? labels.join(', ') : `${labels.slice(0, 3).join(', ')} and ${labels.length - 3} more`;
}
