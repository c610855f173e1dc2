import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { extname, resolve, sep } from 'node:path';
import { protocol } from 'electron';

const SCHEME = 'app';
const HOST = 'shardloom';

/** Where the pages of the app live. A scheme of its own has an origin, which file: has not, and so a strict policy works. */
export const APP_ORIGIN = `${SCHEME}://${HOST}`;

/** Stands in index.html where the nonce of a load goes. */
const NONCE_PLACE = '__CSP_NONCE__';

/**
 * Pages get code, styles, fonts and pictures from the app alone, and reach nothing else. The component kit writes style
 * elements: those with the nonce of this load are let through.
 */
const contentSecurityPolicy = (nonce: string): string =>
  [
    "default-src 'none'",
    "script-src 'self'",
    `style-src 'self' 'nonce-${nonce}'`,
    "img-src 'self' data:",
    "font-src 'self'",
    "connect-src 'self'",
    "worker-src 'none'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');

const CONTENT_TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
};

/** Must run before the app is ready. */
export function registerAppScheme(): void {
  const privileges = { standard: true, secure: true, supportFetchAPI: true };
  protocol.registerSchemesAsPrivileged([{ scheme: SCHEME, privileges }]);
}

/** Serves the files of one folder, and nothing outside it, under APP_ORIGIN. */
export function serveApp(folder: string): void {
  const root = resolve(folder);
  protocol.handle(SCHEME, async (request) => {
    const file = fileFor(root, request.url);
    const type = file === null ? undefined : CONTENT_TYPES[extname(file)];
    if (request.method !== 'GET' || file === null || type === undefined) return answer('Not found', 404, 'text/plain');
    try {
      const content = await readFile(file);
      const nonce = randomBytes(16).toString('base64');
      return file.endsWith('.html')
        ? answer(content.toString('utf8').replaceAll(NONCE_PLACE, nonce), 200, type, nonce)
        : answer(content, 200, type, nonce);
    } catch {
      return answer('Not found', 404, 'text/plain');
    }
  });
}

function fileFor(root: string, url: string): string | null {
  const { host, pathname } = new URL(url);
  if (host !== HOST) return null;
  try {
    const file = resolve(root, `.${decodeURIComponent(pathname === '/' ? '/index.html' : pathname)}`);
    return file.startsWith(root + sep) ? file : null;
  } catch {
    // A path that does not decode names no file.
    return null;
  }
}

function answer(body: string | Uint8Array<ArrayBuffer>, status: number, type: string, nonce = ''): Response {
  const headers = {
    'Content-Type': type,
    'Content-Security-Policy': contentSecurityPolicy(nonce),
    'X-Content-Type-Options': 'nosniff',
    'X-DNS-Prefetch-Control': 'off',
    'Cache-Control': 'no-store',
  };
  return new Response(body, { status, headers });
}
