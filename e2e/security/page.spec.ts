/** Electron's security checklist, points 1 to 12: what a page is. The rest is in app.spec.ts. */
import { expect } from '@playwright/test';
import { isRoot } from '../launch.ts';
import { nobodyMayRunIt, spawnApp } from '../spawned.ts';
import { effectivePreferences, opensTheSample, runInPage, settle, test, windowUrls } from './attacker.ts';

test('1. Only load secure content', async ({ shardloom: { app, page } }) => {
  await app.evaluate(({ session }) => {
    const loaded: string[] = [];
    Object.assign(globalThis, { loaded });
    session.defaultSession.webRequest.onCompleted(({ url }) => {
      loaded.push(url);
    });
  });
  await page.reload();
  await page.getByRole('button', { name: 'Try a sample' }).click();
  await expect(page.getByText('All 8 ranks are whole and fit together.')).toBeVisible();
  const loaded = await app.evaluate(() => (globalThis as unknown as { loaded: string[] }).loaded);
  expect(loaded.length).toBeGreaterThan(2);
  expect(loaded.filter((url) => !url.startsWith('app://shardloom/'))).toEqual([]);
  expect(await page.evaluate(() => isSecureContext)).toBe(true);
});

test('2. Do not enable Node.js integration for remote content', async ({ shardloom: { app, page } }) => {
  const { nodeIntegration, nodeIntegrationInWorker, nodeIntegrationInSubFrames } = await effectivePreferences(app);
  // Electron leaves out the one for workers where it is off.
  expect([nodeIntegration, nodeIntegrationInWorker ?? false, nodeIntegrationInSubFrames]).toEqual([
    false,
    false,
    false,
  ]);
  const reachable = await page.evaluate(() => {
    const names = ['require', 'process', 'module', 'Buffer', 'global', '__dirname', 'electron', 'ipcRenderer'];
    const frame = document.createElement('iframe');
    frame.srcdoc = '<p>inside</p>';
    document.body.append(frame);
    const inside = frame.contentWindow as unknown as object;
    return [...names.filter((name) => name in globalThis), ...[...names, 'shardloom'].filter((name) => name in inside)];
  });
  expect(reachable).toEqual([]);
});

test('3. Enable context isolation', async ({ shardloom: { app, page } }) => {
  expect((await effectivePreferences(app)).contextIsolation).toBe(true);
  // A page that lies about the language itself sees nothing that the preload script works with, and does not disturb it.
  const seen = await page.evaluate(async () => {
    const caught: string[] = [];
    const { apply } = Reflect;
    const spy = (owner: object, name: string): void => {
      const original = (owner as Record<string, (...args: unknown[]) => unknown>)[name]!;
      (owner as Record<string, unknown>)[name] = function spied(this: unknown, ...args: unknown[]): unknown {
        for (const value of [this, ...args]) {
          if (typeof value === 'object' && value !== null && 'invoke' in value) caught.push(name);
        }
        return apply(original, this, args);
      };
    };
    spy(Function.prototype, 'call');
    spy(Function.prototype, 'bind');
    spy(Array.prototype, 'push');
    Object.hasOwn = () => true;
    let unknown = 'reached the main process';
    try {
      const request = window.shardloom.request as (channel: string) => Promise<unknown>;
      await request('checkpoint:open-dropped');
    } catch (error) {
      unknown = String(error);
    }
    return { caught, unknown };
  });
  expect(seen).toEqual({ caught: [], unknown: expect.stringContaining('There is no request checkpoint:open-dropped') });
});

test('4. Enable process sandboxing', async ({ shardloom: { app } }) => {
  expect((await effectivePreferences(app)).sandbox).toBe(true);
  test.skip(process.platform !== 'linux', 'what the system does with the process is read from /proc');
  test.skip(isRoot && !nobodyMayRunIt(), 'as root Chromium has no sandbox, and nobody else may enter this folder');
  // As root the tests drive an app without a sandbox. Here it runs as users run it, and says what keeps its page in.
  const spawned = await spawnApp({ sandbox: true });
  try {
    const [renderer] = spawned.processes('renderer');
    expect(renderer?.commandLine).not.toContain('--no-sandbox');
    // System calls are filtered, and it sees no other processes: its own namespace below the user's.
    await expect.poll(() => spawned.processes('renderer')[0]?.status).toMatch(/^Seccomp:\s*2$/m);
    expect(spawned.processes('renderer')[0]?.status).toMatch(/^NSpid:\s*\d+\s+\d+/m);
    expect(spawned.processes('renderer')[0]?.status).toMatch(/^NoNewPrivs:\s*1$/m);
    expect(spawned.processes('renderer')[0]?.status).toMatch(/^CapEff:\s*0+$/m);
  } finally {
    await spawned.close();
  }
});

test('5. Handle session permission requests from remote content', async ({ shardloom: { app, page } }) => {
  const answers = await page.evaluate(async () => {
    const names = ['camera', 'microphone', 'geolocation', 'notifications', 'midi', 'clipboard-read', 'idle-detection'];
    const states = names.map(async (name) => {
      const { state } = await navigator.permissions.query({ name: name as PermissionName });
      return [name, state] as const;
    });
    // What a page cannot call because it is not there is refused as well.
    type Devices = Record<string, { readonly requestDevice: (options: object) => Promise<unknown> }>;
    const { usb, hid, bluetooth } = navigator as unknown as Devices;
    const { serial } = navigator as unknown as Record<string, { readonly requestPort: () => Promise<unknown> }>;
    const { showOpenFilePicker } = window as unknown as Record<string, () => Promise<unknown>>;
    const attempts: Record<string, () => Promise<unknown>> = {
      video: () => navigator.mediaDevices.getUserMedia({ video: true }),
      screen: () => navigator.mediaDevices.getDisplayMedia({ video: true }),
      place: () => new Promise((done, failed) => navigator.geolocation.getCurrentPosition(done, failed)),
      clipboard: () => navigator.clipboard.readText(),
      midi: () => navigator.requestMIDIAccess({ sysex: true }),
      usb: async () => usb!.requestDevice({ filters: [] }),
      hid: async () =>
        ((await hid!.requestDevice({ filters: [] })) as unknown[])[0] ?? Promise.reject(new Error('none')),
      serial: async () => serial!.requestPort(),
      bluetooth: async () => bluetooth!.requestDevice({ acceptAllDevices: true }),
      files: async () => showOpenFilePicker!(),
    };
    const outcomes = Object.entries(attempts).map(async ([name, attempt]) => {
      const patience = new Promise<string>((resolve) => setTimeout(() => resolve('no answer'), 3000));
      const outcome = Promise.resolve()
        .then(attempt)
        .then(
          () => 'granted',
          () => 'denied',
        );
      return [`${name} itself`, await Promise.race([outcome, patience])] as const;
    });
    return [...(await Promise.all([...states, ...outcomes])), ['asked', await Notification.requestPermission()]];
  });
  expect(answers.filter(([, answer]) => answer !== 'denied')).toEqual([]);
  // Full screen needs a gesture; a page that has one may still not cover the desktop with a picture of another app.
  await runInPage(
    app,
    'document.documentElement.requestFullscreen().catch(() => {}); document.body.requestPointerLock();',
  );
  await settle();
  expect(await page.evaluate(() => [document.fullscreenElement, document.pointerLockElement])).toEqual([null, null]);
});

test('6. Do not disable webSecurity', async ({ shardloom: { app, page }, attacker }) => {
  expect((await effectivePreferences(app)).webSecurity).toBe(true);
  const read = await page.evaluate(
    (urls) => Promise.allSettled(urls.map(async (url) => (await fetch(url)).text())),
    [`http://${attacker.host}/`, 'file:///etc/hostname', 'app://other/', 'data:text/plain,read'],
  );
  expect(read.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected', 'rejected']);
  expect(attacker.heard()).toBe(0);
});

test('7. Define a Content Security Policy', async ({ shardloom: { app, page } }) => {
  const policies = await page.evaluate(async () => {
    const paths = ['/', '/index.html', '/missing', ...[...document.scripts].map(({ src }) => src)];
    return Promise.all(paths.map(async (path) => (await fetch(path)).headers.get('Content-Security-Policy')));
  });
  for (const policy of policies) {
    expect(policy).toContain("default-src 'none'; script-src 'self';");
    expect(policy).not.toMatch(/unsafe|https?:|\*/);
  }
  const nonces = policies.map((policy) => /'nonce-([^']+)'/.exec(policy ?? '')?.[1]).filter(Boolean);
  expect(new Set(nonces).size).toBe(nonces.length);
  await runInPage(
    app,
    `window.ran = []; window.violated = [];
    document.addEventListener('securitypolicyviolation', (event) => violated.push(event.effectiveDirective));
    const attempt = (run) => { try { run(); } catch {} };
    attempt(() => { eval('ran.push("eval")'); });
    attempt(() => { new Function('ran.push("Function")')(); });
    attempt(() => { setTimeout('ran.push("timer")', 0); });
    attempt(() => { const script = document.createElement('script'); script.textContent = 'ran.push("inline")'; document.body.append(script); });
    attempt(() => { document.body.insertAdjacentHTML('beforeend', '<img src="data:,x" onerror="ran.push(1)"><svg onload="ran.push(2)"></svg>'); });
    attempt(() => { const link = document.createElement('a'); link.href = 'javascript:ran.push("link")'; document.body.append(link); link.click(); });
    attempt(() => { import('data:text/javascript,ran.push("module")').catch(() => {}); });
    attempt(() => { new Worker('data:text/javascript,0'); });
    attempt(() => { document.head.append(Object.assign(document.createElement('base'), { href: 'https://example.com/' })); });
    attempt(() => { document.body.append(Object.assign(document.createElement('object'), { data: 'data:text/html,x' })); });
    attempt(() => { document.body.append(Object.assign(document.createElement('style'), { textContent: 'body { opacity: 0.5 }' })); });`,
  );
  await settle();
  const { ran, violated, base, opacity } = await page.evaluate(() => ({
    ...(window as unknown as { ran: string[]; violated: string[] }),
    base: document.baseURI,
    opacity: getComputedStyle(document.body).opacity,
  }));
  expect({ ran, base, opacity }).toEqual({ ran: [], base: 'app://shardloom/', opacity: '1' });
  expect([...new Set(violated)].sort()).toEqual([
    'base-uri',
    'object-src',
    'script-src',
    'script-src-attr',
    'script-src-elem',
    'style-src-elem',
    'worker-src',
  ]);
});

test('8. Do not enable allowRunningInsecureContent', async ({ shardloom: { app, page }, attacker }) => {
  expect((await effectivePreferences(app)).allowRunningInsecureContent).toBe(false);
  await page.evaluate((src) => {
    for (const name of ['script', 'iframe', 'embed'])
      document.body.append(Object.assign(document.createElement(name), { src }));
  }, `http://${attacker.host}/`);
  await settle();
  expect(attacker.heard()).toBe(0);
});

test('9. Do not enable experimental features', async ({ shardloom: { app } }) => {
  expect((await effectivePreferences(app)).experimentalFeatures).toBe(false);
  const switched = await app.evaluate(({ app: electron }) =>
    ['enable-experimental-web-platform-features', 'enable-blink-test-features', 'js-flags'].filter((name) =>
      electron.commandLine.hasSwitch(name),
    ),
  );
  expect(switched).toEqual([]);
});

test('10. Do not use enableBlinkFeatures', async ({ shardloom: { app } }) => {
  expect((await effectivePreferences(app)).enableBlinkFeatures ?? '').toBe('');
  expect(await app.evaluate(({ app: electron }) => electron.commandLine.getSwitchValue('enable-blink-features'))).toBe(
    '',
  );
});

test('11. Do not use allowpopups for WebViews', async ({ shardloom: { app, page } }) => {
  expect((await effectivePreferences(app)).webviewTag).toBe(false);
  const made = await page.evaluate(() => {
    document.body.insertAdjacentHTML(
      'beforeend',
      '<webview src="data:text/html,x" allowpopups nodeintegration></webview>',
    );
    return 'loadURL' in document.querySelector('webview')!;
  });
  await settle();
  expect(made).toBe(false);
  expect(await windowUrls(app)).toEqual([page.url()]);
});

test('12. Verify WebView options before creation', async ({ shardloom: { app, page } }) => {
  // A window as a careless change might make it. Its guests are refused whatever they ask for.
  const found = await app.evaluate(async ({ BrowserWindow, webContents }) => {
    const window = new BrowserWindow({ show: false, webPreferences: { webviewTag: true } });
    const attached: boolean[] = [];
    window.webContents.on('will-attach-webview', (event) => attached.push(event.defaultPrevented));
    await window.loadURL('data:text/html,<webview src="data:text/html,guest" nodeintegration allowpopups></webview>');
    await new Promise((resolve) => setTimeout(resolve, 700));
    const guests = webContents.getAllWebContents().filter((contents) => contents.getType() === 'webview');
    window.destroy();
    return { attached, guests: guests.map((contents) => contents.getURL()) };
  });
  expect(found).toEqual({ attached: [true], guests: [] });
  expect(await opensTheSample(page)).toBe('Sample checkpoint');
});
