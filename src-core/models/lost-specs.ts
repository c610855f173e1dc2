import path from 'node:path';
import type { Checkpoint, ShardedState, Stage } from '../checkpoint/checkpoint.ts';
import type { ModelConfig } from '../checkpoint/configs.ts';
import type { StageMetadata } from '../checkpoint/metadata.ts';
import { isShardloomError, ShardloomError, type Finding } from '../errors.ts';
import { withoutPeftPrefix } from '../specs/adapter-names.ts';
import { ModelWeightTransformationSpecs } from '../specs/specs.ts';
import { toOriginalWeights } from '../specs/to-original-weights.ts';
import { viewOf } from '../tensor/view.ts';
import { fusedLinearNames } from './decoder.ts';
import type { StageDescription } from './description.ts';
import { describeModel } from './family.ts';
import { decoderConfigOf } from './from-config.ts';
import { parallelFrom } from './infer-metadata.ts';
import { formatShape } from '../units.ts';

/**
 * Transformation specs that training left out of an adapter's metadata. optimum-neuron's pattern for LoRA names takes an adapter's
 * name to be letters, digits and _ only; of a module that only other adapters touch (`my-adapter`) it sees no parameter, and writes no
 * spec for it. The shards then hold fused matrices, and nothing says so.
 */

/** Specs for modules of the model, by the module's name without PEFT's prefix, and where they were found. */
interface Donor {
  readonly source: string;
  readonly specs: ReadonlyMap<string, ModelWeightTransformationSpecs>;
  /** The shapes of the original model, where they are known. */
  readonly shapes?: StageDescription['originalParameters'];
}

/**
 * The adapter with the specs that its metadata lacks: from what is beside it, or from config.json and the parallel sizes. What could
 * not be found is an error that names the module, because joining without it gives wrong weights under wrong names.
 */
export function withLostSpecs(state: ShardedState, checkpoint: Checkpoint): ShardedState {
  const lost = new Map(state.stages.map((stage) => [stage, modulesWithoutSpecs(stage)]));
  const modules = [...lost.values()].flat();
  if (modules.length === 0 || state.findings.some(({ severity }) => severity === 'error')) return state;
  const { donors, failures } = donorsFor(state, checkpoint);
  const used = new Set<string>();
  const restore = (stage: Stage): Stage => {
    const { metadata } = stage;
    const restored = lost.get(stage)!.map((module) => restoredSpecs(module, stage, donors, failures));
    if (!metadata || restored.length === 0) return stage;
    for (const { source } of restored) used.add(source);
    return { ...stage, metadata: withSpecs(metadata, restored) };
  };
  try {
    const stages = state.stages.map(restore);
    return { ...state, stages, findings: [...state.findings, restoredFinding(state, modules, [...used])] };
  } catch (error) {
    if (!isShardloomError(error)) throw error;
    return { ...state, findings: [...state.findings, refusal(state, modules.length, error)] };
  }
}

/** Modules of which the adapter has LoRA matrices of fused linears, or of linears whose heads a spec reorders, and no spec. */
function modulesWithoutSpecs({ metadata, tensors }: Stage): string[] {
  const specs = metadata && specsByModule(metadata);
  if (!specs) return [];
  const names = [...metadata.parameters.keys(), ...tensors.keys()];
  const replicated = new Set(names.filter((name) => GQA_PARAMETER.test(name)).map((name) => moduleOf(linearOf(name))));
  const strided = new Set(
    [...metadata.parameters].flatMap(([name, { partitionStride = 1 }]) => (partitionStride > 1 ? linearOf(name) : [])),
  );
  const lost = new Set<string>();
  for (const name of tensors.keys()) {
    if (!LORA_MATRIX.test(name)) continue;
    const linear = linearOf(name);
    const module = moduleOf(linear);
    const isFused = strided.has(linear) || fusedLinearNames.includes(linear.slice(module.length + 1));
    if ((isFused || replicated.has(module)) && !specs.has(module)) lost.add(module);
  }
  return [...lost];
}

/** Parameters that only a GQAQKVColumnParallelLinear has. */
const GQA_PARAMETER = /\.(weight|bias)_(q|k|v|qkv)$/;
const LORA_MATRIX = /\.lora_[AB]\./;

/** The linear that a parameter of a PEFT model belongs to. */
function linearOf(name: string): string {
  return name.replace(/\.(lora_[AB]\.|base_layer\.|[^.]+$).*/, '');
}

/** The module that a linear is in: the one that specs belong to. */
function moduleOf(linear: string): string {
  return linear.slice(0, Math.max(0, linear.lastIndexOf('.')));
}

/** The specs of a stage that are there, by module; null where they cannot be read, which is an error of its own later. */
function specsByModule({ transformationSpecs }: StageMetadata): Map<string, ModelWeightTransformationSpecs> | null {
  try {
    const all = transformationSpecs.map((entry) => ModelWeightTransformationSpecs.fromMetadata(entry));
    return new Map(all.filter(({ specs }) => specs.length > 0).map((one) => [one.moduleFullyQualifiedName, one]));
  } catch (error) {
    if (!isShardloomError(error)) throw error;
    return null;
  }
}

/** Where the specs may be: the metadata beside the adapter's, then what config.json describes. With reasons where there are none. */
function donorsFor(
  state: ShardedState,
  { config, model, adapters, trnConfig }: Checkpoint,
): { readonly donors: Donor[]; readonly failures: string[] } {
  const beside = [...(model ? [model] : []), ...adapters].flatMap(({ stages, shards, adapterName }): Donor[] => {
    const found = stages.flatMap(({ metadata }) => [...((metadata && specsByModule(metadata)) ?? [])]);
    const specs = new Map(found.map(([module, one]) => [withoutPeftPrefix(module), one]));
    const source = adapterName === undefined ? 'the metadata of the model' : `the metadata of adapter ${adapterName}`;
    return specs.size > 0 ? [{ source: `${source} in ${path.basename(shards.folder)}`, specs }] : [];
  });
  if (!config) return { donors: beside, failures: ['there is no config.json beside the adapter'] };
  try {
    return { donors: [...beside, described(state, config, trnConfig?.kvSizeMultiplier)], failures: [] };
  } catch (error) {
    if (!isShardloomError(error)) throw error;
    return { donors: beside, failures: [`config.json does not fit: ${error.what}`] };
  }
}

function described(state: ShardedState, config: ModelConfig, kvSizeMultiplier: number | undefined): Donor {
  const { modelType, sizes } = decoderConfigOf(config);
  const saved = state.stages.flatMap(({ tensors }) => [...tensors]);
  const shapes = new Map(saved.map(([name, locals]) => [name, locals[0]!.shape]));
  const names = state.stages.flatMap(({ metadata, tensors }) => [
    ...(metadata?.parameters.keys() ?? []),
    ...tensors.keys(),
  ]);
  const multiplier = kvSizeMultiplier === undefined ? {} : { kvSizeMultiplier };
  const parallel = { ...multiplier, ...parallelFrom(sizes, state.tensorParallelSize, shapes, names) };
  const [whole] = describeModel(modelType, sizes, parallel).stages;
  const specs = new Map(whole!.customModules.map((one) => [one.moduleFullyQualifiedName, one.specs]));
  return { source: 'config.json and the parallel sizes', specs, shapes: whole!.originalParameters };
}

interface RestoredSpecs {
  readonly source: string;
  readonly specs: ModelWeightTransformationSpecs;
}

/** The specs of the first donor that the saved shapes agree with. Throws `missing-spec` where there is none. */
function restoredSpecs(
  module: string,
  stage: Stage,
  donors: readonly Donor[],
  failures: readonly string[],
): RestoredSpecs {
  const reasons = [...failures];
  const names = [...stage.tensors.keys()].filter((name) => name.startsWith(`${module}.`));
  for (const { source, specs, shapes } of donors) {
    const found = specs.get(withoutPeftPrefix(module));
    if (!found) continue;
    const own = new ModelWeightTransformationSpecs(module, found.specs).specialized(names);
    const fault = faultOf(own, stage, names, shapes);
    if (fault === null) return { source, specs: own };
    reasons.push(`${source}: ${fault}`);
  }
  throw new ShardloomError({
    tag: 'missing-spec',
    what: 'The metadata has no transformation spec for a module whose LoRA matrices training has fused.',
    tensor: module,
    found: reasons.join('; ') || 'no metadata beside it names the module',
  });
}

/** Why these specs cannot be what training used, by the shapes that the shards hold; null where they can. */
function faultOf(
  specs: ModelWeightTransformationSpecs,
  { tensors, metadata }: Stage,
  names: readonly string[],
  shapes: Donor['shapes'],
): string | null {
  const locals = new Map(names.map((name) => [name, tensors.get(name)!.map(viewOf)]));
  try {
    const weights = toOriginalWeights([specs], locals, metadata!.parameters);
    for (const [name, { view }] of weights) {
      const whole = shapes?.get(withoutPeftPrefix(name).replace(/\.lora_[AB]\.weight$/, '.weight'));
      const [rows, columns] = whole ?? [];
      const isOther = name.includes('.lora_A.') ? view.shape[1] !== columns : view.shape[0] !== rows;
      if (whole && isOther) return `${name} is ${formatShape(view.shape)} for a linear of ${formatShape(whole)}`;
    }
    return null;
  } catch (error) {
    if (!isShardloomError(error)) throw error;
    return error.what;
  }
}

/** The metadata with these specs in place of the empty entries of their modules. */
function withSpecs(metadata: StageMetadata, restored: readonly RestoredSpecs[]): StageMetadata {
  const entries = restored.map(({ specs }) => specs.toMetadata());
  return { ...metadata, transformationSpecs: [...metadata.transformationSpecs, ...entries] };
}

const CAUSE = 'optimum-neuron leaves them out for adapters whose names hold more than letters, digits and _.';

function restoredFinding(state: ShardedState, modules: readonly string[], sources: readonly string[]): Finding {
  return {
    severity: 'warning',
    tag: 'inferred',
    what: `The metadata of adapter ${state.adapterName ?? ''} lacks transformation specs: ${CAUSE}`,
    file: state.shards.folder,
    tensor: modules[0]!,
    found: `specs of ${modules.length} modules, taken from ${sources.join(' and ')}`,
    advice: 'All shapes agree with them. Check that config.json belongs to the model that was trained.',
  };
}

function refusal(state: ShardedState, count: number, error: ShardloomError): Finding {
  const file = state.stages.find(({ metadata }) => metadata)?.metadata?.file;
  return {
    severity: 'error',
    tag: 'missing-spec',
    what: `${error.what} ${CAUSE}`,
    ...(file !== undefined && { file }),
    ...(error.tensor !== undefined && { tensor: error.tensor }),
    found: `${count} modules without a spec; ${error.found ?? ''}`,
    expected:
      'specs in the metadata, in that of the model or an adapter beside it, or a config.json that they follow from',
    advice: 'Put the config.json of the base model into the checkpoint’s folder and open it again.',
  };
}
