import type { ParametersMetadata } from '../tensor/parallel.ts';
import type { View } from '../tensor/view.ts';
import { createLocalWeightWithPadding } from './local-weights.ts';
import type { ModelWeightTransformationSpecs } from './specs.ts';
import type { StateDict, TensorParallelRank } from './spec.ts';

/**
 * What one rank holds of the original weights (optimum-neuron `adapt_state_dict`): specs first, then the parallel
 * parameters that no spec has made or changed are cut along their partition axis.
 */
export function adaptStateDict(
  transformationSpecs: readonly ModelWeightTransformationSpecs[],
  stateDict: StateDict,
  parametersMetadata: ParametersMetadata,
  rank: TensorParallelRank,
): Map<string, View> {
  const adapted = transformationSpecs.reduce((current, specs) => specs.adaptStateDict(current, rank), stateDict);
  const local = new Map<string, View>();
  for (const [name, view] of adapted) {
    const parameter = parametersMetadata.get(name);
    const untouched = stateDict.get(name) === view;
    local.set(
      name,
      untouched && parameter?.tensorModelParallel
        ? createLocalWeightWithPadding(view, parameter.partitionDim ?? 0, parameter.partitionStride ?? 1, rank)
        : view,
    );
  }
  return local;
}
