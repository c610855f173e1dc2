import { readFileSync } from 'node:fs';
import { expect } from '@playwright/test';
import { artifact, test } from './app-under-test.ts';

const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };

test('opens one window that says what the app is and how to use it', async ({ shardloom: { app, page, problems } }) => {
  await expect(page.getByRole('heading', { name: 'Shardloom', level: 1 })).toBeVisible();
  await expect(page.getByText('shardloom consolidate FOLDER OUT')).toBeVisible();
  await expect(page.getByText(`Version ${version}`)).toBeVisible();
  expect(app.windows()).toHaveLength(1);
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme });
    await page.screenshot({ path: artifact(`start-${colorScheme}.png`) });
  }
  expect(problems).toEqual([]);
});

test('gives pages no Node and nothing of Electron but the bridge', async ({ shardloom: { page } }) => {
  const reachable = await page.evaluate(() =>
    ['require', 'process', 'module', 'Buffer', 'global', '__dirname'].filter((name) => name in globalThis),
  );
  expect(reachable).toEqual([]);
  expect(await page.evaluate(() => Object.keys(window.shardloom))).toEqual(['version']);
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
