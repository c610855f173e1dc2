import type { Flags } from './characters.ts';
import { PatternError } from './nodes.ts';
import type { Reader } from './reader.ts';

export const NO_FLAGS: Flags = { ignoreCase: false, multiline: false, dotAll: false, verbose: false, ascii: false };

/** Flags as a pattern sets them: `(?i)` for all of it, `(?i-s:…)` for a part. */
export interface FlagChange {
  readonly on: string;
  readonly off: string;
  readonly global: boolean;
}

/** Reads flags after `(?`, with what ends them. */
export function readFlags(reader: Reader): FlagChange {
  const on = reader.takeWhile(/[a-zA-Z]/);
  const unknown = /[^aiLmsux]/.exec(on)?.[0];
  if (unknown !== undefined) throw new PatternError(`unknown flag ${unknown}`);
  if (on.includes('L')) throw new PatternError("bad inline flags: cannot use 'L' flag with a str pattern");
  if (on.includes('a') && on.includes('u')) {
    throw new PatternError("bad inline flags: flags 'a', 'u' and 'L' are incompatible");
  }
  if (reader.takes(')')) {
    if (on === '') throw new PatternError('missing flag');
    return { on, off: '', global: true };
  }
  const off = reader.takes('-') ? turnedOff(reader, on) : '';
  if (!reader.takes(':')) throw new PatternError(off === '' ? 'missing -, : or )' : 'missing :');
  return { on, off, global: false };
}

function turnedOff(reader: Reader, on: string): string {
  const off = reader.takeWhile(/[a-zA-Z]/);
  if (off === '') throw new PatternError('missing flag');
  const unknown = /[^aiLmsux]/.exec(off)?.[0];
  if (unknown !== undefined) throw new PatternError(`unknown flag ${unknown}`);
  if (/[aLu]/.test(off)) throw new PatternError("bad inline flags: cannot turn off flags 'a', 'u' and 'L'");
  if ([...off].some((flag) => on.includes(flag))) throw new PatternError('bad inline flags: flag turned on and off');
  return off;
}

export function flagsOf(flags: Flags, { on, off }: FlagChange): Flags {
  const value = (flag: string, before: boolean): boolean => (before || on.includes(flag)) && !off.includes(flag);
  return {
    ignoreCase: value('i', flags.ignoreCase),
    multiline: value('m', flags.multiline),
    dotAll: value('s', flags.dotAll),
    verbose: value('x', flags.verbose),
    ascii: (flags.ascii || on.includes('a')) && !on.includes('u'),
  };
}
