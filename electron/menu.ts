import { Menu, type MenuItemConstructorOptions } from 'electron';
import type { MenuCommand, RecentCheckpoint, Settings } from './channels.ts';

/** What the menu asks of the main process. */
export interface MenuActions {
  readonly command: (command: MenuCommand) => void;
  readonly openRecent: (folder: string) => void;
  readonly theme: (theme: Settings['theme']) => void;
}

/** The native menu, built anew when the recent list or the theme changes. */
export function setMenu(recents: readonly RecentCheckpoint[], { theme }: Settings, actions: MenuActions): void {
  const mac: MenuItemConstructorOptions[] = process.platform === 'darwin' ? [{ role: 'appMenu' }] : [];
  const template = [...mac, fileMenu(recents, actions), { role: 'editMenu' as const }, viewMenu(theme, actions)];
  Menu.setApplicationMenu(Menu.buildFromTemplate([...template, { role: 'windowMenu' }, helpMenu(actions)]));
}

function fileMenu(
  recents: readonly RecentCheckpoint[],
  { command, openRecent }: MenuActions,
): MenuItemConstructorOptions {
  const items = recents.map(({ folder, name }) => ({ label: name, toolTip: folder, click: () => openRecent(folder) }));
  return {
    label: '&File',
    submenu: [
      { label: 'Open Checkpoint…', accelerator: 'CmdOrCtrl+O', click: () => command('open') },
      { label: 'Open Recent', enabled: items.length > 0, submenu: items },
      { label: 'Open Sample', click: () => command('open-sample') },
      { type: 'separator' },
      process.platform === 'darwin' ? { role: 'close' } : { role: 'quit' },
    ],
  };
}

const PLACES: readonly (readonly [string, MenuCommand])[] = [
  ['Overview', 'go-overview'],
  ['Parameters', 'go-parameters'],
  ['Layout', 'go-layout'],
  ['Shards', 'go-shards'],
  ['Replicas', 'go-replicas'],
  ['Adapters', 'go-adapters'],
  ['Diff', 'go-diff'],
  ['Consolidate', 'go-consolidate'],
  ['Jobs', 'go-jobs'],
];

function viewMenu(current: Settings['theme'], { command, theme }: MenuActions): MenuItemConstructorOptions {
  const themes = (['system', 'light', 'dark'] as const).map((choice): MenuItemConstructorOptions => ({
    label: { system: 'As the System', light: 'Light', dark: 'Dark' }[choice],
    type: 'radio',
    checked: choice === current,
    click: () => theme(choice),
  }));
  return {
    label: '&View',
    submenu: [
      { label: 'Command Palette…', accelerator: 'CmdOrCtrl+K', click: () => command('palette') },
      { label: 'Filter', accelerator: 'CmdOrCtrl+F', click: () => command('filter') },
      { type: 'separator' },
      ...PLACES.map(([label, place], index) => ({
        label,
        accelerator: `CmdOrCtrl+${index + 1}`,
        click: () => command(place),
      })),
      { label: 'Reshard', click: () => command('go-reshard') },
      { type: 'separator' },
      { label: 'Theme', submenu: themes },
      { role: 'resetZoom' },
      { role: 'zoomIn' },
      { role: 'zoomOut' },
      { role: 'togglefullscreen' },
    ],
  };
}

function helpMenu({ command }: MenuActions): MenuItemConstructorOptions {
  return {
    role: 'help',
    submenu: [
      { label: 'Export Diagnostics…', click: () => command('diagnostics') },
      { label: 'About Shardloom', click: () => command('about') },
    ],
  };
}
