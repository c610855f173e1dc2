import type { Page } from '@playwright/test';
import { z } from 'zod';
import type { RequestChannel } from '../../electron/channels.ts';
import { requestSchemas } from '../../electron/requests.ts';

/** What of a JSON schema the requests' schemas make use of. An empty one is a value with a check of its own. */
export interface Shape {
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean' | 'null';
  readonly properties?: Readonly<Record<string, Shape>>;
  readonly required?: readonly string[];
  readonly prefixItems?: readonly Shape[];
  readonly items?: Shape | false;
  readonly anyOf?: readonly Shape[];
  readonly enum?: readonly string[];
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly maxLength?: number;
  /** What is taken for a field that is not there. */
  readonly default?: unknown;
}

/** Every request that there is, taken from the code: a new one is attacked without a word here. */
export const requestShapes = Object.entries(requestSchemas).map(([channel, schema]) => ({
  channel: channel as RequestChannel,
  shape: z.toJSONSchema(schema, { unrepresentable: 'any', io: 'input' }) as Shape,
}));

type Path = readonly (string | number)[];
type Known = Readonly<Record<string, unknown>>;

/** A place in the arguments, with what belongs there. */
export interface Place {
  readonly path: Path;
  /** The name of the field; empty for an argument itself. */
  readonly key: string;
  readonly shape: Shape;
  readonly nullable: boolean;
}

export interface Attempt {
  readonly channel: string;
  readonly how: string;
  readonly args: readonly unknown[];
}

/** Arguments that the schema takes. Fields whose names are known get the values given for them. */
export function exampleOf(shape: Shape, known: Known, key = ''): unknown {
  if (key in known) return known[key];
  if (shape.anyOf) return null;
  if (shape.prefixItems) return shape.prefixItems.map((item) => exampleOf(item, known));
  if (shape.enum) return shape.enum[0];
  switch (shape.type) {
    case 'object': {
      const required = Object.entries(shape.properties ?? {}).filter(([name]) => shape.required?.includes(name));
      return Object.fromEntries(required.map(([name, field]) => [name, exampleOf(field, known, name)]));
    }
    case 'array':
      return shape.items ? [exampleOf(shape.items, known)] : [];
    case 'integer':
    case 'number':
      return 1;
    case 'boolean':
      return false;
    case 'string':
      return 'x';
    default:
      return 'model';
  }
}

/** Every place in the arguments, those inside others too. */
export function placesOf(shape: Shape, path: Path = [], key = ''): readonly Place[] {
  if (shape.prefixItems) return shape.prefixItems.flatMap((item, index) => placesOf(item, [...path, index]));
  const inner = shape.anyOf?.find(({ type }) => type !== 'null') ?? shape;
  const own: Place = { path, key, shape: inner, nullable: shape.anyOf !== undefined };
  const fields = Object.entries(inner.properties ?? {}).flatMap(([name, field]) =>
    placesOf(field, [...path, name], name),
  );
  const items = inner.items ? placesOf(inner.items, [...path, 0], key) : [];
  return [own, ...fields, ...items];
}

/** The arguments with another value at one place. Where there is nothing around it yet, `around` says what is. */
export function withValueAt(args: unknown, [first, ...rest]: Path, value: unknown): unknown {
  if (first === undefined) return value;
  if (Array.isArray(args))
    return Object.assign([...(args as unknown[])], { [first]: withValueAt(args[Number(first)], rest, value) });
  const fields = (args ?? {}) as Record<string, unknown>;
  return { ...fields, [first]: withValueAt(fields[first], rest, value) };
}

/** Values that only the page can make; see `revive` there. */
const MADE_IN_PAGE = ['§long', '§many', '§map', '§bytes', '§holes', '§function', '§symbol', '§circular', '§getter'];
const ANYTHING: readonly unknown[] = [undefined, null, true, 7, 'x', [], {}, [[]], 1n, new Date(0), ...MADE_IN_PAGE];
const NUMBERS: readonly unknown[] = [NaN, Infinity, -Infinity, '1', '0x1', [1]];
const NAMES: readonly unknown[] = ['no-such-choice', '__proto__', 'constructor', 'toString', ''];

/** For reports: numbers as they are, all else as JSON. */
function inWords(value: unknown): string {
  return typeof value === 'bigint' || typeof value === 'number' ? value.toString() : JSON.stringify(value ?? null);
}

/** All that does not belong at a place, whatever else is right. */
function wrongAt({ shape, nullable }: Place): readonly unknown[] {
  const belongs = (value: unknown): boolean => {
    if (value === null) return nullable;
    if (value === undefined) return shape.default !== undefined;
    if (shape.type === 'string') return value === 'x' && !shape.enum;
    if (shape.type === 'boolean') return value === true;
    if (shape.type === 'integer' || shape.type === 'number') return value === 7;
    if (shape.type === 'array') return Array.isArray(value) && value.length === 0 && shape.minItems === undefined;
    // Where no field is required, nothing is enough: on its way out of the page a date, too, loses what makes it one.
    return shape.type === 'object' && (shape.required ?? []).length === 0 && arrivesEmpty(value);
  };
  const wrong = ANYTHING.filter((value) => !belongs(value)).filter(
    // The longest text that there may be is far longer than a request should be here.
    (value) => !(value === '§long' && shape.type === 'string' && (shape.maxLength ?? 0) > 40_000),
  );
  if (shape.type === 'integer') return [...wrong, ...NUMBERS, -1, 0.5, 2 ** 53, -(2 ** 53)];
  if (shape.type === 'number') return [...wrong, ...NUMBERS];
  return shape.enum || !shape.type ? [...wrong, ...NAMES] : wrong;
}

function arrivesEmpty(value: unknown): boolean {
  if (value === '§map' || value === '§getter' || value instanceof Date) return true;
  return typeof value === 'object' && value !== null && !Array.isArray(value) && Object.keys(value).length === 0;
}

/** The arguments of a request, spoilt in one place each, in every way. */
export function malformed(channel: string, shape: Shape, known: Known): readonly Attempt[] {
  const right = exampleOf(shape, known) as unknown[];
  const count = right.length;
  const arity = [
    [...right, 'more'],
    [...right, undefined],
    ...(count > 0 ? [[], right.slice(1)] : [[null], [{}], ['§circular']]),
  ];
  const attempts = arity.map((args) => ({ channel, how: `${args.length} arguments`, args }));
  for (const place of placesOf(shape)) {
    const where = place.path.join('.');
    const at = (how: string, value: unknown): void => {
      attempts.push({ channel, how: `${where}: ${how}`, args: withValueAt(right, place.path, value) as unknown[] });
    };
    for (const value of wrongAt(place)) at(inWords(value), value);
    if (place.shape.type !== 'object') continue;
    const whole = exampleOf(place.shape, known, place.key) as Record<string, unknown>;
    for (const name of place.shape.required ?? []) {
      const { [name]: _, ...others } = whole;
      at(`without ${name}`, others);
    }
    for (const name of ['more', 'constructor', 'toString']) at(`with ${name}`, { ...whole, [name]: 1 });
  }
  return attempts;
}

/** Right arguments whose objects bring a `__proto__` of their own, which must not become anybody's. */
export function withPrototypes(channel: string, shape: Shape, known: Known): readonly Attempt[] {
  const right = exampleOf(shape, known);
  return placesOf(shape)
    .filter((place) => place.shape.type === 'object' && !place.nullable)
    .map(({ path }) => ({
      channel,
      how: `${path.join('.')}: with a prototype`,
      args: withValueAt(right, [...path, '§proto'], 1) as unknown[],
    }));
}

/** What came of an attempt. */
export interface Outcome extends Pick<Attempt, 'channel' | 'how'> {
  readonly answered: boolean;
  /** The tag of the problem; empty where the request did not leave the page. */
  readonly tag: string;
  readonly what: string;
  /** Text of the answer, shortened. */
  readonly value: string;
}

/** Sends requests from the page, one after the other. None may take longer than ten seconds. */
export function send(page: Page, attempts: readonly Attempt[]): Promise<Outcome[]> {
  return page.evaluate(async (all) => {
    const request = window.shardloom.request as (channel: string, ...args: unknown[]) => Promise<unknown>;
    const circular: Record<string, unknown> = {};
    circular.self = circular;
    const made: Readonly<Record<string, unknown>> = {
      '§long': 'x'.repeat(40_000),
      '§many': Array<number>(20_000).fill(1),
      '§map': new Map([['checkpoint', 1]]),
      '§bytes': new Uint8Array(16),
      '§holes': Array(3),
      '§function': () => 1,
      '§symbol': Symbol('x'),
      '§circular': circular,
      '§getter': {
        get checkpoint(): never {
          throw new Error('thrown by a getter');
        },
      },
    };
    const revive = (value: unknown): unknown => {
      if (typeof value === 'string') return value in made ? made[value] : value;
      if (typeof value !== 'object' || value === null || value instanceof Date) return value;
      if (Array.isArray(value)) return value.map(revive);
      const revived: object = {};
      for (const [name, field] of Object.entries(value)) {
        const own = name === '§proto' ? '__proto__' : name;
        const fresh = name === '§proto' ? { polluted: true } : revive(field);
        Object.defineProperty(revived, own, { value: fresh, enumerable: true, writable: true, configurable: true });
      }
      return revived;
    };
    const outcomes: Outcome[] = [];
    for (const { channel, how, args } of all) {
      const none = { channel, how, answered: false, tag: '', what: '', value: '' };
      try {
        const slow = new Promise((_, reject) =>
          setTimeout(() => reject(new Error('no answer in ten seconds')), 10_000),
        );
        const answer = (await Promise.race([request(channel, ...args.map(revive)), slow])) as
          { ok: true; value: unknown } | { ok: false; problem: { tag: string; what: string } };
        if (answer.ok)
          outcomes.push({ ...none, answered: true, value: JSON.stringify(answer.value ?? null).slice(0, 300) });
        else outcomes.push({ ...none, tag: answer.problem.tag, what: answer.problem.what });
      } catch (error) {
        outcomes.push({ ...none, what: String(error) });
      }
    }
    return outcomes;
  }, attempts);
}
