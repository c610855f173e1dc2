import type { ModelDescription } from '../models/description.ts';
import type { PeftConfig } from '../specs/peft-config/lora-config.ts';
import type { ModelWeightTransformationSpecs } from '../specs/specs.ts';
import type { ModelWeightTransformationSpec } from '../specs/spec.ts';

/** A model by its transformation specs: as described from config.json, or as a checkpoint's metadata lists them. */
export type SpecsOfModel = ModelDescription | readonly ModelWeightTransformationSpecs[];

/** One config, or one for each adapter by its name. */
type Configs = PeftConfig | ReadonlyMap<string, PeftConfig>;

/**
 * The config of an adapter as the Neuron model needs it: what is fused there under its name (optimum-neuron
 * `adapt_peft_config_for_model`). Harmless to apply twice.
 */
export function adaptPeftConfigForModel<Config extends Configs>(model: SpecsOfModel, config: Config): Config {
  return forModel(model, config, (spec, module, one) => spec.adaptPeftConfig(module, one));
}

/** The config as the original model needs it (`to_original_peft_config_for_model`): undoes {@link adaptPeftConfigForModel}. */
export function toOriginalPeftConfigForModel<Config extends Configs>(model: SpecsOfModel, config: Config): Config {
  return forModel(model, config, (spec, module, one) => spec.toOriginalPeftConfig(module, one));
}

type Translate = (spec: ModelWeightTransformationSpec, module: string, config: PeftConfig) => PeftConfig;

function forModel<Config extends Configs>(model: SpecsOfModel, config: Config, translate: Translate): Config {
  if (config instanceof Map) {
    const configs = config as ReadonlyMap<string, PeftConfig>;
    return new Map([...configs].map(([name, one]) => [name, everySpec(model, one, translate)])) as unknown as Config;
  }
  return everySpec(model, config as PeftConfig, translate) as Config;
}

function everySpec(model: SpecsOfModel, config: PeftConfig, translate: Translate): PeftConfig {
  const modules = 'stages' in model ? model.stages.flatMap(({ specs }) => specs) : model;
  let translated = config;
  for (const { moduleFullyQualifiedName, specs } of modules) {
    for (const spec of specs) translated = translate(spec, moduleFullyQualifiedName, translated);
  }
  return translated;
}
