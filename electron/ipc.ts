import { ipcMain, type IpcMainInvokeEvent, type WebContents } from 'electron';
import { ShardloomError } from '../src-core/app-door.ts';
import type { Answer, EventChannel, Events, RequestChannel, Requests } from './channels.ts';
import { problemOf } from './problems.ts';
import { requestSchemas } from './requests.ts';

type Handler<Channel extends RequestChannel> = (
  ...args: Parameters<Requests[Channel]>
) => ReturnType<Requests[Channel]> | Promise<ReturnType<Requests[Channel]>>;

/** One handler for each request: the compiler misses one that is forgotten. */
export type Handlers = { readonly [Channel in RequestChannel]: Handler<Channel> };

/**
 * Answers requests of the app's own page. Whoever else asks (a frame inside it, another origin) and whoever sends something
 * that the schema does not know is refused. Errors become answers with all their fields.
 */
export function answerRequests(handlers: Handlers, pageOrigin: string): void {
  for (const channel of Object.keys(handlers) as RequestChannel[]) answer(channel, handlers[channel], pageOrigin);
}

function answer<Channel extends RequestChannel>(channel: Channel, handler: Handler<Channel>, pageOrigin: string): void {
  ipcMain.handle(channel, async (event, ...args: unknown[]): Promise<Answer<ReturnType<Requests[Channel]>>> => {
    try {
      checkSender(event, pageOrigin);
      const parsed = requestSchemas[channel].safeParse(args);
      if (!parsed.success) throw badRequest(channel, parsed.error.issues[0]?.message ?? '');
      return { ok: true, value: await handler(...(parsed.data as Parameters<Requests[Channel]>)) };
    } catch (error) {
      return { ok: false, problem: problemOf(error) };
    }
  });
}

function checkSender({ senderFrame, sender }: IpcMainInvokeEvent, pageOrigin: string): void {
  // The slash matters: app://shardloom.example would begin alike.
  if (senderFrame !== null && senderFrame === sender.mainFrame && senderFrame.url.startsWith(`${pageOrigin}/`)) return;
  throw new ShardloomError({ tag: 'usage', what: 'This request did not come from the app’s own page.' });
}

function badRequest(channel: string, found: string): ShardloomError {
  return new ShardloomError({
    tag: 'usage',
    what: 'The window sent a request that the app does not understand.',
    tensor: channel,
    found,
    advice: 'Please report this.',
  });
}

/** Tells a page something. A window that is closing hears nothing. */
export function tell<Channel extends EventChannel>(
  contents: WebContents,
  channel: Channel,
  ...args: Parameters<Events[Channel]>
): void {
  if (!contents.isDestroyed()) contents.send(channel, ...args);
}
