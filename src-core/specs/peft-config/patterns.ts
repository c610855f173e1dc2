import { ShardloomError } from '../../errors.ts';
import { MAX_PATTERN_STEPS } from '../../limits.ts';
import { matchPattern, type Match } from '../python-regex/match.ts';
import { PatternError } from '../python-regex/nodes.ts';
import { compilePattern, type Program } from '../python-regex/program.ts';

/** What peft puts around a pattern; it matches from the start of a name. */
const AROUND = {
  /** `re.fullmatch`. */
  whole: ['', ''],
  alone: ['', ''],
  /** `get_pattern_key`. */
  end: ['(.*\\.)?(', ')$'],
  /** `check_target_module_exists`, for modules_to_save and for layers_pattern. */
  ancestor: ['(^|.*\\.)', '($|\\..*)'],
  layer: ['.*\\.', '\\.(\\d+)\\.'],
} as const;

type Around = keyof typeof AROUND;

interface Compiled {
  readonly program: Program;
  readonly matches: Map<string, Match | null>;
}

/** What comparing a key that is a name with the end of another name takes, in steps of matching. */
const COMPARISON_STEPS = 4;

/**
 * The regular expressions of one config, as peft asks Python's `re` for them. Configs come from other people: all matches of one config
 * together have a budget, which is counted in steps, so that neither the clock nor other programs decide whether a config can be
 * read. All methods throw `bad-metadata`, naming the expression, for one that Python refuses and where the budget is used up.
 */
export class ConfigPatterns {
  readonly #compiled = new Map<Around, Map<string, Compiled>>();
  readonly #spent = new Map<string, number>();
  #left: number;

  constructor(steps = MAX_PATTERN_STEPS) {
    this.#left = steps;
  }

  /** True if a pattern matches a whole name. */
  matchesWhole(pattern: string, name: string): boolean {
    return this.#match(pattern, 'whole', name) !== null;
  }

  /** True if a pattern matches the end of a name, from any module boundary. */
  matchesEnd(pattern: string, name: string): boolean {
    if (isName(pattern)) {
      this.#spend(pattern, COMPARISON_STEPS);
      if (!canEndWith(name, pattern)) return false;
    }
    // `a)|(b` would be taken apart by what is put around it.
    this.#compile(pattern, 'alone');
    return this.#match(pattern, 'end', name) !== null;
  }

  /** True if a pattern matches a module that has this name, or that is above it. */
  matchesAncestor(pattern: string, name: string): boolean {
    return this.#match(pattern, 'ancestor', name) !== null;
  }

  /** The number of the layer that a name belongs to, where the pattern is before it, or null. Peft takes the first group for it. */
  layerNumber(pattern: string, name: string): number | null {
    const match = this.#match(pattern, 'layer', name);
    if (!match) return null;
    if (/^\d+$/.test(match.firstGroup ?? '')) return Number(match.firstGroup);
    throw unusable(
      pattern,
      'its first group is not the number of the layer',
      'Write (?:…) for groups in layers_pattern.',
    );
  }

  #match(pattern: string, around: Around, name: string): Match | null {
    const { program, matches } = this.#compile(pattern, around);
    const known = matches.get(name);
    if (known !== undefined) return known;
    const match = matchPattern(program, name, { spend: (steps) => this.#spend(pattern, steps) });
    matches.set(name, match);
    return match;
  }

  #compile(pattern: string, around: Around): Compiled {
    const all = this.#compiled.get(around) ?? new Map<string, Compiled>();
    this.#compiled.set(around, all);
    const known = all.get(pattern);
    if (known) return known;
    try {
      const program = compilePattern(within(pattern, around), around === 'whole');
      this.#spend(pattern, program.cost);
      const compiled = { program, matches: new Map<string, Match | null>() };
      all.set(pattern, compiled);
      return compiled;
    } catch (error) {
      if (error instanceof PatternError) throw unusable(pattern, error.message, OTHERWISE, error);
      throw error;
    }
  }

  #spend(pattern: string, steps: number): void {
    this.#spent.set(pattern, (this.#spent.get(pattern) ?? 0) + steps);
    this.#left -= steps;
    if (this.#left >= 0) return;
    // The last need not be the one that took most.
    const [longest] = [...this.#spent].reduce((most, one) => (one[1] > most[1] ? one : most));
    throw unusable(
      longest,
      'matching the patterns of this config takes too long, and this one takes longest',
      OTHERWISE,
    );
  }
}

/** True for a pattern that is a name, with dots escaped or not. */
export function isName(pattern: string): boolean {
  return /^(?:[\w-]|\\?\.)+$/.test(pattern);
}

/** False where the name has another letter than the pattern, counted from the end. What dots match is left open. */
function canEndWith(name: string, pattern: string): boolean {
  const letters = pattern.replaceAll('\\', '');
  const end = name.endsWith('\n') ? name.length - 1 : name.length;
  for (let back = 1; back <= letters.length; back++) {
    const letter = letters[letters.length - back];
    if (letter !== '.' && letter !== name[end - back]) return false;
  }
  return true;
}

const OTHERWISE = 'List the modules in target_modules one by one instead.';

/** The pattern with what peft puts around it; flags for all of it are in front, where Python wants them. */
function within(pattern: string, around: Around): string {
  const flags = /^(?:\(\?[aimsux]+\))*/.exec(pattern)![0];
  const [before, after] = AROUND[around];
  return flags + before + pattern.slice(flags.length) + after;
}

function unusable(pattern: string, found: string, advice: string, cause?: Error): ShardloomError {
  return new ShardloomError(
    {
      tag: 'bad-metadata',
      what: 'A regular expression in the adapter’s config cannot be used.',
      tensor: pattern.length > 200 ? `${pattern.slice(0, 200)}…` : pattern,
      found,
      advice,
    },
    cause && { cause },
  );
}
