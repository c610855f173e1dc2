import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { isShardloomError } from '../../src-core/errors.ts';
import { ConfigPatterns } from '../../src-core/specs/peft-config/patterns.ts';

/** The answer, or why the pattern is refused. */
function answer(action: (patterns: ConfigPatterns) => boolean): boolean | string {
  try {
    return action(new ConfigPatterns());
  } catch (error) {
    if (isShardloomError(error, 'bad-metadata')) return error.found!;
    throw error;
  }
}

const whole = (pattern: string, text: string): boolean | string =>
  answer((patterns) => patterns.matchesWhole(pattern, text));

type Row = readonly [pattern: string, text: string, whole: boolean | string, end?: boolean | null];

test('what Python 3.11 says of random patterns is said here, and what it refuses is refused', () => {
  // How it was written is said in python-regex.py beside it.
  const file = path.join(import.meta.dirname, 'python-regex.json');
  const rows = JSON.parse(fs.readFileSync(file, 'utf8')) as Row[];
  const others = rows.filter(([pattern, text, wanted, end]) => {
    const found = whole(pattern, text);
    if (typeof wanted === 'string') return typeof found !== 'string';
    return found !== wanted || (end !== null && end !== answer((one) => one.matchesEnd(pattern, text)));
  });
  expect(others).toEqual([]);
  expect(rows.filter((row) => row[2] === true).length).toBeGreaterThan(500);
  expect(rows.filter((row) => row[3] === true).length).toBeGreaterThan(200);
  expect(rows.filter((row) => typeof row[2] === 'string').length).toBeGreaterThan(300);
});

describe('unlike in JavaScript', () => {
  test.each<[string, string, boolean | string]>([
    // A lower bound of 0 can be left out; what is no quantifier is text.
    ['a{,2}', 'aa', true],
    ['a{,2}', 'a{,2}', false],
    ['a{x}', 'a{x}', true],
    // Flags in front, and for a part.
    ['(?i)Q_PROJ', 'q_proj', true],
    ['(?i:Q)_PROJ', 'q_PROJ', true],
    ['(?i:Q)_PROJ', 'q_proj', false],
    ['a(?i)b', 'ab', 'global flags not at the start of the expression'],
    ['(?x) a b # c', 'ab', true],
    ['(?s)a.b', 'a\nb', true],
    ['(?m)a$\\n^b', 'a\nb', true],
    ['(?L)a', 'a', "bad inline flags: cannot use 'L' flag with a str pattern"],
    // Classes are Unicode's, but those of ASCII with (?a).
    ['\\w\\d', 'ß٣', true],
    ['(?a)\\w', 'ß', false],
    ['(?a)\\d', '٣', false],
    ['\\s', '\x1c', true],
    ['\\s', '\ufeff', false],
    ['.', '😀', true],
    // Ends of text.
    ['a$\\n', 'a\n', true],
    ['\\Aa\\Z', 'a', true],
    ['a\\Z\\n?', 'a\n', false],
    // Groups.
    ['(?P<part>q|k)_(?P=part)', 'k_k', true],
    ['(a)?\\1b', 'b', false],
    ['(a)?(?(1)b|c)', 'ab', true],
    ['(a)?(?(1)b|c)', 'ac', false],
    ['(?>a*)ab', 'aab', false],
    ['a*+b', 'aab', true],
    ['[]a]+', ']a', true],
    ['[[a]', '[', true],
    ['(?<!down)_proj', '_proj', true],
    ['(?<=a+)b', 'b', 'look-behind requires fixed-width pattern'],
    ['\\N{DIGIT ONE}', '1', 'names of characters, \\N{…}, are not supported'],
    ['\\e', 'e', 'bad escape \\e'],
  ])('%j and %j: %s', (pattern, text, wanted) => {
    expect(whole(pattern, text)).toBe(wanted);
  });

  test('a key with flags in front means what it means to Python before 3.11, which took it', () => {
    expect(answer((one) => one.matchesEnd('(?i)Q_PROJ', 'model.q_proj'))).toBe(true);
    expect(answer((one) => one.matchesEnd('q_proj', 'model.qq_proj'))).toBe(false);
  });

  test('a key that closes what it did not open is refused, though peft’s own parentheses would complete it', () => {
    expect(answer((one) => one.matchesEnd('a)|(b', 'xb'))).toBe('unbalanced parenthesis');
  });

  test('groups of layers_pattern are not taken for the number of the layer', () => {
    const patterns = new ConfigPatterns();
    expect(patterns.layerNumber('layers', 'model.layers.12.mlp.up_proj')).toBe(12);
    expect(patterns.layerNumber('(?:layers|h)', 'model.h.3.mlp')).toBe(3);
    expect(patterns.layerNumber('blocks', 'model.layers.12.mlp')).toBeNull();
    expect(() => patterns.layerNumber('(layers|h)', 'model.h.3.mlp')).toThrow(/first group/);
  });
});

describe('a pattern without an end', () => {
  test.each(['(a+)+$', '(?:[a-z._0-9]+)+x', '(a|a)*b', '(?:a*)*b', '(a*?)*?b', '(?=(a+)+b)a*', '((a{1,30}){1,30})+b'])(
    '%s is refused by name',
    (pattern) => {
      try {
        new ConfigPatterns(1_000_000).matchesWhole(pattern, `${'a'.repeat(60)}!`);
        expect.unreachable();
      } catch (error) {
        if (!isShardloomError(error)) throw error;
        expect(error.tensor).toBe(pattern);
        expect(error.found).toContain('takes too long');
      }
    },
  );

  test.each([
    ['(?:(?:(?:.{1,1000}){1,1000}){1,1000})x', 'too large'],
    ['('.repeat(5000) + ')'.repeat(5000), 'nested more than'],
    ['a{99999999999}', 'too large'],
  ])('that would take too much memory is refused: %s', (pattern, why) => {
    expect(whole(pattern, 'a')).toContain(why);
  });
});
