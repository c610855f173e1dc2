import type { CharacterTest } from './characters.ts';
import { PatternError, type Node, type PlaceTest } from './nodes.ts';
import { parsePattern } from './parse.ts';

/** Counted repetitions are written out. Real patterns take a few hundred steps, one that lists each layer of a model some ten thousand. */
const MAX_INSTRUCTIONS = 200_000;

export type Instruction =
  | { readonly op: 'character'; readonly test: CharacterTest }
  | { readonly op: 'place'; readonly test: PlaceTest }
  | { readonly op: 'jump'; to: number }
  /** Goes on at `first`, and at `second` where that leads to no match. */
  | { readonly op: 'split'; first: number; second: number }
  /** Notes the position. */
  | { readonly op: 'save'; readonly slot: number }
  /** Goes to `to` unless nothing was matched since the position was noted: a loop over nothing ends. */
  | { readonly op: 'loop'; readonly slot: number; readonly to: number }
  | { readonly op: 'reference'; readonly group: number; readonly same: (one: number, other: number) => boolean }
  | { readonly op: 'unless'; readonly group: number; to: number }
  | {
      readonly op: 'look';
      readonly program: readonly Instruction[];
      readonly negated: boolean;
      readonly behind: number;
    }
  | { readonly op: 'atomic'; readonly program: readonly Instruction[] }
  | { readonly op: 'end' };

export interface Program {
  readonly instructions: readonly Instruction[];
  /** Noted positions: two for each group, from slot 2, then those of loops. */
  readonly slots: number;
  /** What compiling it took, in the unit in which matching is counted. */
  readonly cost: number;
}

/** Compiles a pattern that matches from the start of a text; with `whole`, only up to its end. Throws `PatternError`. */
export function compilePattern(pattern: string, whole: boolean): Program {
  const { root, groups } = parsePattern(pattern);
  const compiler = new Compiler(2 * groups + 2);
  const anchored: Node = { kind: 'sequence', items: [root, { kind: 'place', test: (text, at) => at === text.length }] };
  const instructions = compiler.programOf(whole ? anchored : root);
  return { instructions, slots: compiler.slots, cost: pattern.length + compiler.written };
}

class Compiler {
  slots: number;
  written = 0;
  #code: Instruction[] = [];

  constructor(slots: number) {
    this.slots = slots;
  }

  programOf(node: Node): Instruction[] {
    const outer = this.#code;
    this.#code = [];
    this.#compile(node);
    this.#write({ op: 'end' });
    const program = this.#code;
    this.#code = outer;
    return program;
  }

  #write<Written extends Instruction>(instruction: Written): Written {
    if (++this.written > MAX_INSTRUCTIONS)
      throw new PatternError('it is too large when its repetitions are written out');
    this.#code.push(instruction);
    return instruction;
  }

  #compile(node: Node): void {
    switch (node.kind) {
      case 'character':
        this.#write({ op: 'character', test: node.test });
        return;
      case 'place':
        this.#write({ op: 'place', test: node.test });
        return;
      case 'reference':
        this.#write({ op: 'reference', group: node.group, same: node.same });
        return;
      case 'sequence':
        for (const item of node.items) this.#compile(item);
        return;
      case 'alternatives':
        this.#alternatives(node.options);
        return;
      case 'group':
        this.#write({ op: 'save', slot: 2 * node.number });
        this.#compile(node.item);
        this.#write({ op: 'save', slot: 2 * node.number + 1 });
        return;
      case 'atomic':
        this.#write({ op: 'atomic', program: this.programOf(node.item) });
        return;
      case 'look': {
        const program = this.programOf(node.item);
        this.#write({ op: 'look', program, negated: node.negated, behind: node.behind ?? 0 });
        return;
      }
      case 'repeat':
        this.#repeat(node);
        return;
      case 'conditional':
        this.#conditional(node);
    }
  }

  #alternatives(options: readonly Node[]): void {
    const jumps: { to: number }[] = [];
    options.forEach((option, index) => {
      if (index === options.length - 1) return this.#compile(option);
      const split = this.#write({ op: 'split', first: this.#code.length + 1, second: 0 });
      this.#compile(option);
      jumps.push(this.#write({ op: 'jump', to: 0 }));
      split.second = this.#code.length;
    });
    for (const jump of jumps) jump.to = this.#code.length;
  }

  #conditional({ group, yes, no }: Extract<Node, { kind: 'conditional' }>): void {
    const unless = this.#write({ op: 'unless', group, to: 0 });
    this.#compile(yes);
    const jump = this.#write({ op: 'jump', to: 0 });
    unless.to = this.#code.length;
    this.#compile(no);
    jump.to = this.#code.length;
  }

  #repeat({ item, min, max, mode }: Extract<Node, { kind: 'repeat' }>): void {
    if (mode === 'possessive') {
      const program = this.programOf({ kind: 'repeat', item, min, max, mode: 'greedy' });
      this.#write({ op: 'atomic', program });
      return;
    }
    for (let count = 0; count < min; count++) this.#compile(item);
    if (max === Infinity) return this.#loop(item, mode === 'lazy');
    const splits: { first: number; second: number }[] = [];
    for (let count = min; count < max; count++) {
      splits.push(this.#write({ op: 'split', first: this.#code.length + 1, second: 0 }));
      this.#compile(item);
    }
    for (const split of splits) this.#leaveTo(split, this.#code.length, mode === 'lazy');
  }

  #loop(item: Node, lazy: boolean): void {
    const start = this.#code.length;
    const split = this.#write({ op: 'split', first: start + 1, second: 0 });
    if (item.kind === 'character') {
      this.#compile(item);
      this.#write({ op: 'jump', to: start });
    } else {
      const slot = this.slots++;
      this.#write({ op: 'save', slot });
      this.#compile(item);
      this.#write({ op: 'loop', slot, to: start });
    }
    this.#leaveTo(split, this.#code.length, lazy);
  }

  /** Sets the way out of a repetition, which a lazy one tries first. */
  #leaveTo(split: { first: number; second: number }, exit: number, lazy: boolean): void {
    split.second = exit;
    if (lazy) [split.first, split.second] = [split.second, split.first];
  }
}
