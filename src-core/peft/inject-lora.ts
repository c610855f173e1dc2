import { ShardloomError } from '../errors.ts';
import {
  specializeTransformationSpecsForModel,
  type ModelDescription,
  type StageDescription,
} from '../models/description.ts';
import { ModelWeightTransformationSpecs } from '../specs/specs.ts';
import type { ParameterMetadata } from '../tensor/parallel.ts';
import { sameShape, type Shape } from '../tensor/shape.ts';

/** What PEFT puts before the names of the model that it wraps. */
export const PEFT_PREFIX = 'base_model.model.';

/** An adapter as it is saved: its parameters by saved name, `base_model.model.` included. */
export interface AdapterParameters {
  readonly name: string;
  readonly parameters: ReadonlyMap<string, Shape>;
}

/**
 * The model as PEFT wraps it for training, once for each adapter: all have the parameters and specs of the whole, and as
 * original parameters their own. What an adapter targets is what it has matrices for. Throws `unsupported` for adapter parameters
 * that the Neuron model has no place for.
 */
export function injectLora(
  model: ModelDescription,
  adapters: readonly AdapterParameters[],
): ReadonlyMap<string, ModelDescription> {
  const wrapped = specializeTransformationSpecsForModel({ stages: model.stages.map((stage) => wrap(stage, adapters)) });
  return new Map(
    adapters.map((adapter) => {
      const stages = wrapped.stages.map((stage, index) => ofAdapter(stage, model.stages[index]!, adapter));
      checkAllPlaced(adapter, stages);
      return [adapter.name, { stages }] as const;
    }),
  );
}

function wrap(stage: StageDescription, adapters: readonly AdapterParameters[]): StageDescription {
  const parameters = new Map<string, ParameterMetadata>();
  const add = (name: string, parameter: ParameterMetadata): void => void parameters.set(PEFT_PREFIX + name, parameter);
  for (const [module, leaves] of modulesOf(stage)) {
    const linears = linearsOf(stage, module).map((linear) => PEFT_PREFIX + linear);
    const lora = adapters.filter((one) => linears.some((linear) => one.parameters.has(`${linear}.lora_A.weight`)));
    const saved = adapters.filter((one) =>
      [...leaves.keys()].some((leaf) => one.parameters.has(`${PEFT_PREFIX}${module}.${leaf}`)),
    );
    const inner = lora.length > 0 ? '.base_layer' : saved.length > 0 ? '.original_module' : '';
    for (const [leaf, parameter] of leaves) add(`${module}${inner}.${leaf}`, parameter);
    for (const { name } of lora) {
      for (const [leaf, parameter] of loraLeaves(leaves)) add(`${module}.${leaf.replace('.', `.${name}.`)}`, parameter);
    }
    for (const { name } of saved) {
      for (const [leaf, parameter] of leaves) add(`${module}.modules_to_save.${name}.${leaf}`, parameter);
    }
  }
  const specs = stage.specs.map(({ moduleFullyQualifiedName, specs: ofModule }) => {
    return new ModelWeightTransformationSpecs(PEFT_PREFIX + moduleFullyQualifiedName, ofModule);
  });
  return { originalParameters: new Map(), parameters, specs, tied: new Map() };
}

/** The parameters of a stage by their module, in the stage's order. */
function modulesOf({ parameters }: StageDescription): Map<string, Map<string, ParameterMetadata>> {
  const modules = new Map<string, Map<string, ParameterMetadata>>();
  for (const [name, parameter] of parameters) {
    const dot = name.lastIndexOf('.');
    const leaves = modules.get(name.slice(0, dot)) ?? new Map<string, ParameterMetadata>();
    leaves.set(name.slice(dot + 1), parameter);
    modules.set(name.slice(0, dot), leaves);
  }
  return modules;
}

/** The original linears that a module of the Neuron model consists of: itself, or those that a spec fuses into it. */
function linearsOf({ specs }: StageDescription, module: string): string[] {
  for (const { moduleFullyQualifiedName: parent, specs: ofParent } of specs) {
    for (const spec of ofParent) {
      const { into, linears } = spec.fusion;
      if (module === `${parent}.${into}`) return linears.map((linear) => `${parent}.${linear}`);
    }
  }
  return [module];
}

/**
 * The LoRA matrices of a linear, from how its weights are spread: of a row-parallel one lora_A is cut along its input axis, of
 * a column-parallel one lora_B along its output axis.
 */
function loraLeaves(leaves: ReadonlyMap<string, ParameterMetadata>): [string, ParameterMetadata][] {
  const weights = [...leaves].filter(([leaf]) => leaf.startsWith('weight'));
  const whole: ParameterMetadata = { tensorModelParallel: false };
  const rowParallel = weights[0]?.[1].partitionDim === 1;
  const loraA = rowParallel ? { ...weights[0]![1], partitionStride: 1 } : whole;
  return [
    ['lora_A.weight', loraA],
    ...weights.map(([leaf, parameter]): [string, ParameterMetadata] => [
      `lora_B.${leaf}`,
      rowParallel || !parameter.tensorModelParallel ? whole : { ...parameter, partitionStride: 1 },
    ]),
  ];
}

/** The wrapped stage with the adapter's parameters that belong to it. */
function ofAdapter(wrapped: StageDescription, stage: StageDescription, adapter: AdapterParameters): StageDescription {
  const own = [...adapter.parameters].filter(([name, shape]) => {
    const original = name.slice(PEFT_PREFIX.length).replace(LORA_MATRIX, '.weight');
    const whole = name.startsWith(PEFT_PREFIX) ? stage.originalParameters.get(original) : undefined;
    if (whole) checkShape(name, shape, whole, adapter);
    return whole !== undefined;
  });
  return { ...wrapped, originalParameters: new Map(own) };
}

const LORA_MATRIX = /\.lora_([AB])\.weight$/;

/** A LoRA pair goes through its rank: [rank, columns] and [rows, rank] of the linear. What is saved whole has the shape of the whole. */
function checkShape(name: string, shape: Shape, whole: Shape, { parameters }: AdapterParameters): void {
  const matrix = LORA_MATRIX.exec(name)?.[1];
  const other = name.replace(LORA_MATRIX, `.lora_${matrix === 'A' ? 'B' : 'A'}.weight`);
  const partner = matrix === undefined ? shape : parameters.get(other);
  const advice = 'Check that the adapter belongs to this base model.';
  if (!partner) {
    const what = 'The adapter holds only one of the two matrices of a linear.';
    throw new ShardloomError({ tag: 'missing-tensor', what, tensor: other, advice });
  }
  const rank = (matrix === 'A' ? shape[0] : shape[1]) ?? 0;
  const expected = matrix === undefined ? whole : matrix === 'A' ? [rank, whole[1]!] : [whole[0]!, rank];
  const isPair = matrix === undefined || (rank > 0 && (matrix === 'A' ? partner[1] : partner[0]) === rank);
  if (isPair && sameShape(shape, expected)) return;
  throw new ShardloomError({
    tag: 'shape-mismatch',
    what: 'A matrix of the adapter has another shape than its linear asks for.',
    tensor: name,
    found: `[${shape.join(', ')}]`,
    expected: isPair ? `[${expected.join(', ')}]` : `the rank of ${other}, [${partner.join(', ')}]`,
    advice,
  });
}

function checkAllPlaced({ name, parameters }: AdapterParameters, stages: readonly StageDescription[]): void {
  const placed = new Set(stages.flatMap(({ originalParameters }) => [...originalParameters.keys()]));
  const left = [...parameters.keys()].filter((parameter) => !placed.has(parameter));
  if (left.length === 0) return;
  throw new ShardloomError({
    tag: 'unsupported',
    what: 'The adapter holds parameters that the model has no place for in training.',
    tensor: left[0]!,
    found: `${left.length} of them in adapter ${name}`,
    expected: 'lora_A and lora_B of linears, and whole modules (modules_to_save)',
    advice: 'Leaving them out would lose them: check that the adapter belongs to this base model.',
  });
}
