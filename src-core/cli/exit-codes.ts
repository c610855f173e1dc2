import type { ErrorTag } from '../errors.ts';

/** Exit codes, as `--help` documents them. */
export const EXIT = {
  done: 0,
  fault: 1,
  usage: 2,
  input: 3,
  output: 4,
  window: 5,
  cancelled: 130,
  stopped: 143,
} as const;

const OUTPUT_TAGS: ReadonlySet<ErrorTag> = new Set(['output-exists', 'output-busy', 'no-space', 'write-failed']);

/** The exit code for an error of the engine. */
export function exitCodeOf(tag: ErrorTag): number {
  if (tag === 'usage') return EXIT.usage;
  if (tag === 'no-window') return EXIT.window;
  if (tag === 'cancelled') return EXIT.cancelled;
  if (tag === 'stopped') return EXIT.stopped;
  if (tag === 'bad-plan' || tag === 'internal') return EXIT.fault;
  return OUTPUT_TAGS.has(tag) ? EXIT.output : EXIT.input;
}

export const EXIT_CODES_HELP = `
Exit codes:
  0    done, or nothing wrong found (warnings are printed)
  1    a fault of shardloom itself
  2    wrong usage
  3    the checkpoint cannot be used: a file or rank is missing, damaged or does not fit
  4    the output cannot be written: it exists, the disk is full, no permission
  5    the window cannot be shown: no display, or the app is not installed
  130  cancelled with Ctrl-C; nothing is left behind
  143  stopped by SIGTERM; what was written is kept, and the same command goes on from there
`;
