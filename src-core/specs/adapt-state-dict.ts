import type { ParametersMetadata } from '../tensor/parallel.ts';
import type { View } from '../tensor/view.ts';
import { metadataBySavedName } from './adapter-names.ts';
import { createLocalWeightWithPadding } from './local-weights.ts';
import type { ModelWeightTransformationSpecs } from './specs.ts';
import type { StateDict, TensorParallelRank } from './spec.ts';

/**
 * What one rank holds of the original weights (optimum-neuron `adapt_state_dict`): specs first, then the parallel
 * parameters that no spec has made or changed are cut along their partition axis.
 *
 * @param adapterName the adapter whose tensors these are; without it they are a full model's
 */
export function adaptStateDict(
  transformationSpecs: readonly ModelWeightTransformationSpecs[],
  stateDict: StateDict,
  parametersMetadata: ParametersMetadata,
  rank: TensorParallelRank,
  adapterName?: string,
): Map<string, View> {
  const adapted = adaptModules(transformationSpecs, stateDict, rank);
  const bySavedName = metadataBySavedName(parametersMetadata, adapterName);
  const local = new Map<string, View>();
  for (const [name, view] of adapted) {
    const parameter = bySavedName.get(name);
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

/** Each module's specs on that module's parameters alone: on all of them the work would grow with the square of the layers. */
function adaptModules(
  transformationSpecs: readonly ModelWeightTransformationSpecs[],
  stateDict: StateDict,
  rank: TensorParallelRank,
): Map<string, View> {
  const adapted = new Map(stateDict);
  const ofModule = new Map<string, Map<string, View>>();
  for (const { moduleFullyQualifiedName } of transformationSpecs) ofModule.set(moduleFullyQualifiedName, new Map());
  for (const [name, view] of stateDict) {
    for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) {
      ofModule.get(name.slice(0, dot))?.set(name, view);
    }
  }
  for (const specs of transformationSpecs) {
    const before = ofModule.get(specs.moduleFullyQualifiedName)!;
    const after = specs.adaptStateDict(before, rank);
    for (const name of before.keys()) if (!after.has(name)) adapted.delete(name);
    for (const [name, view] of after) adapted.set(name, view);
  }
  return adapted;
}
