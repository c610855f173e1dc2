import { join } from 'node:path';
import { app, BrowserWindow, screen } from 'electron';
import type { StateFile, WindowBounds } from './stored-state.ts';

const DEFAULT_SIZE = { width: 1280, height: 800 };

/** The window, where it was when it was last closed, if that is still on a display. */
export function createWindow(state: StateFile): BrowserWindow {
  const remembered = onADisplay(state.state.window);
  const window = new BrowserWindow({
    ...DEFAULT_SIZE,
    ...(remembered && { width: remembered.width, height: remembered.height }),
    ...(remembered?.x !== undefined && remembered.y !== undefined && { x: remembered.x, y: remembered.y }),
    minWidth: 720,
    minHeight: 480,
    title: 'Shardloom',
    show: false,
    ...(process.platform === 'linux' && { icon: iconFile() }),
    // The menu is there with Alt; its place belongs to the content.
    autoHideMenuBar: true,
    webPreferences: {
      preload: join(import.meta.dirname, 'preload.cjs'),
      sandbox: true,
      contextIsolation: true,
      nodeIntegration: false,
      webviewTag: false,
      spellcheck: false,
      // Nobody has to look at a page from inside in what is shipped, and text that somebody is told to paste there runs.
      devTools: !app.isPackaged,
      // Files are chosen with dialogs that the main process shows. A page shows none by itself.
      disableBlinkFeatures: 'FileSystemAccessLocal',
    },
  });
  if (remembered?.maximized) window.maximize();
  window.on('close', () => {
    const { x, y, width, height } = window.getNormalBounds();
    state.change({ window: { x, y, width, height, maximized: window.isMaximized() } });
  });
  // Shown when there is something to see: no white flash on a dark desktop.
  window.once('ready-to-show', () => {
    window.show();
  });
  return window;
}

/** Bounds of which enough to take hold of is on one of the displays there are now. */
function onADisplay(bounds: WindowBounds | null): WindowBounds | null {
  if (bounds?.x === undefined || bounds.y === undefined) return bounds;
  const { x, y, width } = bounds;
  const visible = screen.getAllDisplays().some(({ workArea: area }) => {
    const across = Math.min(x + width, area.x + area.width) - Math.max(x, area.x);
    return across > 100 && y >= area.y && y < area.y + area.height - 50;
  });
  return visible ? bounds : { width: bounds.width, height: bounds.height, maximized: bounds.maximized };
}

/** On Linux the window brings its icon; elsewhere the executable has it. */
function iconFile(): string {
  return app.isPackaged ? join(process.resourcesPath, 'icon.png') : join(app.getAppPath(), 'build', 'icon.png');
}
