import { join } from 'node:path';
import { app, type BrowserWindow } from 'electron';
import { App } from './app.ts';
import { folderFromArguments } from './arguments.ts';
import { denyEverythingElse, findNoHosts } from './guards.ts';
import { log, startLog } from './log.ts';
import { APP_ORIGIN, registerAppScheme, serveApp } from './protocol.ts';

/** Set by the build: where the pages come from while developing, and the folder they are built into. */
declare const MAIN_WINDOW_VITE_DEV_SERVER_URL: string | undefined;
declare const MAIN_WINDOW_VITE_NAME: string;

const pages = MAIN_WINDOW_VITE_DEV_SERVER_URL ?? APP_ORIGIN;

async function load(window: BrowserWindow, url: string): Promise<void> {
  try {
    await window.loadURL(url);
  } catch (error) {
    // A reload or a close that comes before the first load has ended. The window goes on with that.
    if ((error as { code?: unknown }).code !== 'ERR_ABORTED' && !window.isDestroyed()) throw error;
  }
}

async function start(): Promise<void> {
  registerAppScheme();
  // While developing the pages come from a server.
  if (pages === APP_ORIGIN) findNoHosts();
  const folder = folderFromArguments(process.argv, process.cwd(), app.isPackaged);
  if (!app.requestSingleInstanceLock({ folder })) {
    app.quit();
    return;
  }
  // After the lock: one app writes into one log.
  startLog(app.getPath('userData'));
  const { electron, chrome, node } = process.versions;
  const system = `${process.platform} ${process.getSystemVersion()} ${process.arch}`;
  log.info('started', { version: app.getVersion(), electron, chrome, node, system });
  // macOS gives a folder that was dropped on the icon before the app is ready.
  let early = folder;
  app.on('open-file', (event, file) => {
    event.preventDefault();
    early = file;
  });
  app.on('window-all-closed', () => {
    app.quit();
  });
  await app.whenReady();
  denyEverythingElse(pages);
  serveApp(join(import.meta.dirname, '..', 'renderer', MAIN_WINDOW_VITE_NAME));
  const shardloom = new App(pages);
  app.on('second-instance', (_event, _argv, _directory, data) => {
    shardloom.focus();
    const { folder: other } = data as { readonly folder: string | null };
    if (other !== null) void shardloom.openFromOutside(other);
  });
  app.removeAllListeners('open-file');
  app.on('open-file', (event, file) => {
    event.preventDefault();
    void shardloom.openFromOutside(file);
  });
  if (early !== null) void shardloom.openFromOutside(early);
  await load(shardloom.window, `${pages}/`);
}

// Electron goes on without a window when its main script throws. Nobody could see or end such an app.
start().catch((error: unknown) => {
  log.error('Shardloom could not start.', error);
  app.exit(1);
});
