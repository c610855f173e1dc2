import { isShardloomError } from '../../src-core/errors.ts';
import { Coverage } from './coverage.ts';
import type { Mutate } from './mutate-bytes.ts';
import { Random } from './random.ts';

/** One way in for other people's bytes. */
export interface Target {
  readonly name: string;
  /** The folder of the attack corpus that its inputs belong to, and how their names end. */
  readonly kind: string;
  readonly extension: string;
  readonly seeds: readonly Uint8Array[];
  readonly mutate: Mutate;
  /** Lets the engine have the input. Throws what is not right: anything but a value and an error that blames the input. */
  readonly run: (input: Uint8Array) => void | Promise<void>;
}

export interface Finding {
  readonly target: string;
  readonly input: Uint8Array;
  /** What happened, with where. */
  readonly what: string;
}

export interface Stats {
  readonly executions: number;
  readonly seconds: number;
  readonly blocks: number;
  readonly kept: number;
  readonly findings: readonly Finding[];
}

export interface Budget {
  readonly seed: number;
  /** Whichever comes first ends the run. */
  readonly executions?: number;
  readonly seconds?: number;
  /** Told before every execution, for who watches from another thread. */
  readonly before?: (input: Uint8Array) => void;
}

/** What one small input may take: hostile files must not be able to stop a program. */
const MAX_CPU_SECONDS = 1.5;

/** Who shares its core makes a run slower; what is slow by itself is slow each time. */
const MAX_SLOW_TRIES = 3;

/** Changes of slow inputs are slow too, and keep others from having their turn. */
const MAX_KEPT_MS = 50;

/** Inputs between two looks at the coverage, which takes longer than most inputs do. */
const BATCH = 16;

/** Faults that are told one by one. */
const MAX_FINDINGS = 20;

/** Runs what is expected to work or to blame the input. An error of ours that blames us passes on. */
export function outcomeOf<Result>(action: () => Result): Result | null {
  try {
    return action();
  } catch (error) {
    if (isShardloomError(error) && error.tag !== 'internal' && error.tag !== 'bad-plan') return null;
    throw error;
  }
}

/** Gives a target inputs made of its seeds, keeping those that reach what none before has reached. */
export async function fuzz(target: Target, budget: Budget): Promise<Stats> {
  const random = new Random(budget.seed);
  const coverage = new Coverage();
  const kept: Uint8Array[] = [];
  const findings = new Map<string, Finding>();
  const started = performance.now();
  let executions = 0;
  /** True for an input that is worth keeping if it reaches something new. */
  const execute = async (input: Uint8Array): Promise<boolean> => {
    executions++;
    budget.before?.(input);
    const begun = performance.now();
    const what = await problemOf(target, input);
    if (what !== null && !findings.has(what)) findings.set(what, { target: target.name, input, what });
    return performance.now() - begun < MAX_KEPT_MS;
  };
  const seconds = (): number => (performance.now() - started) / 1000;
  const goesOn = (): boolean =>
    executions < (budget.executions ?? Infinity) &&
    seconds() < (budget.seconds ?? Infinity) &&
    findings.size < MAX_FINDINGS;
  try {
    for (const seed of target.seeds) {
      const isQuick = await execute(seed);
      if (coverage.take().size > 0 && isQuick) kept.push(seed);
    }
    while (goesOn()) {
      const batch = Array.from({ length: BATCH }, () => {
        const parent = random.oneIn(2) ? random.pick(kept.slice(-20)) : random.pick(kept);
        return target.mutate(parent, random, kept);
      });
      for (const input of batch) await execute(input);
      const fresh = coverage.take();
      // Some of the batch reached something: whoever does so again is kept.
      for (const input of fresh.size > 0 ? batch : []) {
        const isQuick = await execute(input);
        const reached = coverage.reached().filter((block) => fresh.delete(block));
        if (reached.length > 0 && isQuick) kept.push(input);
      }
    }
  } finally {
    coverage.close();
  }
  const small = [];
  for (const finding of findings.values()) small.push(await minimised(target, finding, budget));
  return { executions, seconds: seconds(), blocks: coverage.blocks, kept: kept.length, findings: small };
}

/** What is wrong with how an input was taken, or null. The same fault gives the same words. */
async function problemOf(target: Target, input: Uint8Array): Promise<string | null> {
  for (let left = MAX_SLOW_TRIES - 1; ; left--) {
    const before = process.cpuUsage();
    try {
      await target.run(input);
    } catch (error) {
      return inWords(error);
    }
    const { user, system } = process.cpuUsage(before);
    if ((user + system) / 1e6 <= MAX_CPU_SECONDS) return null;
    if (left === 0) return 'It takes too long.';
  }
}

function inWords(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const frame = /\n\s+at (?:async )?((?!new Error|JSON\.|Array\.|Object\.<anonymous>)[\w.#$<>]+)/.exec(
    error.stack ?? '',
  )?.[1];
  const message = error.message.split('\n')[0]!.replace(/\d+/g, 'N').slice(0, 100);
  return `${error.name}: ${message} (in ${frame ?? 'no function'})`;
}

/** How often the fault is tried again while what is not needed for it is taken away. */
const MAX_TRIES = 400;

/** The finding with an input that is as small as a few hundred tries can make it. */
async function minimised(target: Target, finding: Finding, { before }: Budget): Promise<Finding> {
  let { input } = finding;
  let tries = 0;
  for (let length = input.length >> 1; length > 0; length >>= 1) {
    for (let at = 0; at < input.length && tries < MAX_TRIES;) {
      const smaller = Buffer.concat([input.subarray(0, at), input.subarray(at + length)]);
      tries++;
      before?.(smaller);
      if ((await problemOf(target, smaller)) === finding.what) input = smaller;
      else at += length;
    }
  }
  return { ...finding, input };
}
