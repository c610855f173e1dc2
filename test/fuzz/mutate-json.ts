import { MAX_INPUT_BYTES, mutateBytes, type Mutate } from './mutate-bytes.ts';
import type { Random } from './random.ts';

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

const VALUES: readonly Json[] = [
  ...[null, true, false, 0, 1, -1, 2, 3, 0.5, 1e308, -1e308, 2 ** 31, 2 ** 53 - 1, 2 ** 53, 1e9, 63, 64, 65_536],
  ...['', 'model', '..', '../x', '__proto__', 'constructor', '\u001b[2J', '\u202e', '(', '(a+)+$', '.*', 'lora'],
  [],
  {},
  [[[[]]]],
];

/** A document changed where it has values; now and then, its text. `names` are keys and values that mean something. */
export function mutateJson(names: readonly string[]): Mutate {
  const bytes = mutateBytes(names.map((name) => Buffer.from(JSON.stringify(name))));
  return (input, random, others) => {
    const document = random.oneIn(8) ? undefined : parsed(input);
    return (document === undefined ? null : changed(document, random, names, others)) ?? bytes(input, random, others);
  };
}

/** The text of a document after some changes, or null where it is nested more deeply than can be cloned and written. */
function changed(
  document: Json,
  random: Random,
  names: readonly string[],
  others: readonly Uint8Array[],
): Uint8Array | null {
  const holder: { [key: string]: Json } = { root: document };
  try {
    for (let left = random.size(6); left > 0; left--) change(holder, random, names, others);
    return Buffer.from(JSON.stringify(holder.root ?? null)).subarray(0, MAX_INPUT_BYTES);
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

function parsed(bytes: Uint8Array): Json | undefined {
  try {
    return JSON.parse(Buffer.from(bytes).toString()) as Json;
  } catch {
    return undefined;
  }
}

/** Somewhere in a document: in which container, under which key. */
interface Place {
  readonly parent: Json[] | { [key: string]: Json };
  readonly key: string;
}

function children(value: Json): Place[] {
  if (typeof value !== 'object' || value === null) return [];
  return Object.keys(value).map((key) => ({ parent: value, key }));
}

function get({ parent, key }: Place): Json {
  return (parent as Record<string, Json>)[key]!;
}

function set({ parent, key }: Place, value: Json): void {
  Object.defineProperty(parent, key, { value, enumerable: true, configurable: true, writable: true });
}

/** A place at random: each step down is taken or not, so that every level has its turn. */
function somewhere(root: Place, random: Random): Place {
  let place = root;
  for (let depth = 0; depth < 12; depth++) {
    const below = children(get(place));
    if (below.length === 0 || random.oneIn(5)) return place;
    place = random.pick(below);
  }
  return place;
}

function change(
  holder: { [key: string]: Json },
  random: Random,
  names: readonly string[],
  others: readonly Uint8Array[],
) {
  const root = { parent: holder, key: 'root' };
  const place = somewhere(root, random);
  const value = get(place);
  switch (random.below(8)) {
    case 0:
      return set(place, structuredClone(random.pick(VALUES)));
    case 1:
      return set(place, random.pick(names));
    case 2:
      return typeof value === 'number' ? set(place, near(value, random)) : set(place, [value]);
    case 3:
      return place.key === 'root' ? undefined : remove(place);
    case 4:
      return set(place, structuredClone(get(somewhere(root, random))));
    case 5: {
      const other = parsed(random.pick(others));
      return other === undefined
        ? undefined
        : set(place, get(somewhere({ parent: { root: other }, key: 'root' }, random)));
    }
    case 6:
      return add(value, get(somewhere(root, random)), random.pick(names));
    default:
      return rename(
        place,
        random.oneIn(2) ? random.pick(names) : random.pick(['__proto__', 'constructor', '', 'toString']),
      );
  }
}

function near(value: number, random: Random): number {
  return random.pick([value + 1, value - 1, value * 2, value / 2, -value, value + 0.5, value * 1e6]);
}

function remove({ parent, key }: Place): void {
  if (Array.isArray(parent)) parent.splice(Number(key), 1);
  else Reflect.deleteProperty(parent, key);
}

function add(container: Json, value: Json, name: string): void {
  if (Array.isArray(container)) container.push(structuredClone(value));
  else if (typeof container === 'object' && container !== null)
    set({ parent: container, key: name }, structuredClone(value));
}

function rename({ parent, key }: Place, name: string): void {
  if (Array.isArray(parent) || key === 'root') return;
  const value = parent[key]!;
  Reflect.deleteProperty(parent, key);
  set({ parent, key: name }, value);
}
