import { belongsToAdapter, isBaseLayer, removeAdapterName, withoutBaseLayer } from '../specs/adapter-names.ts';
import { CustomModule, type ModelStage } from '../specs/custom-module.ts';
import type { SpecsMetadata } from '../specs/specs.ts';
import type { KvPlacement, ParameterMetadata } from '../tensor/parallel.ts';
import type { Shape } from '../tensor/shape.ts';

/** How a model is to be spread: what a training run sets in its TrainingNeuronConfig. */
export interface ParallelConfig {
  readonly tensorParallelSize: number;
  readonly pipelineParallelSize: number;
  /** How many chunks of layers each pipeline stage has; absent: one. */
  readonly virtualPipelineParallelSize?: number;
  /** How often key and value heads are repeated; absent: as often as needed. */
  readonly kvSizeMultiplier?: number;
  readonly fuseQkv: boolean;
  /** How copies of key and value heads are placed; absent: tiled. */
  readonly kvPlacement?: KvPlacement;
}

/** A model without weights: what each pipeline stage holds, on both sides of the transformation. */
export interface ModelDescription {
  readonly stages: readonly StageDescription[];
}

export interface StageDescription extends ModelStage {
  /** Parameters of the original model that belong to the stage, with their whole shapes. */
  readonly originalParameters: ReadonlyMap<string, Shape>;
  /**
   * Parameters of the Neuron model that are another one under a second name (the output head of tied embeddings), by their own name.
   * The original model has only the first.
   */
  readonly tied: ReadonlyMap<string, string>;
}

/**
 * The names under which a stage's parameters are saved, in their order: the model's, or one adapter's own. With LoRA on an embedding PEFT
 * saves the embedding, too (`base_layer`).
 */
export function savedNames(
  { parameters, originalParameters }: StageDescription,
  adapterName: string | undefined,
): string[] {
  const names = [...parameters.keys()];
  if (adapterName === undefined) return names;
  return names
    .filter((name) => belongsToAdapter(name, adapterName) || (isBaseLayer(name) && originalParameters.has(name)))
    .map((name) => removeAdapterName(name, adapterName));
}

/**
 * The description with each spec's PEFT type set by what its module holds (optimum-neuron
 * `specialize_transformation_specs_for_model`).
 */
export function specializeTransformationSpecsForModel(model: ModelDescription): ModelDescription {
  return {
    stages: model.stages.map((stage) => {
      const names = [...stage.parameters.keys()];
      return {
        ...stage,
        customModules: stage.customModules.map(({ specs }) => new CustomModule(specs.specialized(names))),
      };
    }),
  };
}

/** How a parameter is spread, under the metadata's names. */
export interface ParallelAttributes {
  readonly tensor_model_parallel: boolean;
  /** These only where it is true. */
  readonly partition_dim?: number;
  readonly partition_stride?: number;
  readonly num_partitions?: number;
}

/** What training writes into `mp_metadata_pp_rank_<p>.json`. */
export interface StageMetadataDocument {
  readonly parameters: Readonly<Record<string, ParallelAttributes>>;
  readonly model_weight_transformation_specs: readonly SpecsMetadata[];
}

/**
 * What is saved beside the shards of a stage (optimum-neuron `create_parameter_metadata`). A shared parameter is listed once, under its
 * first name, as `named_parameters()` has it.
 */
export function createParameterMetadata(stage: StageDescription): StageMetadataDocument {
  const isListed = ([name]: readonly [string, unknown]): boolean => !stage.parameters.has(stage.tied.get(name) ?? '');
  const names = new Set([...stage.parameters.keys()].map((name) => withoutBaseLayer(removeAdapterName(name))));
  return {
    parameters: Object.fromEntries(
      [...stage.parameters].filter(isListed).map(([name, parameter]) => {
        return [name, { tensor_model_parallel: false, ...getTensorModelParallelAttributes(parameter) }];
      }),
    ),
    model_weight_transformation_specs: stage.customModules.map(({ specs }) => specs.toMetadata(names)),
  };
}

/**
 * The parallel attributes of a parameter, none where it is not parallel (optimum-neuron
 * `get_tensor_model_parallel_attributes`).
 */
export function getTensorModelParallelAttributes({
  tensorModelParallel,
  partitionDim = 0,
  partitionStride = 1,
  numPartitions,
}: ParameterMetadata): Partial<ParallelAttributes> {
  if (!tensorModelParallel) return {};
  return {
    tensor_model_parallel: true,
    partition_dim: partitionDim,
    partition_stride: partitionStride,
    ...(numPartitions !== undefined && { num_partitions: numPartitions }),
  };
}
