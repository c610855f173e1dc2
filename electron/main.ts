import { join } from 'node:path';
import { app, BrowserWindow, Menu } from 'electron';
import { denyEverythingElse } from './guards.ts';
import { APP_ORIGIN, registerAppScheme, serveApp } from './protocol.ts';

/** Set by the build: where the pages come from while developing, and the folder they are built into. */
declare const MAIN_WINDOW_VITE_DEV_SERVER_URL: string | undefined;
declare const MAIN_WINDOW_VITE_NAME: string;

const pages = MAIN_WINDOW_VITE_DEV_SERVER_URL ?? APP_ORIGIN;

function openWindow(): BrowserWindow {
  const window = new BrowserWindow({
    width: 1280,
    height: 800,
    minWidth: 720,
    minHeight: 480,
    title: 'Shardloom',
    show: false,
    webPreferences: {
      preload: join(import.meta.dirname, 'preload.cjs'),
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      webviewTag: false,
      spellcheck: false,
    },
  });
  // Shown when there is something to see: no white flash on a dark desktop.
  window.once('ready-to-show', () => {
    window.show();
  });
  return window;
}

async function load(window: BrowserWindow, url: string): Promise<void> {
  try {
    await window.loadURL(url);
  } catch (error) {
    // A reload or a close that comes before the first load has ended. The window goes on with that.
    if ((error as { code?: unknown }).code !== 'ERR_ABORTED' && !window.isDestroyed()) throw error;
  }
}

function focusTheWindow(): void {
  const [window] = BrowserWindow.getAllWindows();
  if (window === undefined) return;
  if (window.isMinimized()) window.restore();
  window.focus();
}

async function start(): Promise<void> {
  registerAppScheme();
  if (!app.requestSingleInstanceLock()) {
    app.quit();
    return;
  }
  app.on('second-instance', focusTheWindow);
  app.on('window-all-closed', () => {
    app.quit();
  });
  await app.whenReady();
  denyEverythingElse(pages);
  serveApp(join(import.meta.dirname, '..', 'renderer', MAIN_WINDOW_VITE_NAME));
  if (process.platform !== 'darwin') Menu.setApplicationMenu(null);
  await load(openWindow(), `${pages}/`);
}

// Electron goes on without a window when its main script throws. Nobody could see or end such an app.
start().catch((error: unknown) => {
  console.error('Shardloom could not start.', error);
  app.exit(1);
});
