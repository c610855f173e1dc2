import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { chromium, expect, test, type Page } from '@playwright/test';

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  return port;
}

/** What `npm start` shows: the page from the development server, in the runtime as it was installed. */
async function startedPage(port: number): Promise<Page> {
  let page: Page | undefined;
  await expect(async () => {
    const browser = await chromium.connectOverCDP(`http://127.0.0.1:${String(port)}`, { timeout: 2_000 });
    page = browser
      .contexts()
      .flatMap((context) => context.pages())
      .find((candidate) => candidate.url().startsWith('http'));
    expect(page).toBeDefined();
  }).toPass({ timeout: 90_000, intervals: [500] });
  return page!;
}

test('npm start: the development build opens the sample', async () => {
  test.setTimeout(150_000);
  test.skip(process.platform === 'win32', 'a process group is ended as POSIX systems do it');
  const port = await freePort();
  const child = spawn('npm', ['start', '--', '--', `--remote-debugging-port=${String(port)}`], {
    detached: true,
    stdio: 'ignore',
  });
  try {
    const page = await startedPage(port);
    const problems: string[] = [];
    page.on('pageerror', (error) => problems.push(error.message));
    page.on('console', (message) => {
      if (message.type() === 'error') problems.push(message.text());
    });
    await page.getByRole('button', { name: 'Try a sample' }).click();
    await expect(page.getByText('All 8 ranks are whole and fit together.')).toBeVisible();
    expect(problems).toEqual([]);
  } finally {
    process.kill(-child.pid!, 'SIGTERM');
    await once(child, 'exit');
  }
});
