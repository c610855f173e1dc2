import type { Answer, EventChannel, Events, PageChannel, Requests } from './channels.ts';

/** What the preload script gives to pages as `window.shardloom`: the whole of what a page can reach. */
export interface Bridge {
  readonly version: string;
  /** Asks the main process. Never rejects for a fault of the checkpoint: that is an answer with a problem. */
  readonly request: <Channel extends PageChannel>(
    channel: Channel,
    ...args: Parameters<Requests[Channel]>
  ) => Promise<Answer<ReturnType<Requests[Channel]>>>;
  /** Follows what the main process tells; the result stops that. */
  readonly on: <Channel extends EventChannel>(channel: Channel, listener: Events[Channel]) => () => void;
  /** Opens what was dropped on the window. Only a file that really was dropped has a path. */
  readonly openDropped: (file: File) => Promise<Answer<ReturnType<Requests['checkpoint:open-dropped']>>>;
}
