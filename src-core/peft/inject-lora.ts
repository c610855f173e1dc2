import { ShardloomError } from '../errors.ts';
import {
  specializeTransformationSpecsForModel,
  type ModelDescription,
  type StageDescription,
} from '../models/description.ts';
import { PEFT_PREFIX, withoutPeftPrefix } from '../specs/adapter-names.ts';
import { CustomModule } from '../specs/custom-module.ts';
import { ModelWeightTransformationSpecs } from '../specs/specs.ts';
import type { ParameterMetadata } from '../tensor/parallel.ts';
import { sameShape, type Shape } from '../tensor/shape.ts';
import { formatShape } from '../units.ts';

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
      const stages = wrapped.stages.map((stage, index) => ofAdapter(stage, model, index, adapter));
      checkAllPlaced(adapter, stages);
      return [adapter.name, { stages }] as const;
    }),
  );
}

function wrap(stage: StageDescription, adapters: readonly AdapterParameters[]): StageDescription {
  const parameters = new Map<string, ParameterMetadata>();
  const wrappedNames = new Map<string, string>();
  const add = (name: string, parameter: ParameterMetadata): void => void parameters.set(PEFT_PREFIX + name, parameter);
  for (const [module, leaves] of modulesOf(stage)) {
    const linears = linearsOf(stage, module).map((linear) => PEFT_PREFIX + linear);
    const having = (matrix: string): AdapterParameters[] =>
      adapters.filter((one) => linears.some((linear) => one.parameters.has(`${linear}.${matrix}`)));
    const lora = having('lora_A.weight');
    const embedding = having('lora_embedding_A');
    const saved = adapters.filter((one) =>
      [...leaves.keys()].some((leaf) => one.parameters.has(`${PEFT_PREFIX}${module}.${leaf}`)),
    );
    const inner = lora.length + embedding.length > 0 ? '.base_layer' : saved.length > 0 ? '.original_module' : '';
    for (const [leaf, parameter] of leaves) {
      add(`${module}${inner}.${leaf}`, parameter);
      wrappedNames.set(`${module}.${leaf}`, `${PEFT_PREFIX}${module}${inner}.${leaf}`);
    }
    for (const { name } of lora) {
      for (const [leaf, parameter] of loraLeaves(leaves)) add(`${module}.${leaf.replace('.', `.${name}.`)}`, parameter);
    }
    for (const { name } of embedding) {
      // Both matrices are whole on every rank: PEFT makes them of the embedding's own sizes.
      for (const matrix of ['A', 'B']) add(`${module}.lora_embedding_${matrix}.${name}`, WHOLE);
    }
    for (const { name } of saved) {
      for (const [leaf, parameter] of leaves) add(`${module}.modules_to_save.${name}.${leaf}`, parameter);
    }
  }
  const customModules = stage.customModules.map(({ moduleFullyQualifiedName, specs }) => {
    return new CustomModule(new ModelWeightTransformationSpecs(PEFT_PREFIX + moduleFullyQualifiedName, specs.specs));
  });
  const tied = [...stage.tied].map(([name, first]): [string, string] => [
    wrappedNames.get(name)!,
    wrappedNames.get(first) ?? PEFT_PREFIX + first,
  ]);
  return { originalParameters: new Map(), parameters, customModules, tied: new Map(tied) };
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
function linearsOf({ customModules }: StageDescription, module: string): string[] {
  for (const { moduleFullyQualifiedName: parent, specs } of customModules) {
    for (const { fusion } of specs) {
      if (fusion && module === `${parent}.${fusion.into}`) return fusion.linears.map((linear) => `${parent}.${linear}`);
    }
  }
  return [module];
}

const WHOLE: ParameterMetadata = { tensorModelParallel: false };

/**
 * The LoRA matrices of a linear, from how its weights are spread: of a row-parallel one lora_A is cut along its input axis, of
 * a column-parallel one lora_B along its output axis.
 */
function loraLeaves(leaves: ReadonlyMap<string, ParameterMetadata>): [string, ParameterMetadata][] {
  const weights = [...leaves].filter(([leaf]) => leaf.startsWith('weight'));
  const rowParallel = weights[0]?.[1].partitionDim === 1;
  const loraA = rowParallel ? { ...weights[0]![1], partitionStride: 1 } : WHOLE;
  return [
    ['lora_A.weight', loraA],
    ...weights.map(([leaf, parameter]): [string, ParameterMetadata] => [
      `lora_B.${leaf}`,
      rowParallel || !parameter.tensorModelParallel ? WHOLE : { ...parameter, partitionStride: 1 },
    ]),
  ];
}

/** The wrapped stage with the adapter's parameters that belong to it. */
function ofAdapter(
  wrapped: StageDescription,
  { stages }: ModelDescription,
  index: number,
  adapter: AdapterParameters,
): StageDescription {
  const stage = stages[index]!;
  const shapes = new Map(stages.flatMap(({ originalParameters }) => [...originalParameters]));
  const own = [...adapter.parameters].filter(([name, shape]) => {
    if (name === withoutPeftPrefix(name)) return false;
    const original = withoutPeftPrefix(name).replace(ADDED_BY_PEFT, '.weight');
    if (!stage.parameters.has(original) && !stage.originalParameters.has(original)) return false;
    const whole = shapes.get(stage.tied.get(original) ?? original);
    if (whole) checkShape(name, shape, whole, adapter);
    return whole !== undefined;
  });
  return { ...wrapped, originalParameters: new Map(own) };
}

/** What an adapter's parameter has in place of the `.weight` that it is for. */
const ADDED_BY_PEFT = /\.(lora_[AB]\.weight|lora_embedding_[AB]|base_layer\.weight)$/;
const LORA_MATRIX = /\.lora_(embedding_)?([AB])(\.weight)?$/;

/**
 * A LoRA pair goes through its rank: [rank, columns] and [rows, rank] of a linear, [rank, rows] and [columns, rank] of an embedding. What is
 * saved whole has the shape of the whole.
 */
function checkShape(name: string, shape: Shape, whole: Shape, { parameters }: AdapterParameters): void {
  const [, embedding, matrix] = LORA_MATRIX.exec(name) ?? [];
  const other = name.replace(LORA_MATRIX, (found) => found.replace(/[AB]/, matrix === 'A' ? 'B' : 'A'));
  const partner = matrix === undefined ? shape : parameters.get(other);
  const advice = 'Check that the adapter belongs to this base model.';
  if (!partner) {
    const what = 'The adapter holds only one of the two matrices of a linear.';
    throw new ShardloomError({ tag: 'missing-tensor', what, tensor: other, advice });
  }
  const rank = (matrix === 'A' ? shape[0] : shape[1]) ?? 0;
  const [outputs, inputs] = embedding === undefined ? whole : [whole[1], whole[0]];
  const expected = matrix === undefined ? whole : matrix === 'A' ? [rank, inputs!] : [outputs!, rank];
  const isPair = matrix === undefined || (rank > 0 && (matrix === 'A' ? partner[1] : partner[0]) === rank);
  if (isPair && sameShape(shape, expected)) return;
  throw new ShardloomError({
    tag: 'shape-mismatch',
    what: 'A matrix of the adapter has another shape than its linear asks for.',
    tensor: name,
    found: formatShape(shape),
    expected: isPair ? formatShape(expected) : `the rank of ${other}, ${formatShape(partner)}`,
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
