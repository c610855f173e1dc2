import path from 'node:path';

/**
 * The folder that the command line names: `shardloom-desktop FOLDER`. Options are Chromium's and Electron's. An app that is not
 * packaged has its own path as the first argument.
 */
export function folderFromArguments(argv: readonly string[], directory: string, isPackaged: boolean): string | null {
  const own = argv.slice(isPackaged ? 1 : 2);
  const folder = own.find((word) => !word.startsWith('-'));
  return folder === undefined ? null : path.resolve(directory, folder);
}
