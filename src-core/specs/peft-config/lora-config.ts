import { z } from 'zod';
import { ShardloomError } from '../../errors.ts';
import { withoutAdded } from './alternatives.ts';
import { ConfigPatterns } from './patterns.ts';
import type { PeftConfig } from './peft-config.ts';

const names = z.union([z.string(), z.array(z.string())]).nullish();
const pattern = z.record(z.string(), z.number()).nullish();

/** The fields that name modules, or that say how a module is scaled. */
const loraConfig = z.looseObject({
  peft_type: z.string().nullish(),
  r: z.number().nullish(),
  lora_alpha: z.number().nullish(),
  use_rslora: z.boolean().nullish(),
  use_dora: z.boolean().nullish(),
  fan_in_fan_out: z.boolean().nullish(),
  target_modules: names,
  exclude_modules: names,
  modules_to_save: z.array(z.string()).nullish(),
  layers_to_transform: z.union([z.number(), z.array(z.number())]).nullish(),
  layers_pattern: names,
  rank_pattern: pattern,
  alpha_pattern: pattern,
});

export type LoraConfig = z.infer<typeof loraConfig> & {
  /** What its regular expressions are matched with. */
  readonly patterns: ConfigPatterns;
};

/**
 * Reads the fields of a LoRA config. Throws `unsupported` for another PEFT type and `bad-metadata` for a field that is not valid.
 *
 * @param patterns that of a config which this one was made from: both share one budget
 */
export function loraConfigOf(config: PeftConfig, patterns = new ConfigPatterns()): LoraConfig {
  const parsed = loraConfig.safeParse(config);
  if (!parsed.success) {
    const issue = parsed.error.issues[0]!;
    throw new ShardloomError({
      tag: 'bad-metadata',
      what: 'The adapter’s config is not what it should be.',
      tensor: issue.path.join(' > ') || 'the whole document',
      found: issue.message,
      advice: 'Take the adapter_config.json that peft wrote.',
    });
  }
  const { peft_type: type } = parsed.data;
  if (type === null || type === undefined || type.toUpperCase() === 'LORA') return { ...parsed.data, patterns };
  throw new ShardloomError({
    tag: 'unsupported',
    what: `PEFT type ${type} is not supported.`,
    tensor: 'peft_type',
    found: type,
    expected: 'LORA',
    advice: 'Only LoRA adapters are trained with fused projections.',
  });
}

/** The layer that a module belongs to, as peft finds it for layers_to_transform: by the first pattern that matches. */
function layerOf(name: string, { layers_pattern: listed, patterns }: LoraConfig): number | null {
  const list = typeof listed === 'string' ? [listed] : (listed ?? []);
  for (const pattern of list.length === 0 || listed === '' ? ['[^.]*'] : list) {
    const layer = patterns.layerNumber(pattern, name);
    if (layer !== null) return layer;
  }
  return null;
}

/** True if a list item names a module: the whole name, or its end at a module boundary. */
export function namesModule(item: string, module: string): boolean {
  return module === item || module.endsWith(`.${item}`);
}

/** True for "all-linear" in any case. */
export function isAllLinear(targets: LoraConfig['target_modules']): boolean {
  return typeof targets === 'string' && targets.toLowerCase() === 'all-linear';
}

/**
 * True if peft puts LoRA on a linear of this name, by its rules (`check_target_module_exists` of peft 0.17, which optimum-neuron
 * asks for): exclude_modules first; nothing at or below modules_to_save; a string is a regular expression for the whole name; a list
 * item names the whole name or its end; "all-linear" is every linear but the output head.
 */
export function isTargeted(config: LoraConfig, module: string): boolean {
  const { target_modules: targets, layers_to_transform: layers } = config;
  if (isExcluded(config, module) || isBelowSaved(config, module)) return false;
  if (targets === null || targets === undefined) return false;
  if (typeof targets === 'string') {
    return isAllLinear(targets) ? !namesModule('lm_head', module) : matchesPattern(config, targets, module);
  }
  if (targets.includes(module)) return true;
  if (!targets.some((item) => namesModule(item, module))) return false;
  const wanted = typeof layers === 'number' ? [layers] : (layers ?? []);
  if (layers === null || layers === undefined || (wanted.length === 0 && typeof layers !== 'number')) return true;
  const layer = layerOf(module, config);
  return layer !== null && wanted.includes(layer);
}

export function isExcluded(config: LoraConfig, module: string): boolean {
  const { exclude_modules: excluded } = config;
  if (excluded === null || excluded === undefined || excluded.length === 0) return false;
  if (typeof excluded === 'string') return matchesPattern(config, excluded, module);
  return excluded.some((item) => namesModule(item, module));
}

/** A module that is trained whole has no LoRA, nor has anything in it. Peft takes the items for regular expressions here. */
function isBelowSaved({ modules_to_save: saved, patterns }: LoraConfig, module: string): boolean {
  return (saved ?? []).some((item) => patterns.matchesAncestor(item, module));
}

/** True if a regular expression for whole names matches, as it was written or by the names that were added to it. */
export function matchesPattern({ patterns }: LoraConfig, pattern: string, module: string): boolean {
  const { alone, isAdded } = withoutAdded(pattern);
  return isAdded(module) || patterns.matchesWhole(alone, module);
}

/** True if a key of rank_pattern or alpha_pattern matches the end of a name. */
export function matchesKey({ patterns }: LoraConfig, key: string, module: string): boolean {
  const { alone, isAdded } = withoutAdded(key);
  return isAdded(module) || patterns.matchesEnd(alone, module);
}

/** The key of rank_pattern or alpha_pattern that decides on a module: the first that matches. */
export function patternKeyFor(
  config: LoraConfig,
  field: 'rank_pattern' | 'alpha_pattern',
  module: string,
): string | null {
  return Object.keys(config[field] ?? {}).find((key) => matchesKey(config, key, module)) ?? null;
}

/** Rank, alpha and scaling of a module: alpha / r, or alpha / sqrt(r) with rank-stabilized LoRA. */
export function scalingOf(
  config: LoraConfig,
  module: string,
  rank: number,
): { readonly alpha: number; readonly scaling: number } {
  const key = patternKeyFor(config, 'alpha_pattern', module);
  const alpha = key === null ? (config.lora_alpha ?? 8) : config.alpha_pattern![key]!;
  return { alpha, scaling: config.use_rslora ? alpha / Math.sqrt(rank) : alpha / rank };
}
