import { ShardloomError } from '../errors.ts';
import { MAX_WORKERS } from '../limits.ts';

/** The error for an option that does not take a value. */
export function usage(flag: string, found: string, expected: string): ShardloomError {
  return new ShardloomError({ tag: 'usage', what: `${flag} does not take this value.`, found, expected });
}

/** One of the allowed texts. Throws `usage`. */
export function oneOf<Value extends string>(flag: string, value: string, allowed: readonly Value[]): Value {
  const found = allowed.find((candidate) => candidate === value);
  if (found === undefined) throw usage(flag, value, allowed.join(', '));
  return found;
}

/** A whole number in decimal digits. Throws `usage`. */
export function wholeNumber(flag: string, value: string, min: number, max: number): number {
  const number = Number(value);
  if (/^\d+$/.test(value) && number >= min && number <= max) return number;
  throw usage(flag, value, `a whole number from ${min} to ${max}`);
}

/** The option of every command that works in threads. */
export interface WorkersFlag {
  readonly workers?: string;
}

/** How many threads were asked for; undefined where nobody did. Throws `usage`. */
export function workersOf({ workers }: WorkersFlag): number | undefined {
  return workers === undefined ? undefined : wholeNumber('--workers', workers, 0, MAX_WORKERS);
}
