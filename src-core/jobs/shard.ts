import path from 'node:path';
import type { Checkpoint } from '../checkpoint/checkpoint.ts';
import { openCheckpoint } from '../models/open-checkpoint.ts';
import { openWeightsFolder, type WeightsFolder } from '../checkpoint/weights-folder.ts';
import type { ModelConfig } from '../checkpoint/configs.ts';
import { ShardloomError } from '../errors.ts';
import { executePlan, type ExecuteOptions, type ExecuteResult } from '../execute/execute.ts';
import { partsOf } from '../inspect/parts.ts';
import type { ModelDescription } from '../models/description.ts';
import { describeModel } from '../models/family.ts';
import { decoderConfigOf } from '../models/from-config.ts';
import { finishShard, planSharding, type ShardingOptions } from '../plan/sharding.ts';
import { companionFiles } from '../plan/sidecars.ts';
import type { Plan } from '../plan/plan.ts';
import { viewOf, type View } from '../tensor/view.ts';
import { checkOutputOutside } from './output-place.ts';

/** What the caller may choose beside the sizes. */
export type ShardRunOptions = Pick<
  ExecuteOptions,
  'workers' | 'pool' | 'bandBytes' | 'replace' | 'signal' | 'onProgress' | 'progressInterval'
>;

export interface ShardResult extends ExecuteResult {
  readonly out: string;
  readonly plan: Plan;
}

/** Names that older transformers saved though they are computed: no parameters. */
const NOT_PARAMETERS = /\.rotary_emb\.inv_freq$/;

/**
 * Writes Hugging Face weights as the checkpoint of a training run: shards, metadata, trn_config.json, `done`, and the small
 * files beside the weights.
 */
export function shard(
  folder: string,
  out: string,
  sharding: ShardingOptions,
  options: ShardRunOptions = {},
): Promise<ShardResult> {
  const weights = openWeightsFolder(folder);
  return write(planShard(weights, sharding), [weights.folder], out, options);
}

/** The plan of {@link shard}. */
export function planShard({ folder, files, config, tensors }: WeightsFolder, sharding: ShardingOptions): Plan {
  if (!config) {
    throw new ShardloomError({
      tag: 'missing-file',
      what: 'There is no config.json, which says what the model consists of.',
      file: path.join(folder, 'config.json'),
      advice: 'Put the config.json of the model beside its weights.',
    });
  }
  const views = new Map([...tensors].map(([name, stored]) => [name, viewOf(stored)]));
  return planFrom(views, config, folder, files, sharding);
}

/**
 * Writes a checkpoint anew with other parallel sizes, from shards to shards: views lead from the old layout to the new one,
 * and no consolidated weights come in between.
 */
export function reshard(
  folder: string,
  out: string,
  sharding: ShardingOptions,
  options: ShardRunOptions = {},
): Promise<ShardResult> {
  const checkpoint = openCheckpoint(folder);
  return write(planReshard(checkpoint, sharding), [checkpoint.found.root], out, options);
}

/** The plan of {@link reshard}. Throws the first error where the shards cannot be joined. */
export function planReshard(checkpoint: Checkpoint, sharding: ShardingOptions): Plan {
  const { config, found } = checkpoint;
  const part = partsOf(checkpoint).find(({ name }) => name === 'model');
  const problem = checkpoint.findings.find(({ severity }) => severity === 'error') ?? part?.problem;
  if (problem) throw new ShardloomError(problem);
  if (!part?.weights || !config) {
    throw new ShardloomError({
      tag: 'unsupported',
      what: 'Only a full model with its config.json can be written with other parallel sizes.',
      file: found.opened,
      found: part ? 'no config.json' : 'adapters only',
    });
  }
  const views = new Map([...part.weights].map(([name, { view }]) => [name, view]));
  return planFrom(views, config, found.root, found.rootFiles, sharding);
}

function planFrom(
  views: ReadonlyMap<string, View>,
  config: ModelConfig,
  root: string,
  files: readonly string[],
  sharding: ShardingOptions,
): Plan {
  const { modelType, sizes } = decoderConfigOf(config);
  // Tied embeddings whose head was saved all the same: what is there is kept, and not guessed to be equal.
  const tieWordEmbeddings = (sizes.tieWordEmbeddings ?? false) && !views.has('lm_head.weight');
  const model = describeModel(modelType, { ...sizes, tieWordEmbeddings }, sharding);
  checkWeights(model, views, config.file);
  const plan = planSharding(model, views, sharding);
  return { ...plan, sidecars: companionFiles(root, files) };
}

/** Every parameter that the model consists of must be there with its shape, and nothing else. */
function checkWeights(model: ModelDescription, views: ReadonlyMap<string, View>, file: string): void {
  const expected = new Map(model.stages.flatMap(({ originalParameters }) => [...originalParameters]));
  const tied = new Map(model.stages.flatMap((stage) => [...stage.tied]));
  for (const [name, shape] of expected) {
    const view = views.get(tied.get(name) ?? name);
    if (view?.shape.join() === shape.join()) continue;
    throw new ShardloomError({
      tag: view ? 'shape-mismatch' : 'missing-tensor',
      what: view ? 'A parameter has another shape than config.json asks for.' : 'A parameter of the model is missing.',
      file,
      tensor: name,
      ...(view && { found: `[${view.shape.join(', ')}]` }),
      expected: `[${shape.join(', ')}]`,
      advice: 'Use the config.json that belongs to these weights, and all of their files.',
    });
  }
  const unknown = [...views.keys()].filter((name) => !expected.has(name) && !NOT_PARAMETERS.test(name));
  if (unknown.length === 0) return;
  throw new ShardloomError({
    tag: 'unsupported',
    what: 'The weights hold parameters that a model of this type does not have.',
    file,
    tensor: unknown[0]!,
    found: `${unknown.length} of them`,
    advice: 'Leaving them out would lose them: check model_type, attention_bias and mlp_bias in config.json.',
  });
}

async function write(
  plan: Plan,
  inputs: readonly string[],
  out: string,
  options: ShardRunOptions,
): Promise<ShardResult> {
  checkOutputOutside(inputs, out);
  const result = await executePlan(plan, out, { ...options, finish: finishShard });
  return { ...result, out: path.resolve(out), plan };
}
