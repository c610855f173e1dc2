import { ShardloomError } from '../../errors.ts';
import { withoutPeftPrefix } from '../adapter-names.ts';
import { escaped, withAlternatives, withoutAlternatives, type Mark } from './alternatives.ts';
import {
  isAllLinear,
  isExcluded,
  isTargeted,
  loraConfigOf,
  matchesKey,
  matchesPattern,
  namesModule,
  patternKeyFor,
  type LoraConfig,
} from './lora-config.ts';
import { isName } from './patterns.ts';
import type { PeftConfig } from './peft-config.ts';

/** Linears that the Neuron model holds as one, by their names in the module that they are in. */
export interface Fusion {
  readonly into: string;
  readonly linears: readonly string[];
}

/** A module of the model, by its fully qualified name, with linears that the Neuron model holds as one. */
export interface FusedModule {
  readonly module: string;
  readonly fusion: Fusion;
}

/** One step of translation: names `before` become names `after` wherever the config speaks of this module. */
interface Step {
  readonly module: string;
  readonly before: readonly string[];
  readonly after: readonly string[];
  /** Whose names are added to patterns; what was added in the other direction is taken out again. */
  readonly to: Mark;
}

const NAME_FIELDS = ['target_modules', 'exclude_modules', 'modules_to_save'] as const;
const PATTERN_FIELDS = ['rank_pattern', 'alpha_pattern'] as const;

/**
 * The config with the fused linears of the modules under the Neuron model's names. Harmless to apply twice. Throws `unsupported`
 * where only some of the linears are targeted, naming the missing ones, or where they have different ranks or alphas. Modules of one
 * model belong into one call: everything is checked before names change, and names of one layer can stand for those of another.
 */
export function adaptPeftConfig(modules: readonly FusedModule[], config: PeftConfig): PeftConfig {
  const lora = loraConfigOf(config);
  for (const one of modules) {
    const problem = fusionProblem(lora, one);
    if (problem) throw problem;
  }
  const adapted = translated(config, lora, modules, ({ into, linears }) => ({
    before: linears,
    after: [into],
    to: 'neuron',
  }));
  const after = loraConfigOf(adapted, lora.patterns);
  for (const one of modules) checkMeaning(lora, after, one);
  return adapted;
}

/** The config with the linears of the modules under their own names again: undoes {@link adaptPeftConfig}. */
export function toOriginalPeftConfig(modules: readonly FusedModule[], config: PeftConfig): PeftConfig {
  const lora = loraConfigOf(config);
  return translated(config, lora, modules, ({ into, linears }) => ({ before: [into], after: linears, to: 'original' }));
}

/** The module's name in configs, and the full names of its linears and of the one that they become. */
function namesOf({ module, fusion: { into, linears } }: FusedModule) {
  const path = withoutPeftPrefix(module);
  return { path, parts: linears.map((linear) => `${path}.${linear}`), fused: `${path}.${into}` };
}

/** Every field keeps its place; those that name no module of these are the same objects as before. */
function translated(
  config: PeftConfig,
  lora: LoraConfig,
  modules: readonly FusedModule[],
  namesOfStep: (fusion: Fusion) => Omit<Step, 'module'>,
): PeftConfig {
  const steps = modules.map((one): Step => ({ module: namesOf(one).path, ...namesOfStep(one.fusion) }));
  const changes: Record<string, unknown> = {};
  for (const field of NAME_FIELDS) {
    const value = lora[field];
    if (typeof value === 'string' && !isAllLinear(value)) {
      const matches = (pattern: string, name: string): boolean => matchesPattern(lora, pattern, name);
      changes[field] = steps.reduce((pattern, step) => translatedPattern(pattern, matches, step), value);
    } else if (Array.isArray(value)) changes[field] = steps.reduce(translatedList, value);
  }
  for (const field of PATTERN_FIELDS) {
    const value = lora[field];
    const matches = (pattern: string, name: string): boolean => matchesKey(lora, pattern, name);
    if (!value) continue;
    const entries = steps.reduce((all, step) => translatedKeys(all, matches, step), Object.entries(value));
    changes[field] = Object.fromEntries(entries);
  }
  return { ...config, ...changes };
}

/**
 * A list of names: where all of `before` stand under one prefix ("", "self_attn.", a layer's whole name), `after` take the place
 * of the first of them.
 */
function translatedList(list: readonly string[], step: Step): string[] {
  return renamed(
    list.map((item): [string, null] => [item, null]),
    step,
  ).map(([item]) => item);
}

type Matches = (pattern: string, name: string) => boolean;

function translatedKeys(entries: [string, number][], matches: Matches, step: Step): [string, number][] {
  const patterns = entries.map(([key, value]): [string, number] => {
    return isName(key) ? [key, value] : [translatedPattern(key, matches, step), value];
  });
  return renamed(patterns, step);
}

function renamed<Value>(entries: [string, Value][], step: Step): [string, Value][] {
  let result = entries;
  for (const prefix of prefixesOf(result, step)) {
    const group = step.before.map((name) => prefix + name);
    const first = result.find(([key]) => group.includes(plain(key)));
    if (!first || !group.every((name) => result.some(([key]) => plain(key) === name))) continue;
    const known = new Set(result.map(([key]) => plain(key)));
    const added = step.after.map((name) => prefix + name).filter((name) => !known.has(name));
    result = result.flatMap((entry) => {
      if (entry === first) return added.map((name): [string, Value] => [spelledLike(entry[0], name), entry[1]]);
      return group.includes(plain(entry[0])) ? [] : [entry];
    });
  }
  return result;
}

/** The prefixes under which a list names linears of the module. */
function prefixesOf(entries: readonly (readonly [string, unknown])[], { module, before }: Step): Set<string> {
  const prefixes = new Set<string>();
  for (const [key] of entries) {
    for (const name of before) {
      const text = plain(key);
      if (!namesModule(name, text) || !namesModule(text, `${module}.${name}`)) continue;
      prefixes.add(text.slice(0, text.length - name.length));
    }
  }
  return prefixes;
}

function plain(key: string): string {
  return isName(key) ? key.replaceAll('\\.', '.') : key;
}

function spelledLike(model: string, name: string): string {
  return model.includes('\\.') ? escaped(name) : name;
}

/** A regular expression that matched `before` matches `after` as well; what the other direction added is taken out again. */
function translatedPattern(pattern: string, matches: Matches, { module, before, after, to }: Step): string {
  const [from, into] = [before, after].map((names) => names.map((name) => `${module}.${name}`)) as [string[], string[]];
  const cleaned = withoutAlternatives(pattern, to === 'neuron' ? 'original' : 'neuron', from);
  if (!from.every((name) => matches(cleaned, name))) return cleaned;
  const missing = into.filter((name) => !matches(cleaned, name));
  return missing.length > 0 ? withAlternatives(cleaned, to, missing) : cleaned;
}

/** Peft saves a module whole whose name ends so, at a module boundary or not (`_set_trainable`). */
function isSaved({ modules_to_save: saved }: LoraConfig, module: string): boolean {
  return (saved ?? []).some((item) => module.endsWith(item));
}

/** Why what a config says of the linears of one module cannot be said of the fused one; null if it can. */
function fusionProblem(lora: LoraConfig, one: FusedModule): ShardloomError | null {
  return (
    problemOfSome(lora, one, 'saved whole', (name) => isSaved(lora, name)) ??
    problemOfSome(lora, one, 'targeted', (name) => isTargeted(lora, name)) ??
    problemOfValues(lora, one, 'rank_pattern') ??
    problemOfValues(lora, one, 'alpha_pattern')
  );
}

function problemOfSome(
  config: LoraConfig,
  one: FusedModule,
  what: string,
  holds: (name: string) => boolean,
): ShardloomError | null {
  const { parts: linears, fused: into } = namesOf(one);
  const held = linears.filter(holds);
  if (held.length === 0 || held.length === linears.length) return null;
  const missing = linears.filter((name) => !held.includes(name));
  return new ShardloomError({
    tag: 'unsupported',
    what: `The Neuron model holds these linears as one, but only some of them are ${what}.`,
    tensor: into,
    found: held.join(', '),
    expected: `also ${missing.join(', ')}`,
    advice: missing.some((name) => isExcluded(config, name))
      ? 'Take them out of exclude_modules, or leave all of the fused linears out.'
      : 'Name all of the fused linears, or none of them.',
  });
}

/** Fused linears are one matrix in training: they cannot have different ranks or alphas. */
function problemOfValues(config: LoraConfig, one: FusedModule, field: PatternField): ShardloomError | null {
  const { parts: linears } = namesOf(one);
  if (!config[field] || !linears.every((name) => isTargeted(config, name))) return null;
  const values = linears.map((name) => valueFor(config, field, name));
  if (new Set(values).size <= 1) return null;
  return new ShardloomError({
    tag: 'unsupported',
    what: `The Neuron model holds these linears as one, but ${field} gives them different values.`,
    tensor: linears.join(', '),
    found: values.join(', '),
    expected: 'one value for all of them',
    advice: `Give them the same value in ${field}.`,
  });
}

type PatternField = (typeof PATTERN_FIELDS)[number];

/** The rank or alpha that a config gives a module. */
function valueFor(config: LoraConfig, field: PatternField, module: string): number {
  const key = patternKeyFor(config, field, module);
  if (key !== null) return config[field]![key]!;
  return (field === 'rank_pattern' ? config.r : config.lora_alpha) ?? 8;
}

/**
 * The adapted config must say of the fused linear what the original one says of all its parts, and what is left of the parts' names
 * must not contradict it. What the original one says of the fused linear was translated before.
 */
function checkMeaning(before: LoraConfig, after: LoraConfig, one: FusedModule): void {
  const { parts: linears, fused: into } = namesOf(one);
  const same = PATTERN_FIELDS.every((field) => {
    const isTranslated = patternKeyFor(before, field, into) !== null;
    return isTranslated || valueFor(before, field, linears[0]!) === valueFor(after, field, into);
  });
  const isKept = isExcluded(before, into) || (isTargeted(after, into) && same);
  const isMeant = !linears.every((name) => isTargeted(before, name)) || isKept;
  if (isMeant && fusionProblem(after, one) === null) return;
  throw new ShardloomError({
    tag: 'unsupported',
    what: 'The linears that are fused are named in different ways, which cannot be said of the fused one.',
    tensor: into,
    found: linears.join(', '),
    advice: 'Name them alike: all by their own names, or all with the same modules before them.',
  });
}
