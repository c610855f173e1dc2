import { PatternError } from './nodes.ts';

/** A pattern, read character by character. */
export class Reader {
  readonly #characters: readonly string[];
  #at = 0;

  constructor(pattern: string) {
    this.#characters = [...pattern];
  }

  /** The next character, which stays the next; undefined at the end. */
  get next(): string | undefined {
    return this.#characters[this.#at];
  }

  get position(): number {
    return this.#at;
  }

  /** Goes back to a position that was asked for before. */
  returnTo(position: number): void {
    this.#at = position;
  }

  /** Takes the next character; at the end an error that says what is missing. */
  take(missing: string): string {
    const taken = this.next;
    if (taken === undefined) throw new PatternError(missing);
    this.#at++;
    return taken;
  }

  /** Takes the next character if it is this one. */
  takes(character: string): boolean {
    if (this.next !== character) return false;
    this.#at++;
    return true;
  }

  /** Takes characters while they are of this kind, at most so many. */
  takeWhile(kind: RegExp, most = Infinity): string {
    let taken = '';
    while (taken.length < most && this.next !== undefined && kind.test(this.next))
      taken += this.#characters[this.#at++];
    return taken;
  }

  /** Takes what is before the next `end`, and the end. As everywhere in a pattern, a character behind a backslash ends nothing. */
  takeUntil(end: string, missing: string): string {
    let taken = '';
    for (let one = this.take(missing); one !== end; one = this.take(missing)) {
      taken += one;
      if (one === '\\' && this.next !== undefined) taken += this.take(missing);
    }
    return taken;
  }

  /** Passes over the rest of a line, with the same rule. */
  skipLine(): void {
    for (let one = this.next; one !== undefined && one !== '\n'; one = this.next) this.#at += one === '\\' ? 2 : 1;
  }
}
