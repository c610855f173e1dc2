import { setTest, type CharacterTest, type Flags, type SetItem } from './characters.ts';
import { PatternError } from './nodes.ts';
import type { Reader } from './reader.ts';

const CONTROLS: Readonly<Record<string, number>> = { a: 7, f: 12, n: 10, r: 13, t: 9, v: 11 };
const HEX_DIGITS: Readonly<Record<string, number>> = { x: 2, u: 4, U: 8 };

export function literal(character: string): SetItem {
  const code = character.codePointAt(0)!;
  return { category: null, low: code, high: code };
}

/**
 * The character or the class of an escape that means the same inside and outside of a set; the backslash and the letter are read
 * already. Digits, `\b`, `\A` and the like are for the caller.
 */
export function escapedItem(reader: Reader, letter: string): SetItem {
  if (/[dDsSwW]/.test(letter)) return { category: letter };
  if (letter in CONTROLS) return code(CONTROLS[letter]!);
  const digits = HEX_DIGITS[letter];
  if (digits !== undefined) {
    const hex = reader.takeWhile(/[0-9a-fA-F]/, digits);
    if (hex.length < digits) throw new PatternError(`incomplete escape \\${letter}${hex}`);
    if (Number.parseInt(hex, 16) > 0x10ffff) throw new PatternError(`bad escape \\${letter}${hex}`);
    return code(Number.parseInt(hex, 16));
  }
  if (letter === 'N') throw new PatternError('names of characters, \\N{…}, are not supported');
  if (/[A-Za-z0-9]/.test(letter)) throw new PatternError(`bad escape \\${letter}`);
  return literal(letter);
}

/** An escape of octal digits: up to three of them, the first of which is read already. */
export function octalItem(reader: Reader, first: string): SetItem {
  const digits = first + reader.takeWhile(/[0-7]/, 2);
  if (Number.parseInt(digits, 8) > 0o377) {
    throw new PatternError(`octal escape value \\${digits} outside of range 0-0o377`);
  }
  return code(Number.parseInt(digits, 8));
}

const UNTERMINATED = 'unterminated character set';

/** A set such as `[^\w.-]`, whose opening bracket is read already. */
export function readSet(reader: Reader, flags: Flags): CharacterTest {
  const negated = reader.takes('^');
  const items: SetItem[] = [];
  for (;;) {
    const first = reader.take(UNTERMINATED);
    if (first === ']' && items.length > 0) return setTest(items, negated, flags);
    const low = setItem(reader, first);
    if (!reader.takes('-')) {
      items.push(low);
      continue;
    }
    const second = reader.take(UNTERMINATED);
    if (second === ']') return setTest([...items, low, literal('-')], negated, flags);
    const high = setItem(reader, second);
    if (low.category !== null || high.category !== null || high.low < low.low) {
      throw new PatternError(`bad character range ${first}-${second}`);
    }
    items.push({ category: null, low: low.low, high: high.high });
  }
}

function setItem(reader: Reader, first: string): SetItem {
  if (first !== '\\') return literal(first);
  const letter = reader.take(UNTERMINATED);
  if (letter === 'b') return code(8);
  return /[0-7]/.test(letter) ? octalItem(reader, letter) : escapedItem(reader, letter);
}

function code(value: number): SetItem {
  return { category: null, low: value, high: value };
}
