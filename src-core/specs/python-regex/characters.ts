/** What characters are to Python's `re` in patterns of text (str): classes are Unicode's unless the flag `a` is set. */

export interface Flags {
  /** `i`: case does not matter. */
  readonly ignoreCase: boolean;
  /** `m`: `^` and `$` are at every line. */
  readonly multiline: boolean;
  /** `s`: `.` matches a newline too. */
  readonly dotAll: boolean;
  /** `x`: white space and comments in the pattern mean nothing. */
  readonly verbose: boolean;
  /** `a`: `\w`, `\d`, `\s`, `\b` and the case of letters are those of ASCII. */
  readonly ascii: boolean;
}

/** Whether a character, given as its code point, is one of those that are meant. */
export type CharacterTest = (code: number) => boolean;

/** A class such as `\d`, or all characters of a range. A single character is a range of one. */
export type SetItem =
  { readonly category: string } | { readonly category: null; readonly low: number; readonly high: number };

export const NEWLINE = 10;

/** `str.isspace`: without U+FEFF, which JavaScript counts, and with the separators U+001C to U+001F, which it does not. */
// eslint-disable-next-line no-control-regex
const UNICODE_SPACE = /^[\t-\r\x1c-\x20\x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]$/;
const CATEGORIES: Readonly<Record<string, { readonly unicode: RegExp; readonly ascii: RegExp }>> = {
  d: { unicode: /^\p{Nd}$/u, ascii: /^[0-9]$/ },
  s: { unicode: UNICODE_SPACE, ascii: /^[\t-\r ]$/ },
  w: { unicode: /^[\p{L}\p{N}_]$/u, ascii: /^[a-zA-Z0-9_]$/ },
};

/** The test for `\d`, `\s`, `\w`, or in upper case for all other characters. */
function categoryTest(category: string, { ascii }: Flags): CharacterTest {
  const expression = CATEGORIES[category.toLowerCase()]![ascii ? 'ascii' : 'unicode'];
  const inside = category === category.toLowerCase();
  const ofAscii = Array.from({ length: 128 }, (_, code) => expression.test(String.fromCharCode(code)) === inside);
  return (code) => ofAscii[code] ?? expression.test(String.fromCodePoint(code)) === inside;
}

/** Whether what `\w` matches is before or after a place, but not on both sides (`\b`). */
export function isWordBoundary(flags: Flags): (text: readonly number[], at: number) => boolean {
  const isWord = categoryTest('w', flags);
  const isWordAt = (code: number | undefined): boolean => code !== undefined && isWord(code);
  return (text, at) => isWordAt(text[at - 1]) !== isWordAt(text[at]);
}

/** One lower-case character for each, as CPython has it: "İ" becomes "i", though its full lower case is two characters. */
function lowerCase(code: number, { ascii }: Flags): number {
  if (code < 128 || ascii) return code >= 65 && code <= 90 ? code + 32 : code;
  const lower = [...String.fromCodePoint(code).toLowerCase()];
  return lower.length === 1 ? lower[0]!.codePointAt(0)! : lower[0] === 'i' ? 105 : code;
}

/** The same text for all characters that are one where case does not matter: "s", "S" and "ſ". */
function folded(code: number, flags: Flags): string {
  const lower = String.fromCodePoint(lowerCase(code, flags));
  return flags.ascii ? lower : lower.toUpperCase();
}

/** Two characters that are the same, or that differ by case only where it does not matter. */
export function sameCharacter(flags: Flags): (one: number, other: number) => boolean {
  if (!flags.ignoreCase) return (one, other) => one === other;
  return (one, other) => one === other || folded(one, flags) === folded(other, flags);
}

/** The characters of a set such as `[^\w.]`. */
export function setTest(items: readonly SetItem[], negated: boolean, flags: Flags): CharacterTest {
  const tests = items.map((item) => (item.category === null ? rangeTest(item, flags) : ofCategory(item, flags)));
  return (code) => tests.some((test) => test(code)) !== negated;
}

/** Where case does not matter a class is asked for the lower-case character. */
function ofCategory({ category }: { readonly category: string }, flags: Flags): CharacterTest {
  const test = categoryTest(category, flags);
  return flags.ignoreCase ? (code) => test(lowerCase(code, flags)) : test;
}

function rangeTest({ low, high }: { readonly low: number; readonly high: number }, flags: Flags): CharacterTest {
  const inRange: CharacterTest = (code) => code >= low && code <= high;
  if (!flags.ignoreCase) return inRange;
  if (low === high) {
    const wanted = folded(low, flags);
    return (code) => code === low || folded(code, flags) === wanted;
  }
  return (code) => inRange(code) || (variants(flags).get(folded(code, flags)) ?? []).some(inRange);
}

type Variants = ReadonlyMap<string, readonly number[]>;
const known = new Map<boolean, Variants>();

/** The characters that have case, by what they have in common. All such are below U+20000. */
function variants(flags: Flags): Variants {
  const found = known.get(flags.ascii);
  if (found) return found;
  const groups = new Map<string, number[]>();
  for (let code = 0; code < (flags.ascii ? 128 : 0x20000); code++) {
    if (!/^\p{Changes_When_Casemapped}$/u.test(String.fromCodePoint(code))) continue;
    const group = folded(code, flags);
    const members = groups.get(group);
    if (members) members.push(code);
    else groups.set(group, [code]);
  }
  known.set(flags.ascii, groups);
  return groups;
}
