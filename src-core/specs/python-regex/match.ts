import type { Instruction, Program } from './program.ts';

/** How much matching is left to be done. Counted in steps, so that the same pattern ends in the same place on every machine. */
export interface Budget {
  /** Takes so many steps, or throws. */
  spend(steps: number): void;
}

/** Positions that were noted, by slot; -1 where there is none. */
type Slots = readonly number[];

/** A match: the text of group 1 (null where it took no part, or there is none) is all that peft asks for. */
export interface Match {
  readonly firstGroup: string | null;
}

/** Matches from the start of a text, as `re.match`. */
export function matchPattern({ instructions, slots }: Program, text: string, budget: Budget): Match | null {
  const codes = Array.from(text, (character) => character.codePointAt(0)!);
  const state = run(instructions, codes, { at: 0, slots: new Array<number>(slots).fill(-1) }, budget);
  if (!state) return null;
  const group = slots < 4 ? null : groupOf(state.slots, 1);
  return { firstGroup: group && String.fromCodePoint(...codes.slice(...group)) };
}

interface State {
  readonly at: number;
  readonly slots: Slots;
}

/** How often the budget is asked: each time would take longer than the step. */
const STEPS_AT_ONCE = 256;

/** Runs a program from one position on; what was not tried yet is kept on a stack of its own, as deep as the budget allows. */
function run(program: readonly Instruction[], text: readonly number[], start: State, budget: Budget): State | null {
  const untried: { readonly next: number; readonly at: number; readonly slots: Slots }[] = [];
  let next = 0;
  let { at, slots } = start;
  for (let steps = 1; ; steps++) {
    if (steps % STEPS_AT_ONCE === 0) budget.spend(STEPS_AT_ONCE);
    const step = program[next++]!;
    let matched = true;
    switch (step.op) {
      case 'character':
        matched = at < text.length && step.test(text[at]!);
        at++;
        break;
      case 'split':
        untried.push({ next: step.second, at, slots });
        next = step.first;
        break;
      case 'jump':
        next = step.to;
        break;
      case 'place':
        matched = step.test(text, at);
        break;
      case 'save':
        slots = slots.with(step.slot, at);
        break;
      case 'loop':
        if (slots[step.slot] !== at) next = step.to;
        break;
      case 'unless':
        if (groupOf(slots, step.group) === null) next = step.to;
        break;
      case 'end':
        budget.spend(steps % STEPS_AT_ONCE);
        return { at, slots };
      default: {
        const after = runPart(step, text, { at, slots }, budget);
        matched = after !== null;
        if (after) ({ at, slots } = after);
      }
    }
    if (matched) continue;
    const other = untried.pop();
    if (other) ({ next, at, slots } = other);
    else {
      budget.spend(steps % STEPS_AT_ONCE);
      return null;
    }
  }
}

type Part = Extract<Instruction, { op: 'reference' | 'look' | 'atomic' }>;

/** What takes more than one step: where it leads, or null where it does not match. */
function runPart(part: Part, text: readonly number[], from: State, budget: Budget): State | null {
  if (part.op === 'atomic') return run(part.program, text, from, budget);
  if (part.op === 'look') {
    const at = from.at - part.behind;
    const found = at < 0 ? null : run(part.program, text, { at, slots: from.slots }, budget);
    if (part.negated) return found ? null : from;
    return found && { at: from.at, slots: found.slots };
  }
  const [start, end] = groupOf(from.slots, part.group) ?? [0, Infinity];
  if (from.at + end - start > text.length) return null;
  budget.spend(end - start);
  for (let offset = 0; offset < end - start; offset++) {
    if (!part.same(text[start + offset]!, text[from.at + offset]!)) return null;
  }
  return { at: from.at + end - start, slots: from.slots };
}

/** Where a group's text starts and ends, or null where the group took no part. */
function groupOf(slots: Slots, group: number): readonly [start: number, end: number] | null {
  const [start, end] = [slots[2 * group]!, slots[2 * group + 1]!];
  return end < 0 || end < start ? null : [start, end];
}
