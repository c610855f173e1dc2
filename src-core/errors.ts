/**
 * Errors and findings carry the same fields, so that the command line, the app and `--json` can say the same thing:
 * what happened, in which file and tensor, what was found, what was expected, and what to do about it.
 */

/** What kind of fault it is. Scripts may rely on these names; a new fault gets a new name. */
export type ErrorTag =
  /** The command line or the API was called in a way that cannot work. */
  | 'usage'
  /** The folder holds nothing that can be opened. */
  | 'not-a-checkpoint'
  /** A file or a rank that the checkpoint needs is not there. */
  | 'missing-file'
  | 'missing-rank'
  | 'missing-tensor'
  /** A file is shorter than what it says it holds, or its bytes are not what the format asks for. */
  | 'cut-file'
  | 'bad-archive'
  | 'bad-pickle'
  | 'forbidden-pickle'
  | 'bad-safetensors'
  | 'bad-metadata'
  | 'unknown-spec'
  | 'missing-spec'
  /** A number is above a cap in limits.ts. */
  | 'over-limit'
  /** Two places that must agree do not. */
  | 'shape-mismatch'
  | 'dtype-mismatch'
  | 'parallel-size-mismatch'
  | 'stage-conflict'
  | 'replicas-differ'
  | 'kv-placement'
  /** Something that is valid but that Shardloom does not do. */
  | 'unsupported'
  /** The plan does not hold: an element from nowhere or from two places. Always a fault of ours. */
  | 'bad-plan'
  /** Any other fault of ours. */
  | 'internal'
  /** Writing. */
  | 'output-exists'
  | 'output-busy'
  | 'no-space'
  | 'write-failed'
  | 'read-failed'
  | 'source-changed'
  /** The app's window cannot be shown. */
  | 'no-window'
  /** Stopped by the user, and nothing of it is left; or so that it can go on later, and what was written is kept. */
  | 'cancelled'
  | 'stopped'
  /** Findings only. */
  | 'interrupted-save'
  | 'non-finite'
  | 'not-described'
  | 'inferred'
  | 'other-stages'
  | 'averaged'
  | 'corrected'
  | 'linked-file'
  | 'replicas-equal';

/** The fields of an error or finding. Every text is a whole phrase without a trailing newline. */
export interface Problem {
  readonly tag: ErrorTag;
  /** What happened, in one sentence. */
  readonly what: string;
  /** The file or folder it is about. */
  readonly file?: string;
  /** True where {@link file} is a folder. */
  readonly isFolder?: boolean;
  /** Folders of checkpoints in {@link file} that can be opened instead, the oldest first. */
  readonly checkpoints?: readonly string[];
  /** The tensor, parameter or field it is about. */
  readonly tensor?: string;
  readonly found?: string;
  readonly expected?: string;
  /** What the user can do. */
  readonly advice?: string;
}

export type Severity = 'error' | 'warning' | 'note';

/** Something that was noticed about a checkpoint. An `error` stops consolidation, a `warning` does not. */
export interface Finding extends Problem {
  readonly severity: Severity;
}

/** The one error class of the engine. Crosses threads and processes whole through {@link toProblem}. */
export class ShardloomError extends Error implements Problem {
  readonly tag: ErrorTag;
  readonly what: string;
  readonly file?: string;
  readonly isFolder?: boolean;
  readonly checkpoints?: readonly string[];
  readonly tensor?: string;
  readonly found?: string;
  readonly expected?: string;
  readonly advice?: string;

  constructor(problem: Problem, options?: ErrorOptions) {
    super(formatProblem(problem), options);
    this.name = 'ShardloomError';
    this.tag = problem.tag;
    this.what = problem.what;
    if (problem.file !== undefined) this.file = problem.file;
    if (problem.isFolder !== undefined) this.isFolder = problem.isFolder;
    if (problem.checkpoints !== undefined) this.checkpoints = problem.checkpoints;
    if (problem.tensor !== undefined) this.tensor = problem.tensor;
    if (problem.found !== undefined) this.found = problem.found;
    if (problem.expected !== undefined) this.expected = problem.expected;
    if (problem.advice !== undefined) this.advice = problem.advice;
  }
}

/** True for an error of ours, optionally of one kind. */
export function isShardloomError(error: unknown, tag?: ErrorTag): error is ShardloomError {
  return error instanceof ShardloomError && (tag === undefined || error.tag === tag);
}

/** The plain fields of an error of ours: what is sent between threads and printed by `--json`. */
export function toProblem(error: ShardloomError | Problem): Problem {
  return {
    tag: error.tag,
    what: error.what,
    ...(error.file !== undefined && { file: error.file }),
    ...(error.isFolder !== undefined && { isFolder: error.isFolder }),
    ...(error.checkpoints !== undefined && { checkpoints: error.checkpoints }),
    ...(error.tensor !== undefined && { tensor: error.tensor }),
    ...(error.found !== undefined && { found: error.found }),
    ...(error.expected !== undefined && { expected: error.expected }),
    ...(error.advice !== undefined && { advice: error.advice }),
  };
}

/** Turns an error of ours into a finding; any other error is thrown on, because it is a fault of the program. */
export function toFinding(error: unknown, severity: Severity): Finding {
  if (!isShardloomError(error)) throw error;
  return { severity, ...toProblem(error) };
}

/** A problem as lines of text: the sentence first, then one line for each field. */
export function formatProblem(problem: Problem): string {
  const lines = [printable(problem.what)];
  if (problem.file !== undefined) lines.push(`  ${problem.isFolder ? 'folder' : 'file'}: ${printable(problem.file)}`);
  if (problem.tensor !== undefined) lines.push(`  tensor: ${printable(problem.tensor)}`);
  if (problem.found !== undefined) lines.push(`  found: ${printable(problem.found)}`);
  if (problem.expected !== undefined) lines.push(`  expected: ${printable(problem.expected)}`);
  if (problem.advice !== undefined) lines.push(`  to do: ${printable(problem.advice)}`);
  return lines.join('\n');
}

/** What moves the cursor, hides text or turns its direction; line ends are among them. */
// eslint-disable-next-line no-control-regex
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

/** JSON escapes those below U+0020 itself, and has line ends between its lines. */
const CONTROLS_IN_JSON = new RegExp(CONTROLS.source.replace('\\u0000-\\u001f', ''), 'g');

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/**
 * Text from a checkpoint with control characters written as escapes. Names come from other people's files; printed raw
 * they could move the cursor or forge lines in a terminal or a log.
 */
export function printable(text: string): string {
  return text.replace(CONTROLS, escaped);
}

/** A document as JSON that is safe to print: the same characters, which stand in its texts only, are escaped there. */
export function printableJson(document: unknown): string {
  return JSON.stringify(document, null, 2).replace(CONTROLS_IN_JSON, escaped);
}
