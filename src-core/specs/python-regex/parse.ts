import { isWordBoundary, NEWLINE, sameCharacter, setTest, type Flags, type SetItem } from './characters.ts';
import { escapedItem, literal, octalItem, readSet } from './escapes.ts';
import { flagsOf, NO_FLAGS, readFlags } from './flags.ts';
import { PatternError, widthOf, type Node, type PlaceTest, type RepeatMode, type Width } from './nodes.ts';
import { Reader } from './reader.ts';

/** Deeper groups would take more stack than there may be. Real patterns nest two or three deep. */
const MAX_DEPTH = 100;
/** What Python calls MAXREPEAT, on machines with 64 bits. */
const MAX_REPEAT = 2 ** 32 - 1;

const UNCLOSED = 'missing ), unterminated subpattern';

export interface ParsedPattern {
  readonly root: Node;
  /** How many groups capture; they are numbered from 1. */
  readonly groups: number;
}

/**
 * Reads a pattern by the grammar of Python 3.11 (`re._parser`). Throws `PatternError` with Python's words for what Python refuses,
 * and for names of characters, which are not supported.
 */
export function parsePattern(pattern: string): ParsedPattern {
  return new Parser(pattern).parse();
}

class Parser {
  readonly #reader: Reader;
  readonly #names = new Map<string, number>();
  /** Widths of the groups that are closed. */
  readonly #closed = new Map<number, Width>();
  /** How many groups were open or closed before the outermost look-behind that is being read. */
  #groupsBeforeLookBehind: number | null = null;
  #groups = 0;
  #depth = 0;
  #highestConditional = 0;

  constructor(pattern: string) {
    this.#reader = new Reader(pattern);
  }

  parse(): ParsedPattern {
    const flags = this.#leadingFlags();
    const root = this.#alternatives(flags);
    if (this.#reader.next !== undefined) throw new PatternError('unbalanced parenthesis');
    if (this.#highestConditional > this.#groups) {
      throw new PatternError(`invalid group reference ${this.#highestConditional}`);
    }
    return { root, groups: this.#groups };
  }

  /** `(?i)` and the like are for the whole pattern, and may only be in front of it. */
  #leadingFlags(): Flags {
    let flags = NO_FLAGS;
    for (;;) {
      const start = this.#reader.position;
      if (flags.verbose) this.#skipSpace();
      const found = this.#reader.takes('(') && this.#reader.takes('?') && /[aiLmsux]/.test(this.#reader.next ?? '');
      const read = found ? readFlags(this.#reader) : null;
      if (read?.global !== true) {
        this.#reader.returnTo(start);
        return flags;
      }
      flags = flagsOf(flags, read);
    }
  }

  #skipSpace(): void {
    for (;;) {
      this.#reader.takeWhile(/[ \t\n\r\v\f]/);
      if (!this.#reader.takes('#')) return;
      this.#reader.skipLine();
    }
  }

  #alternatives(flags: Flags): Node {
    if (++this.#depth > MAX_DEPTH) throw new PatternError(`groups are nested more than ${MAX_DEPTH} deep`);
    const options = [this.#sequence(flags)];
    while (this.#reader.takes('|')) options.push(this.#sequence(flags));
    this.#depth--;
    return options.length === 1 ? options[0]! : { kind: 'alternatives', options };
  }

  #sequence(flags: Flags): Node {
    const items: Node[] = [];
    for (;;) {
      if (flags.verbose) this.#skipSpace();
      const next = this.#reader.next;
      if (next === undefined || next === '|' || next === ')') return { kind: 'sequence', items };
      const range = this.#quantifier();
      if (range) items.push(this.#repeated(items.pop(), range));
      else items.push(...this.#item(flags));
    }
  }

  /** The least and the most of a quantifier, or null where the next character is none: `{` can be one of the text. */
  #quantifier(): readonly [number, number] | null {
    const reader = this.#reader;
    if (reader.takes('?')) return [0, 1];
    if (reader.takes('*')) return [0, Infinity];
    if (reader.takes('+')) return [1, Infinity];
    const start = reader.position;
    if (!reader.takes('{') || reader.next === '}') {
      reader.returnTo(start);
      return null;
    }
    const low = reader.takeWhile(/[0-9]/);
    const high = reader.takes(',') ? reader.takeWhile(/[0-9]/) : low;
    if (!reader.takes('}')) {
      reader.returnTo(start);
      return null;
    }
    const [min, max] = [Number(low), high === '' ? Infinity : Number(high)];
    if (min >= MAX_REPEAT || (high !== '' && max >= MAX_REPEAT))
      throw new PatternError('the repetition number is too large');
    if (max < min) throw new PatternError('min repeat greater than max repeat');
    return [min, max];
  }

  #repeated(item: Node | undefined, [min, max]: readonly [number, number]): Node {
    if (!item || item.kind === 'place') throw new PatternError('nothing to repeat');
    if (item.kind === 'repeat') throw new PatternError('multiple repeat');
    const mode: RepeatMode = this.#reader.takes('?') ? 'lazy' : this.#reader.takes('+') ? 'possessive' : 'greedy';
    return { kind: 'repeat', item, min, max, mode };
  }

  /** One item; none for a comment. */
  #item(flags: Flags): Node[] {
    const first = this.#reader.take('');
    if (first === '\\') return [this.#escape(flags)];
    if (first === '[') return [{ kind: 'character', test: readSet(this.#reader, flags) }];
    if (first === '(') return this.#group(flags);
    if (first === '.') return [{ kind: 'character', test: (code) => flags.dotAll || code !== NEWLINE }];
    if (first === '^') return [place((text, at) => at === 0 || (flags.multiline && text[at - 1] === NEWLINE))];
    if (first === '$') return [place(flags.multiline ? isLineEnd : isEnd)];
    return [character(literal(first), flags)];
  }

  #escape(flags: Flags): Node {
    const letter = this.#reader.take('bad escape (end of pattern)');
    if (letter === 'A') return place((_, at) => at === 0);
    if (letter === 'Z') return place((text, at) => at === text.length);
    if (letter === 'b') return place(isWordBoundary(flags));
    if (letter === 'B') {
      const isBoundary = isWordBoundary(flags);
      // Not so in an empty text, until Python 3.14.
      return place((text, at) => text.length > 0 && !isBoundary(text, at));
    }
    if (letter === '0') return character(octalItem(this.#reader, letter), flags);
    if (!/[1-9]/.test(letter)) return character(escapedItem(this.#reader, letter), flags);
    const start = this.#reader.position;
    if (/[1-7]/.test(letter) && this.#reader.takeWhile(/[0-7]/, 2).length === 2) {
      this.#reader.returnTo(start);
      return character(octalItem(this.#reader, letter), flags);
    }
    this.#reader.returnTo(start);
    return this.#reference(Number(letter + this.#reader.takeWhile(/[0-9]/, 1)), flags);
  }

  #reference(group: number, flags: Flags): Node {
    if (group > this.#groups) throw new PatternError(`invalid group reference ${group}`);
    if (!this.#closed.has(group)) throw new PatternError('cannot refer to an open group');
    this.#checkLookBehind(group);
    return { kind: 'reference', group, same: sameCharacter(flags) };
  }

  #checkLookBehind(group: number): void {
    const before = this.#groupsBeforeLookBehind;
    if (before === null) return;
    if (!this.#closed.has(group)) throw new PatternError('cannot refer to an open group');
    if (group > before) throw new PatternError('cannot refer to group defined in the same lookbehind subpattern');
  }

  /** What is in parentheses, the first of which is read already. */
  #group(flags: Flags): Node[] {
    const reader = this.#reader;
    if (!reader.takes('?')) return [this.#capture(null, flags)];
    const start = reader.position;
    const kind = reader.take('unexpected end of pattern');
    if (kind === 'P') return [this.#named(flags)];
    if (kind === ':') return [this.#closedBy(this.#alternatives(flags))];
    if (kind === '>') return [{ kind: 'atomic', item: this.#closedBy(this.#alternatives(flags)) }];
    if (kind === '=' || kind === '!') {
      const item = this.#closedBy(this.#alternatives(flags));
      return [{ kind: 'look', item, negated: kind === '!', behind: null }];
    }
    if (kind === '<') return [this.#lookBehind(flags)];
    if (kind === '(') return [this.#conditional(flags)];
    if (kind === '#') {
      reader.takeUntil(')', 'missing ), unterminated comment');
      return [];
    }
    if (!/[-aiLmsux]/.test(kind)) throw new PatternError(`unknown extension ?${kind}`);
    reader.returnTo(start);
    const read = readFlags(reader);
    if (read.global) throw new PatternError('global flags not at the start of the expression');
    return [this.#closedBy(this.#alternatives(flagsOf(flags, read)))];
  }

  #closedBy(node: Node): Node {
    if (!this.#reader.takes(')')) throw new PatternError(UNCLOSED);
    // In a sequence of its own `(?:a*)` can be repeated, which `a*` cannot.
    return { kind: 'sequence', items: [node] };
  }

  #capture(name: string | null, flags: Flags): Node {
    const number = ++this.#groups;
    if (name !== null) {
      const before = this.#names.get(name);
      if (before !== undefined)
        throw new PatternError(`redefinition of group name '${name}' as group ${number}; was group ${before}`);
      this.#names.set(name, number);
    }
    const item = this.#closedBy(this.#alternatives(flags));
    this.#closed.set(number, widthOf(item, this.#closed));
    return { kind: 'group', number, item };
  }

  #named(flags: Flags): Node {
    const reader = this.#reader;
    if (reader.takes('<'))
      return this.#capture(checkedName(reader.takeUntil('>', 'missing >, unterminated name')), flags);
    if (reader.takes('=')) return this.#reference(this.#numberOf(reader.takeUntil(')', UNCLOSED)), flags);
    throw new PatternError(`unknown extension ?P${reader.take('unexpected end of pattern')}`);
  }

  #numberOf(name: string): number {
    const number = this.#names.get(checkedName(name));
    if (number === undefined) throw new PatternError(`unknown group name '${name}'`);
    return number;
  }

  #lookBehind(flags: Flags): Node {
    const kind = this.#reader.take('unexpected end of pattern');
    if (kind !== '=' && kind !== '!') throw new PatternError(`unknown extension ?<${kind}`);
    const outer = this.#groupsBeforeLookBehind;
    this.#groupsBeforeLookBehind ??= this.#groups;
    const item = this.#closedBy(this.#alternatives(flags));
    this.#groupsBeforeLookBehind = outer;
    const [min, max] = widthOf(item, this.#closed);
    if (min !== max) throw new PatternError('look-behind requires fixed-width pattern');
    return { kind: 'look', item, negated: kind === '!', behind: min };
  }

  /** `(?(1)yes|no)`. */
  #conditional(flags: Flags): Node {
    const name = this.#reader.takeUntil(')', 'missing ), unterminated name');
    const group = /^[0-9]+$/.test(name) ? Number(name) : this.#numberOf(name);
    if (group === 0) throw new PatternError('bad group number');
    this.#highestConditional = Math.max(this.#highestConditional, group);
    this.#checkLookBehind(group);
    if (++this.#depth > MAX_DEPTH) throw new PatternError(`groups are nested more than ${MAX_DEPTH} deep`);
    const yes = this.#sequence(flags);
    const no: Node = this.#reader.takes('|') ? this.#sequence(flags) : { kind: 'sequence', items: [] };
    this.#depth--;
    if (this.#reader.next === '|') throw new PatternError('conditional backref with more than two branches');
    return this.#closedBy({ kind: 'conditional', group, yes, no });
  }
}

function checkedName(name: string): string {
  if (/^[\p{L}\p{Nl}_][\p{L}\p{N}\p{M}_]*$/u.test(name)) return name;
  throw new PatternError(name === '' ? 'missing group name' : `bad character in group name '${name}'`);
}

function character(item: SetItem, flags: Flags): Node {
  return { kind: 'character', test: setTest([item], false, flags) };
}

function place(test: PlaceTest): Node {
  return { kind: 'place', test };
}

/** `$`: the end, and the place before a newline that ends the text. */
const isEnd: PlaceTest = (text, at) => at === text.length || (at === text.length - 1 && text[at] === NEWLINE);

const isLineEnd: PlaceTest = (text, at) => at === text.length || text[at] === NEWLINE;
