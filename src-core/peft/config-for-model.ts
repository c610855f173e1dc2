import type { ModelDescription } from '../models/description.ts';
import { adaptPeftConfig, toOriginalPeftConfig, type FusedModule } from '../specs/peft-config/adapt.ts';
import type { PeftConfig } from '../specs/peft-config/peft-config.ts';
import type { ModelWeightTransformationSpecs } from '../specs/specs.ts';

/** A model by its transformation specs: as described from config.json, or as a checkpoint's metadata lists them. */
export type SpecsOfModel = ModelDescription | readonly ModelWeightTransformationSpecs[];

/** One config, or one for each adapter by its name. */
export type PeftConfigs = PeftConfig | ReadonlyMap<string, PeftConfig>;

/**
 * The config of an adapter as the Neuron model needs it: what is fused there under its name (optimum-neuron
 * `adapt_peft_config_for_model`). Harmless to apply twice.
 */
export function adaptPeftConfigForModel<Config extends PeftConfigs>(model: SpecsOfModel, config: Config): Config {
  return forModel(model, config, adaptPeftConfig);
}

/** The config as the original model needs it (`to_original_peft_config_for_model`): undoes {@link adaptPeftConfigForModel}. */
export function toOriginalPeftConfigForModel<Config extends PeftConfigs>(model: SpecsOfModel, config: Config): Config {
  return forModel(model, config, toOriginalPeftConfig);
}

type Translate = (modules: readonly FusedModule[], config: PeftConfig) => PeftConfig;

function forModel<Config extends PeftConfigs>(model: SpecsOfModel, config: Config, translate: Translate): Config {
  const ofModules =
    'stages' in model ? model.stages.flatMap((stage) => stage.customModules.map(({ specs }) => specs)) : model;
  const modules = ofModules.flatMap((specs) =>
    [...specs].flatMap((spec) => spec.fusedModules(specs.moduleFullyQualifiedName)),
  );
  if (config instanceof Map) {
    const configs = config as ReadonlyMap<string, PeftConfig>;
    return new Map([...configs].map(([name, one]) => [name, translate(modules, one)])) as unknown as Config;
  }
  return translate(modules, config as PeftConfig) as Config;
}
