import type { ParametersMetadata } from '../tensor/parallel.ts';
import { ModelWeightTransformationSpecs } from './specs.ts';

/**
 * A module of the Neuron model whose weights its specs transform when a model is loaded and saved (optimum-neuron
 * `CustomModule`). There it marks classes of modules, found by walking the model; here a model is a description, and
 * {@link ModelStage.customModules} lists them.
 */
export class CustomModule {
  readonly specs: ModelWeightTransformationSpecs;

  /** Throws a TypeError for anything but specs: a list of them would have no module name to be applied under. */
  constructor(specs: ModelWeightTransformationSpecs) {
    if (!(specs instanceof ModelWeightTransformationSpecs)) {
      throw new TypeError('specs of a CustomModule must be ModelWeightTransformationSpecs');
    }
    this.specs = specs;
  }

  /** The module's path in the model, such as `model.layers.0.mlp`. */
  get moduleFullyQualifiedName(): string {
    return this.specs.moduleFullyQualifiedName;
  }
}

/** What the functions of the specs API need of a model: of the pipeline stage whose parameters a rank holds. */
export interface ModelStage {
  /** In the order of the model's modules. */
  readonly customModules: readonly CustomModule[];
  /** Parameters of the Neuron model that belong to the stage, and how they are spread. */
  readonly parameters: ParametersMetadata;
}
