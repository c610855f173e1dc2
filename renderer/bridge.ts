import type { Bridge } from '../electron/bridge.ts';
import type { Answer, PageChannel, Requests } from '../electron/channels.ts';
import type { Problem } from '../src-core/index.ts';

/** What the main process could not do, whole: as the engine or the main process described it. */
export class ProblemError extends Error {
  readonly problem: Problem;

  constructor(problem: Problem) {
    super(problem.what);
    this.name = 'ProblemError';
    this.problem = problem;
  }
}

/** Asks the main process and gives the value alone. Rejects with a {@link ProblemError} where there is none. */
export type Ask = <Channel extends PageChannel>(
  channel: Channel,
  ...args: Parameters<Requests[Channel]>
) => Promise<ReturnType<Requests[Channel]>>;

/** The value of an answer, or its problem thrown. */
export function valueOf<Value>(answer: Answer<Value>): Value {
  if (!answer.ok) throw new ProblemError(answer.problem);
  return answer.value;
}

export const askThrough =
  (bridge: Pick<Bridge, 'request'>): Ask =>
  async (channel, ...args) =>
    valueOf(await bridge.request(channel, ...args));

/** {@link Ask} through the bridge that the preload script gave to this page. */
export const ask: Ask = (channel, ...args) => askThrough(window.shardloom)(channel, ...args);

/** What to show for anything that was thrown. A fault of the program is said to be one, without its stack. */
export function problemOf(error: unknown): Problem {
  if (error instanceof ProblemError) return error.problem;
  return {
    tag: 'unsupported',
    what: 'Shardloom could not do this. This is a fault of the program, not of the checkpoint.',
    found: error instanceof Error ? error.message : String(error),
    advice: 'Try again. If it happens again, report it with these details.',
  };
}
