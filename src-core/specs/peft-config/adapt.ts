import { ShardloomError } from '../../errors.ts';
import { withoutPeftPrefix } from '../adapter-names.ts';
import {
  isAllLinear,
  isExcluded,
  isTargeted,
  loraConfigOf,
  namesModule,
  patternKeyFor,
  type LoraConfig,
  type PeftConfig,
} from './lora-config.ts';
import { escaped, matchesOf, withAlternatives, withoutAlternatives, type MatchKind } from './python-regex.ts';

/** Linears that the Neuron model holds as one, by their names in the module that they are in. */
export interface Fusion {
  readonly into: string;
  readonly linears: readonly string[];
}

/** Marks of what was added to a pattern on the way to the Neuron model, and on the way back. */
const ADDED = { neuron: 'neuron', original: 'original' } as const;

type Direction = keyof typeof ADDED;

/** One step of translation: names `before` become names `after` wherever the config speaks of this module. */
interface Step {
  readonly module: string;
  readonly before: readonly string[];
  readonly after: readonly string[];
  readonly to: Direction;
}

const NAME_FIELDS = ['target_modules', 'exclude_modules', 'modules_to_save'] as const;
const PATTERN_FIELDS = ['rank_pattern', 'alpha_pattern'] as const;

/**
 * The config with the fused linears of one module under the Neuron model's name. Harmless to apply twice. Throws `unsupported`
 * where only some of the linears are targeted, naming the missing ones, or where they have different ranks or alphas.
 */
export function adaptPeftConfig(module: string, { into, linears }: Fusion, config: PeftConfig): PeftConfig {
  const lora = loraConfigOf(config);
  const path = withoutPeftPrefix(module);
  const full = (linear: string): string => `${path}.${linear}`;
  const names = linears.map(full);
  checkAllOrNone(lora, names, full(into), 'targeted', (name) => isTargeted(lora, name));
  checkAllOrNone(lora, names, full(into), 'saved whole', (name) => isSaved(lora, name));
  for (const field of PATTERN_FIELDS) checkSameValue(lora, field, names);
  const adapted = translated(config, lora, { module: path, before: linears, after: [into], to: 'neuron' });
  if (names.every((name) => isTargeted(lora, name))) checkMeaning(lora, names, loraConfigOf(adapted), full(into));
  return adapted;
}

/** The config with the linears of one module under their own names again: undoes {@link adaptPeftConfig}. */
export function toOriginalPeftConfig(module: string, { into, linears }: Fusion, config: PeftConfig): PeftConfig {
  const path = withoutPeftPrefix(module);
  return translated(config, loraConfigOf(config), { module: path, before: [into], after: linears, to: 'original' });
}

/** Every field keeps its place; those that name no module of this one are the same objects as before. */
function translated(config: PeftConfig, lora: LoraConfig, step: Step): PeftConfig {
  const changes: Record<string, unknown> = {};
  for (const field of NAME_FIELDS) {
    const value = lora[field];
    if (typeof value === 'string' && !isAllLinear(value)) changes[field] = translatedPattern(value, 'full', step);
    else if (Array.isArray(value)) changes[field] = translatedList(value, step);
  }
  for (const field of PATTERN_FIELDS) {
    const value = lora[field];
    if (value) changes[field] = Object.fromEntries(translatedKeys(Object.entries(value), step));
  }
  return { ...config, ...changes };
}

/**
 * A list of names: where all of `before` stand under one prefix ("", "self_attn.", a layer's whole name), `after` take the place
 * of the first of them.
 */
function translatedList(list: readonly string[], step: Step): string[] {
  return translatedKeys(
    list.map((item): [string, null] => [item, null]),
    step,
  ).map(([item]) => item);
}

function translatedKeys<Value>(entries: readonly [string, Value][], step: Step): [string, Value][] {
  let result = entries.map(([key, value]): [string, Value] => {
    return isPlain(key) || value === null ? [key, value] : [translatedPattern(key, 'module suffix', step), value];
  });
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

/** Patterns that are names, with dots escaped or not. */
function isPlain(key: string): boolean {
  return /^(?:[\w-]|\\?\.)+$/.test(key);
}

function plain(key: string): string {
  return isPlain(key) ? key.replaceAll('\\.', '.') : key;
}

function spelledLike(model: string, name: string): string {
  return model.includes('\\.') ? escaped(name) : name;
}

/** A regular expression that matched `before` matches `after` as well; what the other direction added is taken out again. */
function translatedPattern(pattern: string, kind: MatchKind, { module, before, after, to }: Step): string {
  const full = (name: string): string => `${module}.${name}`;
  const cleaned = withoutAlternatives(pattern, ADDED[to === 'neuron' ? 'original' : 'neuron'], before.map(full));
  const matched = matchesOf(cleaned, kind, [...before, ...after].map(full));
  const wanted = matched.slice(0, before.length).every(Boolean);
  const missing = after.filter((_, index) => !matched[before.length + index]);
  return wanted && missing.length > 0 ? withAlternatives(cleaned, ADDED[to], missing.map(full)) : cleaned;
}

function isSaved({ modules_to_save: saved }: LoraConfig, module: string): boolean {
  return (saved ?? []).some((item) => namesModule(item, module));
}

function checkAllOrNone(
  config: LoraConfig,
  linears: readonly string[],
  into: string,
  what: string,
  holds: (name: string) => boolean,
): void {
  const held = linears.filter(holds);
  if (held.length === 0 || held.length === linears.length) return;
  const missing = linears.filter((name) => !held.includes(name));
  throw new ShardloomError({
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
function checkSameValue(config: LoraConfig, field: PatternField, linears: readonly string[]): void {
  if (!config[field] || !linears.every((name) => isTargeted(config, name))) return;
  const values = linears.map((name) => valueFor(config, field, name));
  if (new Set(values).size <= 1) return;
  throw new ShardloomError({
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
  const key = patternKeyFor(config[field], module);
  if (key !== null) return config[field]![key]!;
  return (field === 'rank_pattern' ? config.r : config.lora_alpha) ?? 8;
}

/**
 * The adapted config must say of the fused linear what the original one says of all its parts. What it says of the fused linear
 * already was translated for another module before.
 */
function checkMeaning(before: LoraConfig, linears: readonly string[], after: LoraConfig, into: string): void {
  const same = PATTERN_FIELDS.every((field) => {
    const isTranslated = patternKeyFor(before[field], into) !== null;
    return isTranslated || valueFor(before, field, linears[0]!) === valueFor(after, field, into);
  });
  if (isExcluded(before, into) || (isTargeted(after, into) && same)) return;
  throw new ShardloomError({
    tag: 'unsupported',
    what: 'The linears that are fused are named in different ways, which cannot be said of the fused one.',
    tensor: into,
    found: linears.join(', '),
    advice: 'Name them alike: all by their own names, or all with the same modules before them.',
  });
}
