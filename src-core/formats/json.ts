import { ShardloomError, type ErrorTag } from '../errors.ts';
import { MAX_JSON_DEPTH, MAX_JSON_VALUES } from '../limits.ts';
import { formatBytes, formatCount } from '../units.ts';

/** A JSON text and what it holds. */
export interface ParsedJson {
  readonly text: string;
  readonly document: unknown;
}

/** How a caller speaks of its JSON. */
interface About {
  readonly file: string;
  /** The tag of a text that is no JSON. */
  readonly tag: ErrorTag;
  readonly what: string;
  readonly advice: string;
  /** Values and names that it may hold; absent: {@link MAX_JSON_VALUES}. */
  readonly maxValues?: number;
}

/**
 * Parses JSON that comes from other people. Throws `over-limit` before anything is built for a text that nests too deeply (what
 * walks such a document would run out of stack) or holds too many values (three bytes can ask for an object of fifty), and the
 * caller's tag for one that is no JSON or no Unicode: half a surrogate pair could not be written into any file again.
 */
export function parseJson(bytes: Uint8Array, about: About): ParsedJson {
  const { file, tag, what, advice, maxValues = MAX_JSON_VALUES } = about;
  const refuse = (found: string, cause?: unknown): ShardloomError =>
    new ShardloomError({ tag, what, file, found: `${found} (${formatBytes(bytes.byteLength)})`, advice }, { cause });
  const problem = measure(bytes, maxValues);
  if (problem === 'half a character') throw refuse('half of a surrogate pair');
  if (problem === 'a control character') throw refuse('a byte that no JSON text holds outside of strings');
  if (problem !== null) {
    const [limit, of] = problem === 'depth' ? [MAX_JSON_DEPTH, 'levels'] : [maxValues, 'values'];
    throw new ShardloomError({
      tag: 'over-limit',
      what: problem === 'depth' ? 'The JSON text is nested too deeply.' : 'The JSON text holds too many values.',
      file,
      found: `more than ${formatCount(limit)} ${of}`,
      expected: `at most ${formatCount(limit)}`,
      advice: 'No real checkpoint comes near this limit: check where the file comes from.',
    });
  }
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
    return { text, document: JSON.parse(text) };
  } catch (error) {
    throw refuse((error as Error).message, error);
  }
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const U = 0x75;

/**
 * What is above a limit, from punctuation alone. Text that is no JSON may pass: it is refused when it is parsed.
 * `length` and not `byteLength`: V8 reads the latter by a call, five times as slow for each byte.
 */
function measure(
  bytes: Uint8Array,
  maxValues: number,
): 'depth' | 'values' | 'half a character' | 'a control character' | null {
  let depth = 0;
  let values = 1;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (byte === QUOTE) {
      at = endOfString(bytes, at);
      if (at < 0) return 'half a character';
    } else if (byte === 0x5b || byte === 0x7b) {
      values++;
      if (++depth > MAX_JSON_DEPTH) return 'depth';
    } else if (byte === 0x5d || byte === 0x7d) depth--;
    else if (byte === COMMA || byte === COLON) values++;
    else if (byte < 0x20 && byte !== 0x09 && byte !== 0x0a && byte !== 0x0d) return 'a control character';
    if (values > maxValues) return 'values';
  }
  return null;
}

/** Where the string ends that begins at `begin`; negative where an escape in it stands for half a character. */
function endOfString(bytes: Uint8Array, begin: number): number {
  let high = false;
  for (let at = begin + 1; at < bytes.length; at++) {
    const byte = bytes[at]!;
    if (byte !== BACKSLASH) {
      if (high) return -1;
      if (byte === QUOTE) return at;
      continue;
    }
    const unit = bytes[at + 1] === U ? hexAt(bytes, at + 2) : 0;
    const isLow = unit >= 0xdc00 && unit <= 0xdfff;
    if (isLow !== high) return -1;
    high = unit >= 0xd800 && unit <= 0xdbff;
    at++;
    // The digits hold neither quotes nor backslashes, and are passed over so that they do not part a pair.
    if (isLow || high) at += 4;
  }
  return bytes.byteLength;
}

/** The number that four hexadecimal digits stand for; 0 where they are none, which JSON.parse refuses. */
function hexAt(bytes: Uint8Array, at: number): number {
  const digits = String.fromCharCode(...bytes.subarray(at, at + 4));
  return /^[0-9a-f]{4}$/i.test(digits) ? Number.parseInt(digits, 16) : 0;
}
