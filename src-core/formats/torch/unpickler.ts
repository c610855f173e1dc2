/**
 * The door to the restricted unpickler: opcodes.ts has what it obeys, globals.ts the names it knows, limits.ts its
 * caps.
 */
import { fault } from './faults.ts';
import { Machine, type PickleContext } from './machine.ts';
import { run } from './opcodes.ts';
import type { PickleValue } from './values.ts';
import { formatPlural } from '../../units.ts';

/** A value and the offset behind its stop sign. */
export interface Unpickled {
  readonly value: PickleValue;
  readonly end: number;
}

/**
 * Reads the pickle that begins at `start`. Nothing is executed: names stand for themselves or build the plain values of
 * values.ts. Throws `bad-pickle`, `forbidden-pickle`, `over-limit` or `unsupported`, or what `context.storage` throws.
 * Lists and dicts may contain themselves: who walks them bounds the walk.
 */
export function unpickle(bytes: Uint8Array, context: PickleContext, start = 0): Unpickled {
  const machine = new Machine(bytes, start, context);
  const value = run(machine);
  return { value, end: machine.at };
}

/** Reads a pickle that takes up all of `bytes`. */
export function unpickleWhole(bytes: Uint8Array, context: PickleContext): PickleValue {
  const { value, end } = unpickle(bytes, context);
  if (end === bytes.byteLength) return value;
  throw fault('bad-pickle', context.file, 'Bytes follow the end of the pickle.', {
    found: formatPlural(bytes.byteLength - end, 'byte'),
    expected: 'none',
  });
}
