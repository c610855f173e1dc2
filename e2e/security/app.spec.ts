/** Electron's security checklist, points 13 to 20: what a page can bring the app to do. The rest is in page.spec.ts. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect } from '@playwright/test';
import { FuseV1Options, getCurrentFuseWire } from '@electron/fuses';
import { temporaryFolder } from '../checkpoints.ts';
import { packagedExecutable } from '../launch.ts';
import { spawnApp } from '../spawned.ts';
import { opensTheSample, runInPage, settle, test, windowUrls } from './attacker.ts';

test('13. Disable or limit navigation', async ({ shardloom: { app, page }, attacker }) => {
  await app.evaluate(({ BrowserWindow }) => {
    const attempted: string[] = [];
    Object.assign(globalThis, { attempted });
    BrowserWindow.getAllWindows()[0]!.webContents.on('will-frame-navigate', ({ url, defaultPrevented }) => {
      attempted.push(`${defaultPrevented ? 'refused' : 'let'} ${url.split(/[?,]/)[0]!}`);
    });
  });
  const http = `http://${attacker.host}`;
  const link = (href: string, target: string): string =>
    `const a = document.createElement('a'); a.href = '${href}'; a.target = '${target}'; document.body.append(a); a.click();`;
  const scripts = [
    `location.href = '${http}/href';`,
    `location.replace('${http}/replace');`,
    link(`${http}/link`, '_top'),
    `window.open('${http}/self', '_self');`,
    `location.href = 'file:///etc/hostname';`,
    `location.href = 'app://shardloom/index.html';`,
    `location.href = 'app://shardloom.example/';`,
    `location.href = URL.createObjectURL(new Blob(['<p>left</p>'], { type: 'text/html' }));`,
    `location.href = 'data:text/html,left';`,
    `document.head.insertAdjacentHTML('beforeend', '<meta http-equiv="refresh" content="0;url=${http}/refresh">');`,
    `const f = document.createElement('form'); f.action = '${http}/form'; f.method = 'post'; document.body.append(f); f.submit();`,
    `history.pushState(null, '', '${http}/history');`,
  ];
  for (const script of scripts) {
    await runInPage(app, script);
    await settle();
    expect(await windowUrls(app), script).toEqual(['app://shardloom/']);
  }
  const attempted = await app.evaluate(() => (globalThis as unknown as { attempted: string[] }).attempted);
  expect(attempted.filter((attempt) => !attempt.startsWith('refused'))).toEqual([]);
  for (const name of ['href', 'replace', 'link', 'self']) expect(attempted).toContain(`refused ${http}/${name}`);
  expect(attacker.heard()).toBe(0);
  expect(await opensTheSample(page)).toBe('Sample checkpoint');
});

test('14. Disable or limit creation of new windows', async ({ shardloom: { app, page }, attacker }) => {
  const http = `http://${attacker.host}/`;
  for (const url of [http, 'about:blank', 'app://shardloom/', 'data:text/html,x', 'file:///etc/hostname', '']) {
    await runInPage(
      app,
      `window.opened = window.open('${url}', '_blank', 'nodeIntegration=1,webPreferences=sandbox=no');`,
    );
    await settle();
    expect(await page.evaluate(() => (window as unknown as { opened: unknown }).opened), url).toBeNull();
  }
  for (const click of ["target: '_blank'", "target: 'named'", "target: '_blank', rel: 'opener'"]) {
    await runInPage(app, `Object.assign(document.createElement('a'), { href: '${http}', ${click} }).click();`);
  }
  await settle();
  expect(await windowUrls(app)).toEqual([page.url()]);
  expect(attacker.heard()).toBe(0);
});

test('15. Do not use shell.openExternal with untrusted content', async ({ shardloom: { app, page } }) => {
  await app.evaluate(({ shell }) => {
    const handedOver: string[] = [];
    Object.assign(globalThis, { handedOver });
    for (const name of ['openExternal', 'openPath', 'showItemInFolder', 'trashItem'] as const) {
      Object.assign(shell, { [name]: (what: string) => handedOver.push(`${name} ${what}`) });
    }
  });
  for (const url of [
    'mailto:a@example.com',
    'https://example.com',
    'vscode://file/etc',
    'ms-settings:',
    'smb://host/a',
  ]) {
    await runInPage(app, `location.href = '${url}';`);
    await runInPage(app, `window.open('${url}');`);
    await runInPage(app, `Object.assign(document.createElement('a'), { href: '${url}', target: '_blank' }).click();`);
  }
  await settle();
  expect(await app.evaluate(() => (globalThis as unknown as { handedOver: string[] }).handedOver)).toEqual([]);
  expect(await windowUrls(app)).toEqual([page.url()]);
});

test('16. Use a current version of Electron', async ({ shardloom: { app } }, info) => {
  const ran = await app.evaluate(() => process.versions.electron);
  const { devDependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as {
    devDependencies: { electron: string };
  };
  const fallback = process.env.SHARDLOOM_FALLBACK_VERSION;
  // What is packaged for users is package.json's. Where that cannot be had, what ran is another one: said, not hidden.
  const said =
    fallback === undefined
      ? `Electron ${ran} was packaged and ran, as package.json says.`
      : `Electron ${ran} ran, the fallback for machines without GitHub. Users get ${devDependencies.electron}.`;
  info.annotations.push({ type: 'Electron', description: said });
  console.log(said);
  expect(ran).toBe(fallback ?? devDependencies.electron);
  // The oldest line that the Electron project still mended when this number was last looked at.
  expect(Number(devDependencies.electron.split('.')[0])).toBeGreaterThanOrEqual(43);
});

test('17. Validate the sender of all IPC messages', async ({ shardloom: { app } }) => {
  // Other pages with the same preload script, as a hole in the app's own would make them.
  const answers = await app.evaluate(async ({ BrowserWindow, app: electron, ipcMain }) => {
    const { _invokeHandlers: handlers } = ipcMain as unknown as { readonly _invokeHandlers: Map<string, unknown> };
    const channels = [...handlers.keys()];
    const preload = `${electron.getAppPath()}/.vite/build/preload.cjs`;
    const found: { readonly url: string; readonly channel: string; readonly answer: unknown }[] = [];
    for (const url of ['data:text/html,<title>foreign</title>', 'app://shardloom.example/', 'app://other/']) {
      const window = new BrowserWindow({ show: false, webPreferences: { preload } });
      await window.loadURL(url).catch(() => undefined);
      for (const channel of channels) {
        const script = `(async () => window.shardloom.request(${JSON.stringify(channel)}))().catch(String)`;
        found.push({ url, channel, answer: await window.webContents.executeJavaScript(script) });
      }
      window.destroy();
    }
    return { found, channels, listeners: ipcMain.eventNames() };
  });
  // Electron's own, against a listener that throws.
  expect(answers.listeners).toEqual(['error']);
  expect(answers.channels.length).toBeGreaterThan(40);
  for (const { url, channel, answer } of answers.found) {
    const refused =
      channel === 'checkpoint:open-dropped'
        ? expect.stringContaining('There is no request')
        : { ok: false, problem: { tag: 'usage', what: 'This request did not come from the app’s own page.' } };
    expect(answer, `${url} ${channel}`).toEqual(refused);
  }
});

test('18. Avoid usage of the file:// protocol and prefer usage of custom protocols', async ({
  shardloom: { app, page },
}) => {
  const statuses = await page.evaluate(async () => {
    const paths = ['/index.html', '/missing.html', '/..%2f..%2fbuild/main.js', '/%2e%2e/%2e%2e/build/main.js', '/%ff'];
    const more = ['//etc/hostname', '/%00', '/assets', '/assets/..%5c..%5cmain.js', '/file:///etc/hostname'];
    return Promise.all([...paths, ...more].map(async (path) => (await fetch(location.origin + path)).status));
  });
  expect(statuses).toEqual([200, ...Array<number>(9).fill(404)]);
  const posted = await page.evaluate(async () => (await fetch('/index.html', { method: 'POST' })).status);
  expect(posted).toBe(404);
  // Even a page without a policy, in a window that nobody guards, gets no file.
  const failed = await app.evaluate(async ({ BrowserWindow }) => {
    const window = new BrowserWindow({ show: false });
    const reason = await window
      .loadURL('file:///etc/hostname')
      .catch((error: unknown) => (error as { code: string }).code);
    window.destroy();
    return reason;
  });
  expect(failed).toBe('ERR_BLOCKED_BY_CLIENT');
});

test('19. Check which fuses you can change', async ({ shardloom: { app } }) => {
  const wire = await getCurrentFuseWire(packagedExecutable());
  const isOn = (fuse: FuseV1Options): boolean => String(wire[fuse]) === String('1'.charCodeAt(0));
  expect({
    runAsNode: isOn(FuseV1Options.RunAsNode),
    cookieEncryption: isOn(FuseV1Options.EnableCookieEncryption),
    nodeOptions: isOn(FuseV1Options.EnableNodeOptionsEnvironmentVariable),
    // Playwright drives the app through it. forge.config.ts has it off in whatever is not packaged for tests.
    inspect: isOn(FuseV1Options.EnableNodeCliInspectArguments),
    asarIntegrity: isOn(FuseV1Options.EnableEmbeddedAsarIntegrityValidation),
    onlyAsar: isOn(FuseV1Options.OnlyLoadAppFromAsar),
    snapshot: isOn(FuseV1Options.LoadBrowserProcessSpecificV8Snapshot),
    fileProtocol: isOn(FuseV1Options.GrantFileProtocolExtraPrivileges),
  }).toEqual({
    runAsNode: false,
    cookieEncryption: false,
    nodeOptions: false,
    inspect: true,
    asarIntegrity: true,
    onlyAsar: true,
    snapshot: false,
    fileProtocol: false,
  });
  expect(await app.evaluate(({ app: electron }) => electron.getAppPath())).toMatch(/app\.asar$/);
});

test('19. Check which fuses you can change: nothing but the app itself runs in its name', async () => {
  test.skip(process.platform !== 'linux', 'whether it has started is read from /proc');
  const work = temporaryFolder();
  const write = (by: string): string => `require('node:fs').writeFileSync(${JSON.stringify(join(work, by))}, '');`;
  const required = join(work, 'required.cjs');
  writeFileSync(required, write('ran by NODE_OPTIONS'));
  const planted = join(dirname(packagedExecutable()), 'resources', 'app');
  mkdirSync(planted);
  try {
    writeFileSync(join(planted, 'package.json'), JSON.stringify({ name: 'planted', main: 'main.cjs' }));
    writeFileSync(join(planted, 'main.cjs'), write('ran beside the archive'));
    const env = { ELECTRON_RUN_AS_NODE: '1', NODE_OPTIONS: `--require=${required}` };
    const spawned = await spawnApp({ args: ['-e', write('ran as Node')], env });
    await settle();
    await spawned.close();
  } finally {
    rmSync(planted, { recursive: true });
  }
  expect(readdirSync(work)).toEqual(['required.cjs']);
});

test('20. Do not expose Electron APIs to untrusted web content', async ({ shardloom: { page } }) => {
  const exposed = await page.evaluate(async () => {
    const { shardloom } = window;
    const attempt = (run: () => unknown): string => {
      try {
        return String(run());
      } catch (error) {
        return (error as Error).message;
      }
    };
    const on = shardloom.on as unknown as (channel: string, listener: (...args: unknown[]) => void) => () => void;
    const heard = new Promise<unknown[]>((resolve) => {
      on('settings:changed', (...args) => resolve(args));
    });
    await shardloom.request('app:change-settings', { theme: 'dark' });
    return {
      names: Object.keys(shardloom),
      kinds: Object.values(shardloom).map((value) => typeof value),
      heard: await heard,
      events: ['ipc-message', '__proto__', 'constructor', 'ELECTRON_BROWSER_REQUIRE'].map((name) =>
        attempt(() => on(name, () => undefined)),
      ),
      replaced: attempt(() => {
        Object.assign(shardloom, { request: () => 'replaced' });
        return shardloom.request('job:list');
      }),
      // A file that a page made up has no path, whatever it says its name is.
      dropped: await shardloom.openDropped(new File(['x'], '/etc/hostname')),
    };
  });
  expect(exposed).toEqual({
    names: ['version', 'request', 'on', 'openDropped'],
    kinds: ['string', 'function', 'function', 'function'],
    // What changed, and no event with its sender.
    heard: [{ theme: 'dark' }],
    events: ['ipc-message', '__proto__', 'constructor', 'ELECTRON_BROWSER_REQUIRE'].map(
      (name) => `There is no event ${name}.`,
    ),
    replaced: expect.stringContaining('read only'),
    dropped: { ok: false, problem: expect.objectContaining({ tag: 'usage' }) },
  });
});
