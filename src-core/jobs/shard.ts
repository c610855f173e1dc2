import path from 'node:path';
import { checkAdapterFolder } from '../checkpoint/file-names.ts';
import { ShardloomError, type Finding } from '../errors.ts';
import { executePlan, type ExecuteOptions, type ExecuteResult, type WrittenOutput } from '../execute/execute.ts';
import type { ModelDescription } from '../models/description.ts';
import { describeModel } from '../models/family.ts';
import { decoderConfigOf } from '../models/from-config.ts';
import type { OpenOptions } from '../models/open-checkpoint.ts';
import { injectLora } from '../peft/inject-lora.ts';
import { planSharding, type ShardedPart, type ShardingOptions } from '../plan/sharding.ts';
import { companionFiles, modelCard, modelCompanions } from '../plan/sidecars.ts';
import type { Plan } from '../plan/plan.ts';
import type { StateDict } from '../specs/spec.ts';
import type { KvPlacement } from '../tensor/parallel.ts';
import { checkOutputOutside } from './output-place.ts';
import { isPartFinished, partText } from './parts.ts';
import { viewsOf } from './weights-input.ts';
import { openShardInput, type ShardInput } from './shard-inputs.ts';
import { formatShape } from '../units.ts';

/** What the caller may choose beside the sizes. */
export interface ShardRunOptions extends Pick<
  ExecuteOptions,
  'workers' | 'pool' | 'bandBytes' | 'replace' | 'sync' | 'part' | 'signal' | 'onProgress' | 'progressInterval'
> {
  /** The config.json of the base model, or its folder, where it does not stand beside the weights. */
  readonly config?: string;
  /** Of a checkpoint that is resharded: how its copies of KV heads are placed, instead of what they show. */
  readonly fromKvPlacement?: KvPlacement;
}

export interface ShardResult extends ExecuteResult {
  readonly out: string;
  readonly plan: Plan;
  readonly findings: readonly Finding[];
}

/** Names that older transformers saved though they are computed: no parameters. */
const NOT_PARAMETERS = /\.rotary_emb\.inv_freq$/;

/**
 * Writes Hugging Face weights, adapters, or both as the checkpoint of a training run: shards, metadata, trn_config.json, `done`,
 * and the small files beside the weights.
 */
export async function shard(
  folder: string,
  out: string,
  sharding: ShardingOptions,
  options: ShardRunOptions = {},
): Promise<ShardResult> {
  return write(openShardInput('hugging-face', folder, openOptionsOf(options)), out, sharding, options);
}

/**
 * Writes a checkpoint anew with other parallel sizes, from shards to shards: views lead from the old layout to the new one,
 * and no consolidated weights come in between. Copies of KV heads are placed as the old checkpoint has them, unless `sharding` says how.
 */
export async function reshard(
  folder: string,
  out: string,
  sharding: ShardingOptions,
  options: ShardRunOptions = {},
): Promise<ShardResult> {
  return write(openShardInput('checkpoint', folder, openOptionsOf(options)), out, sharding, options);
}

function openOptionsOf({ config, fromKvPlacement }: ShardRunOptions): OpenOptions {
  return { ...(config !== undefined && { config }), ...(fromKvPlacement && { kvPlacement: fromKvPlacement }) };
}

/** The plan of {@link shard} and {@link reshard}. */
export function planShard(input: ShardInput, asked: ShardingOptions): Plan {
  const { config, root, files, adapters } = input;
  const sharding = { ...asked, kvPlacement: asked.kvPlacement ?? input.kvPlacements[0]?.placement ?? 'tiled' };
  const weights = input.model && viewsOf(input.model);
  const { modelType, sizes } = decoderConfigOf(config);
  const model = describeModel(modelType, sizes, sharding);
  if (weights) checkWeights(model, weights, config.file);
  const plan = planSharding(
    [...(weights ? [{ folder: 'shards', model, weights }] : []), ...adapterParts(model, adapters)],
    sharding,
  );
  const configs = adapters.flatMap(({ name, config: own }) => {
    return own ? [{ from: own.file, path: `adapter_${name}/adapter_config.json` }] : [];
  });
  const card = adapters.length > 0 ? modelCard(root, files, '') : [];
  const beside = weights
    ? modelCompanions(root, files, config, undefined)
    : { sidecars: companionFiles(root, files), texts: [] };
  return {
    ...plan,
    texts: [...plan.texts, ...beside.texts],
    sidecars: [...beside.sidecars, ...card, ...configs],
  };
}

function adapterParts(model: ModelDescription, adapters: ShardInput['adapters']): ShardedPart[] {
  const described = injectLora(
    model,
    adapters.map(({ name, weights }) => ({
      name,
      parameters: new Map([...weights].map(([parameter, { view }]) => [parameter, view.shape])),
    })),
  );
  return adapters.map(({ name, weights }) => {
    checkAdapterFolder(`adapter_${name}`, name);
    return {
      folder: `adapter_${name}/adapter_shards`,
      adapterName: name,
      model: described.get(name)!,
      weights: viewsOf(weights),
    };
  });
}

/** Every parameter that the model consists of must be there with its shape, and nothing else. */
function checkWeights(model: ModelDescription, views: StateDict, file: string): void {
  const expected = new Map(model.stages.flatMap(({ originalParameters }) => [...originalParameters]));
  for (const { tied } of model.stages) {
    for (const [name, first] of tied) if (views.has(name)) expected.set(name, expected.get(first)!);
  }
  for (const [name, shape] of expected) {
    const view = views.get(name);
    if (view?.shape.join() === shape.join()) continue;
    throw new ShardloomError({
      tag: view ? 'shape-mismatch' : 'missing-tensor',
      what: view ? 'A parameter has another shape than config.json asks for.' : 'A parameter of the model is missing.',
      file,
      tensor: name,
      ...(view && { found: formatShape(view.shape) }),
      expected: formatShape(shape),
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
  input: ShardInput,
  out: string,
  sharding: ShardingOptions,
  options: ShardRunOptions,
): Promise<ShardResult> {
  const plan = planShard(input, sharding);
  checkOutputOutside([input.root], out);
  const { part } = options;
  if (part && isPartFinished(out, plan, part)) {
    const { findings } = input;
    return { written: [], bytesWritten: 0, seconds: 0, workers: 0, out: path.resolve(out), plan, findings };
  }
  const result = await executePlan(plan, out, {
    ...options,
    digest: null,
    ...(part && { beforePublish: (written) => [partText(plan, null, written, averagedFindings)] }),
  });
  return {
    ...result,
    out: path.resolve(out),
    plan,
    findings: [...input.findings, ...averagedFindings(result.written)],
  };
}

/** A warning where fused linears had different lora_A. */
function averagedFindings(written: readonly WrittenOutput[]): Finding[] {
  const found = written.flatMap(({ output: { path: file }, tensors }) =>
    tensors.filter(({ averaged }) => averaged > 0).map(({ name }) => ({ file, name, adapter: file.split('/')[0] })),
  );
  const [first] = found;
  if (!first) return [];
  const distinct = new Set(found.map(({ adapter, name }) => `${adapter}/${name}`));
  return [
    {
      severity: 'warning',
      tag: 'averaged',
      what: 'Linears that are fused in training share one lora_A. Theirs differed and became their mean: the adapter does not compute what it did.',
      file: first.file,
      tensor: first.name,
      found: `${distinct.size} lora_A with different values`,
      expected: 'the same lora_A for all linears that are fused',
      advice:
        'This is what training does with such an adapter. To keep its outputs exactly, merge it into the base model first.',
    },
  ];
}
