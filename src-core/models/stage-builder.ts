import { CustomModule } from '../specs/custom-module.ts';
import type { ModelWeightTransformationSpec } from '../specs/spec.ts';
import { ModelWeightTransformationSpecs } from '../specs/specs.ts';
import type { ParameterMetadata } from '../tensor/parallel.ts';
import type { Shape } from '../tensor/shape.ts';
import type { StageDescription } from './description.ts';

/** One pipeline stage while it is being described. Parameters keep the order in which they are named. */
export class StageBuilder implements StageDescription {
  readonly #tpSize: number;
  readonly originalParameters = new Map<string, Shape>();
  readonly parameters = new Map<string, ParameterMetadata>();
  readonly customModules: CustomModule[] = [];
  readonly tied = new Map<string, string>();

  constructor(tpSize: number) {
    this.#tpSize = tpSize;
  }

  original(name: string, ...shape: number[]): void {
    this.originalParameters.set(name, shape);
  }

  /** A linear of the original model that the Neuron model has fused into another. */
  originalLinear(name: string, rows: number, columns: number, bias: boolean): void {
    this.original(`${name}.weight`, rows, columns);
    if (bias) this.original(`${name}.bias`, rows);
  }

  /** A parameter of the Neuron model that is cut along an axis. */
  parallel(name: string, partitionDim: number, partitionStride = 1): void {
    const numPartitions = this.#tpSize;
    this.parameters.set(name, { tensorModelParallel: true, partitionDim, partitionStride, numPartitions });
  }

  /** A column-parallel linear of the Neuron model: weight and bias are cut along dim 0. */
  parallelLinear(name: string, bias: boolean, partitionStride = 1): void {
    this.parallel(`${name}.weight`, 0, partitionStride);
    if (bias) this.parallel(`${name}.bias`, 0, partitionStride);
  }

  /** A row-parallel linear, on both sides under the same name: the weight is cut along dim 1, the bias is whole everywhere. */
  rowParallelLinear(name: string, rows: number, columns: number, bias: boolean): void {
    this.kept(`${name}.weight`, [rows, columns], 1);
    if (bias) this.kept(`${name}.bias`, [rows]);
  }

  /** A parameter that every rank holds whole, or whose parallel attributes the metadata does not give. */
  plain(name: string): void {
    this.parameters.set(name, { tensorModelParallel: false });
  }

  /** A parameter that both sides have, under the same name. */
  kept(name: string, shape: readonly number[], partitionDim?: number): void {
    this.original(name, ...shape);
    if (partitionDim === undefined) this.plain(name);
    else this.parallel(name, partitionDim);
  }

  /** A second name of another parameter: saved by training, though the original model has only the first. */
  secondName(name: string, first: string, partitionDim?: number): void {
    this.tied.set(name, first);
    if (partitionDim === undefined) this.plain(name);
    else this.parallel(name, partitionDim);
  }

  module(name: string, ...specs: ModelWeightTransformationSpec[]): void {
    this.customModules.push(new CustomModule(new ModelWeightTransformationSpecs(name, specs)));
  }
}
