import { expect } from '@playwright/test';
import { test } from './app-under-test.ts';

test('gives pages no Node and nothing of Electron but the bridge', async ({ shardloom: { page } }) => {
  const reachable = await page.evaluate(() =>
    ['require', 'process', 'module', 'Buffer', 'global', '__dirname'].filter((name) => name in globalThis),
  );
  expect(reachable).toEqual([]);
  expect(await page.evaluate(() => Object.keys(window.shardloom))).toEqual(['version', 'request', 'on', 'openDropped']);
});

test('keeps pages to the code that the app brings', async ({ shardloom: { page, problems } }) => {
  // From a timer: what Playwright evaluates itself is exempt from the policy.
  const evaluated = await page.evaluate(
    () =>
      new Promise<string>((resolve) => {
        setTimeout(() => {
          try {
            // eslint-disable-next-line @typescript-eslint/no-implied-eval -- the very thing that must not work
            const made = new Function('return 1') as () => number;
            resolve(`ran: ${made()}`);
          } catch (error) {
            resolve(error instanceof Error ? error.name : String(error));
          }
        }, 0);
      }),
  );
  expect(evaluated).toBe('EvalError');
  const inline = await page.evaluate(() => {
    const script = document.createElement('script');
    script.textContent = 'window.inlineRan = true';
    document.body.append(script);
    return 'inlineRan' in window;
  });
  expect(inline).toBe(false);
  expect(problems).not.toEqual([]);
});

test('serves nothing from outside its folder', async ({ shardloom: { page } }) => {
  const statuses = await page.evaluate(async () => {
    const paths = ['/index.html', '/missing.html', '/..%2f..%2fbuild/main.js', '/%2e%2e/%2e%2e/build/main.js', '/%ff'];
    return Promise.all(paths.map(async (path) => (await fetch(path)).status));
  });
  expect(statuses).toEqual([200, 404, 404, 404, 404]);
});

test('gets no permission', async ({ shardloom: { page } }) => {
  expect(await page.evaluate(() => Notification.requestPermission())).toBe('denied');
});

test('stays on its page and opens no windows', async ({ shardloom: { app, page } }) => {
  const url = page.url();
  // From the main process: Playwright would wait in the page for a navigation that is never to come.
  const after = await app.evaluate(async ({ BrowserWindow }) => {
    const [contents] = BrowserWindow.getAllWindows().map((window) => window.webContents);
    const attempted: string[] = [];
    contents?.on('will-frame-navigate', (event) => attempted.push(event.url));
    const opened: unknown = await contents?.executeJavaScript("window.open('https://example.com') !== null");
    await contents?.executeJavaScript("setTimeout(() => { location.href = 'https://example.com/left'; }, 0); 0");
    await new Promise((resolve) => setTimeout(resolve, 1000));
    return { attempted, opened, urls: BrowserWindow.getAllWindows().map((window) => window.webContents.getURL()) };
  });
  expect(after).toEqual({ attempted: ['https://example.com/left'], opened: false, urls: [url] });
});

test('answers nobody but its page, and only what it understands', async ({ shardloom: { app, page } }) => {
  const problems = await page.evaluate(async () => {
    const { request } = window.shardloom;
    const what = async (channel: string, ...args: unknown[]): Promise<string> => {
      try {
        const answer = await (request as (channel: string, ...args: unknown[]) => Promise<unknown>)(channel, ...args);
        const { ok, problem } = answer as { ok: boolean; problem?: { what: string } };
        return ok ? 'answered' : (problem?.what ?? 'no problem');
      } catch (error) {
        return String(error);
      }
    };
    return [
      await what('checkpoint:open-dropped', '/etc'),
      await what('no-such-channel'),
      await what('checkpoint:parameters', { checkpoint: 'x', offset: 0, limit: 1 }),
      await what('checkpoint:open-recent', '/etc'),
      await what('checkpoint:reveal', { checkpoint: 99 }),
    ];
  });
  expect(problems).toEqual([
    expect.stringContaining('There is no request checkpoint:open-dropped'),
    expect.stringContaining('There is no request no-such-channel'),
    'The window sent a request that the app does not understand.',
    'This folder is not in the list of recent ones.',
    'This checkpoint is no longer open.',
  ]);
  // A page of another origin with the same preload script, as a hole in the app's own would make it.
  const foreign = await app.evaluate(async ({ BrowserWindow, app: electron }) => {
    const preload = `${electron.getAppPath()}/.vite/build/preload.cjs`;
    const window = new BrowserWindow({
      show: false,
      webPreferences: { preload, sandbox: true, contextIsolation: true },
    });
    window.webContents.removeAllListeners('will-frame-navigate');
    await window.loadURL('data:text/html,<title>foreign</title>');
    const answer: unknown = await window.webContents.executeJavaScript("window.shardloom.request('app:start')");
    window.destroy();
    return answer;
  });
  expect(foreign).toEqual({
    ok: false,
    problem: { tag: 'usage', what: 'This request did not come from the app’s own page.' },
  });
});

test('writes only where somebody chose', async ({ shardloom: { page } }) => {
  const what = await page.evaluate(async () => {
    const { request } = window.shardloom;
    const opened = await request('checkpoint:open-sample');
    if (!opened.ok) return opened.problem.what;
    const choices = {
      format: 'safetensors' as const,
      maxShardBytes: 5e9,
      dtype: null,
      digest: 'xxh64' as const,
      parts: ['model' as const],
      replace: false,
      verify: false,
    };
    const { checkpoint } = opened.value;
    const started = await request('consolidation:start', { checkpoint, out: '/tmp/nobody-chose-this', choices });
    return started.ok ? 'started' : started.problem.what;
  });
  expect(what).toBe('Nobody chose this output folder.');
});
