import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import type { ElectronApplication, Page } from '@playwright/test';
import { test as base } from '../app-under-test.ts';

/** A host on this machine, which a page could reach if it were let: no refusal is owed to a missing network. */
export interface Attacker {
  readonly host: string;
  /** Where datagrams would arrive. */
  readonly udp: string;
  /** Connections and datagrams so far. */
  readonly heard: () => number;
}

export const test = base.extend<{ attacker: Attacker }>({
  attacker: async ({ browserName: _ }, use) => {
    let heard = 0;
    const server = createServer((socket) => {
      heard++;
      socket.on('error', () => socket.destroy());
      socket.end('HTTP/1.1 200 OK\r\nAccess-Control-Allow-Origin: *\r\nContent-Length: 2\r\n\r\nhi');
    }).listen(0, '127.0.0.1');
    const datagrams = createSocket('udp4').bind(0, '127.0.0.1');
    datagrams.on('message', () => heard++);
    await Promise.all([once(server, 'listening'), once(datagrams, 'listening')]);
    const host = `127.0.0.1:${String((server.address() as AddressInfo).port)}`;
    await fetch(`http://${host}/`);
    if (heard !== 1) throw new Error('The attacker cannot be reached at all: the tests would prove nothing.');
    heard = 0;
    await use({ host, udp: `127.0.0.1:${String(datagrams.address().port)}`, heard: () => heard });
    server.close();
    datagrams.close();
  },
});

/** What the window's page may do, as Electron has it in effect. */
export function effectivePreferences(app: ElectronApplication): Promise<Record<string, unknown>> {
  return app.evaluate(({ BrowserWindow }) => {
    const contents = BrowserWindow.getAllWindows()[0]!.webContents as unknown as {
      getLastWebPreferences: () => Record<string, unknown>;
    };
    return contents.getLastWebPreferences();
  });
}

/**
 * Runs a script in the page the way that an injected one would run: with a user's gesture, and without the patience of
 * Playwright, which would wait for the navigation that must not come.
 */
export async function runInPage(app: ElectronApplication, script: string): Promise<void> {
  await app.evaluate(async ({ BrowserWindow }, code) => {
    const { webContents } = BrowserWindow.getAllWindows()[0]!;
    await webContents.executeJavaScript(`setTimeout(() => { ${code} }, 0); 0`, true);
  }, script);
}

/** Long enough for whatever a script has started to arrive. */
export const settle = (): Promise<void> => wait(400);

/** The windows' addresses: one window, on its page. */
export function windowUrls(app: ElectronApplication): Promise<string[]> {
  return app.evaluate(({ webContents }) => webContents.getAllWebContents().map((contents) => contents.getURL()));
}

/** The app still does what it is for. */
export async function opensTheSample(page: Page): Promise<string> {
  return page.evaluate(async () => {
    const opened = await window.shardloom.request('checkpoint:open-sample');
    return opened.ok ? opened.value.name : opened.problem.what;
  });
}
