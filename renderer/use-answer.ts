import { useEffect, useState } from 'react';
import type { PageChannel, Requests } from '../electron/channels.ts';
import type { Problem } from '../src-core/index.ts';
import { ask, problemOf } from './bridge.ts';

export interface Answered<Value> {
  /** Null until it is there. */
  readonly value: Value | null;
  readonly problem: Problem | null;
}

const NOTHING = { value: null, problem: null } as const;

/**
 * What the main process answers to a request; asked again when the request changes, never while it is null. What comes late is
 * dropped, and a request that a newer one ended is no problem to show.
 */
export function useAnswer<Channel extends PageChannel>(
  channel: Channel,
  request: Parameters<Requests[Channel]>[0] | null,
): Answered<ReturnType<Requests[Channel]>> {
  // Requests are small plain data: their text says whether they are the same.
  const key = JSON.stringify(request);
  const [state, setState] = useState<Answered<ReturnType<Requests[Channel]>> & { readonly key: string }>({
    key: 'null',
    ...NOTHING,
  });
  useEffect(() => {
    const asked = JSON.parse(key) as Parameters<Requests[Channel]>[0] | null;
    if (asked === null) return;
    let isCurrent = true;
    ask(channel, ...([asked] as unknown as Parameters<Requests[Channel]>)).then(
      (value) => {
        if (isCurrent) setState({ key, value, problem: null });
      },
      (error: unknown) => {
        const problem = problemOf(error);
        if (isCurrent && problem.tag !== 'cancelled') setState({ key, value: null, problem });
      },
    );
    return () => {
      isCurrent = false;
    };
  }, [channel, key]);
  return state.key === key ? state : NOTHING;
}
