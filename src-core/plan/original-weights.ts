import type { ShardedState, Stage } from '../checkpoint/checkpoint.ts';
import { ShardloomError } from '../errors.ts';
import type { OriginalWeight, WeightCopy } from '../specs/spec.ts';
import { ModelWeightTransformationSpecs } from '../specs/specs.ts';
import { toOriginalWeights } from '../specs/to-original-weights.ts';
import { sameShape } from '../tensor/shape.ts';
import { viewOf } from '../tensor/view.ts';
import { formatShape } from '../units.ts';

/**
 * All weights of the original model (or adapter) as views on the shards: each pipeline stage through its specs, merged. A
 * parameter that two stages hold (tied embeddings) must be equal in both: the other stage's is a copy that must agree.
 */
export function originalWeightsOf(state: ShardedState): Map<string, OriginalWeight> {
  const merged = new Map<string, OriginalWeight>();
  for (const stage of state.stages) {
    for (const [name, weight] of stageWeights(stage, state.adapterName)) {
      const before = merged.get(name);
      merged.set(name, before ? mergeStages(name, before, weight, stage) : weight);
    }
  }
  for (const [name, embedding] of state.tied) mergeTied(merged, name, embedding);
  return merged;
}

/** Tied embeddings are written once, as transformers saves them: what the second name holds must be the same. */
function mergeTied(merged: Map<string, OriginalWeight>, name: string, embedding: string): void {
  const [second, first] = [merged.get(name), merged.get(embedding)];
  if (!second || !first) return;
  const label = `tied ${name}`;
  const { dtype, shape } = second.view;
  if (dtype !== first.view.dtype || !sameShape(shape, first.view.shape)) {
    throw new ShardloomError({
      tag: 'shape-mismatch',
      what: 'config.json says that the embeddings are tied, but the output head is of another kind.',
      tensor: name,
      found: `${dtype} ${formatShape(shape)}`,
      expected: `${first.view.dtype} ${formatShape(first.view.shape)}`,
      advice: 'Set tie_word_embeddings to false in config.json where the model has an output head of its own.',
    });
  }
  merged.delete(name);
  const copies = second.copies.map((copy) => ({ ...copy, label: `${label}, ${copy.label}` }));
  const copy: WeightCopy = { label, view: second.view, mustAgree: true };
  merged.set(embedding, { ...first, copies: [...first.copies, copy, ...copies] });
}

/** The original weights of one pipeline stage as views on its shards. */
export function stageWeights(stage: Stage, adapterName: string | undefined): Map<string, OriginalWeight> {
  const locals = new Map([...stage.tensors].map(([name, tensors]) => [name, tensors.map(viewOf)]));
  const file = stage.metadata?.file;
  try {
    return toOriginalWeights(specsOfStage(stage), locals, stage.metadata?.parameters ?? new Map(), adapterName);
  } catch (error) {
    // Specs know no files: the metadata is the one to look at where no shard was named.
    if (!(error instanceof ShardloomError) || error.file !== undefined || file === undefined) throw error;
    throw new ShardloomError({ ...error, file }, { cause: error });
  }
}

/** The transformation specs that a stage's metadata lists, for its placement of KV heads. Throws `unknown-spec` for one that is none of ours. */
export function specsOfStage({ metadata, kvPlacement }: Stage): ModelWeightTransformationSpecs[] {
  return (metadata?.transformationSpecs ?? []).map((entry) => {
    const specs = ModelWeightTransformationSpecs.fromMetadata(entry);
    return kvPlacement === undefined ? specs : specs.withKvPlacement(kvPlacement);
  });
}

function mergeStages(name: string, before: OriginalWeight, later: OriginalWeight, stage: Stage): OriginalWeight {
  const [a, b] = [before.view, later.view];
  if (a.dtype !== b.dtype || !sameShape(a.shape, b.shape)) {
    const file = b.regions[0]?.source.file;
    throw new ShardloomError({
      tag: 'stage-conflict',
      what: `Pipeline stage ${stage.ppRank} holds this parameter with another shape or dtype than an earlier stage.`,
      ...(file !== undefined && { file }),
      tensor: name,
      found: `${b.dtype} ${formatShape(b.shape)}`,
      expected: `${a.dtype} ${formatShape(a.shape)}`,
      advice: 'The stages are not from the same save: copy all of them again from one checkpoint.',
    });
  }
  const label = `pipeline stage ${stage.ppRank}`;
  const other: WeightCopy = { label, view: b, mustAgree: true };
  const copies = later.copies.map((copy) => ({ ...copy, label: `${label}, ${copy.label}` }));
  return { ...before, copies: [...before.copies, other, ...copies] };
}
