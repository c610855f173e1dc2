import type { View } from '../tensor/view.ts';
import { metadataBySavedName } from './adapter-names.ts';
import type { CustomModule, ModelStage } from './custom-module.ts';
import { createLocalWeightWithPadding } from './local-weights.ts';
import type { StateDict, TensorParallelRank } from './spec.ts';

/**
 * What one rank holds of the original weights (optimum-neuron `adapt_state_dict`): specs first, then the parallel
 * parameters that no spec has made or changed are cut along their partition axis.
 *
 * @param model the pipeline stage that the rank belongs to
 * @param stateDict the stage's parameters of the original model, whole; not changed
 * @param adapterName the adapter whose tensors these are; without it they are a full model's
 */
export function adaptStateDict(
  model: ModelStage,
  stateDict: StateDict,
  rank: TensorParallelRank,
  adapterName?: string,
): Map<string, View> {
  const adapted = adaptModules(model.customModules, stateDict, rank);
  const bySavedName = metadataBySavedName(model.parameters, adapterName);
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
  modules: readonly CustomModule[],
  stateDict: StateDict,
  rank: TensorParallelRank,
): Map<string, View> {
  const adapted = new Map(stateDict);
  const ofModule = new Map<string, Map<string, View>>();
  for (const { moduleFullyQualifiedName } of modules) ofModule.set(moduleFullyQualifiedName, new Map());
  for (const [name, view] of stateDict) {
    for (let dot = name.indexOf('.'); dot >= 0; dot = name.indexOf('.', dot + 1)) {
      ofModule.get(name.slice(0, dot))?.set(name, view);
    }
  }
  for (const { specs } of modules) {
    const before = ofModule.get(specs.moduleFullyQualifiedName)!;
    const after = specs.adaptStateDict(before, rank);
    for (const name of before.keys()) if (!after.has(name)) adapted.delete(name);
    for (const [name, view] of after) adapted.set(name, view);
  }
  return adapted;
}
