import type { ModelConfig } from '../checkpoint/configs.ts';
import type { StageMetadata } from '../checkpoint/metadata.ts';
import { EMBEDDING } from '../checkpoint/stage-parameters.ts';
import { ShardloomError } from '../errors.ts';
import { toOriginalWeights } from '../specs/to-original-weights.ts';
import { sameShape } from '../tensor/shape.ts';
import type { StoredTensor } from '../tensor/stored.ts';
import { viewOf } from '../tensor/view.ts';
import { headDimOf, type DecoderConfig } from './decoder.ts';
import type { ParallelConfig, StageDescription } from './description.ts';
import { describeModel } from './family.ts';
import { decoderConfigOf } from './from-config.ts';
import { formatShape } from '../units.ts';
import { isSliceOf, joinedRows } from './vocabulary.ts';

/** What the ranks of a stage hold, by saved name in rank order. */
type StageTensors = ReadonlyMap<string, readonly StoredTensor[]>;

/**
 * The metadata that training would have written, for checkpoints of scripts that write none: from config.json, and from the names
 * and shapes in the shards. By stage. Throws where these do not fit together: then nothing is guessed.
 */
export function inferMetadata(
  config: ModelConfig,
  tensorParallelSize: number,
  stages: readonly StageTensors[],
): StageMetadata[] {
  const { modelType, sizes } = decoderConfigOf(config);
  const embedding = stages.flatMap((stage) => stage.get(EMBEDDING) ?? []);
  const shapes = new Map(
    stages.flatMap((stage) => [...stage].map(([name, locals]) => [name, locals[0]!.shape] as const)),
  );
  const decoder = asSaved(sizes, [...shapes.keys()]);
  const parallel = parallelFrom(decoder, tensorParallelSize, shapes);
  const whole = describeWhole(modelType, decoder, parallel, embedding);
  return stages.map((tensors) => {
    const metadata = metadataOf(whole, tensors, config);
    checkShapes(whole, tensors, metadata);
    return metadata;
  });
}

/** The model in one stage. A vocabulary that is one rank's slice is taken for the whole, where the embedding is cut. */
function describeWhole(
  modelType: string,
  decoder: DecoderConfig,
  parallel: ParallelConfig,
  embedding: readonly StoredTensor[],
): StageDescription {
  const described = (vocabSize: number): StageDescription =>
    describeModel(modelType, { ...decoder, vocabSize }, parallel).stages[0]!;
  if (isSliceOf(decoder.vocabSize, embedding)) {
    const joined = described(joinedRows(embedding));
    if (joined.parameters.get(EMBEDDING)?.tensorModelParallel) return joined;
  }
  return described(decoder.vocabSize);
}

/** What config.json leaves open or what scripts do otherwise shows in the names. */
function asSaved(sizes: DecoderConfig, names: readonly string[]): DecoderConfig {
  const some = (pattern: RegExp): boolean => names.some((name) => pattern.test(name));
  return {
    ...sizes,
    attentionBias: some(/\.self_attn\.\w+\.bias(_\w+)?$/),
    mlpBias: some(/\.mlp\.\w+\.bias$/),
    tieWordEmbeddings: !some(/^lm_head\.weight$/),
  };
}

/**
 * The parallel sizes that the names and shapes in the shards show: how often KV heads are repeated shows in the rows that a rank
 * holds of them, of weights as of lora_B. `names` may hold more than `shapes`.
 */
export function parallelFrom(
  decoder: DecoderConfig,
  tensorParallelSize: number,
  shapes: ReadonlyMap<string, readonly number[]>,
  names: Iterable<string> = shapes.keys(),
): ParallelConfig {
  const rows = (pattern: RegExp): number | undefined => [...shapes].find(([name]) => pattern.test(name))?.[1][0];
  const kvRows = decoder.numKeyValueHeads * headDimOf(decoder);
  const apart = rows(/\.qkv_proj\.(lora_B\.)?weight_k$/);
  const together = rows(/\.qkv_proj\.(lora_B\.)?weight_qkv$/);
  const queryRows = decoder.numAttentionHeads * headDimOf(decoder);
  const repeated =
    apart !== undefined
      ? (apart * tensorParallelSize) / kvRows
      : together !== undefined
        ? (together * tensorParallelSize - queryRows) / (2 * kvRows)
        : undefined;
  return {
    tensorParallelSize,
    pipelineParallelSize: 1,
    fuseQkv: [...names].some((name) => /\.qkv_proj\.(base_layer\.|lora_B\.)?weight(_qkv)?$/.test(name)),
    ...(repeated !== undefined && { kvSizeMultiplier: repeated }),
  };
}

/** The stage's share of the whole model: which stage has which layers is what its shards say. */
function metadataOf(whole: StageDescription, tensors: StageTensors, { file }: ModelConfig): StageMetadata {
  const parameters = new Map([...whole.parameters].filter(([name]) => tensors.has(name)));
  const known = new Set(parameters.keys());
  const modules = whole.customModules.filter(({ moduleFullyQualifiedName }) =>
    [...known].some((name) => name.startsWith(`${moduleFullyQualifiedName}.`)),
  );
  return { file, parameters, transformationSpecs: modules.map(({ specs }) => specs.toMetadata(known)), document: {} };
}

/** What is joined must have the shapes that config.json asks for; else the description is of another model. */
function checkShapes(
  { originalParameters, customModules }: StageDescription,
  tensors: StageTensors,
  { parameters, file }: StageMetadata,
): void {
  const locals = new Map([...tensors].map(([name, stored]) => [name, stored.map(viewOf)]));
  const specs = customModules.map((module) => module.specs);
  for (const [name, { view }] of toOriginalWeights(specs, locals, parameters)) {
    const expected = originalParameters.get(name);
    if (expected && sameShape(view.shape, expected)) continue;
    throw new ShardloomError({
      tag: expected ? 'shape-mismatch' : 'not-described',
      what: 'There is no metadata, and what the shards hold is not what config.json describes.',
      file,
      tensor: name,
      found: formatShape(view.shape),
      expected: expected ? formatShape(expected) : 'no such parameter',
      advice: 'Use the config.json of this training run, or copy the mp_metadata files from the training machine.',
    });
  }
}
