import { dialog, type BrowserWindow } from 'electron';
import { dirname } from 'node:path';
import { ShardloomError } from '../src-core/app-door.ts';
import type { FolderPurpose } from './channels.ts';

type Property = 'openDirectory' | 'createDirectory' | 'promptToCreate';

const DIALOGS: Readonly<Record<FolderPurpose, { readonly title: string; readonly properties: Property[] }>> = {
  output: { title: 'Output folder', properties: ['openDirectory', 'createDirectory', 'promptToCreate'] },
  weights: { title: 'Weights or a checkpoint', properties: ['openDirectory'] },
  'base-model': { title: 'Folder of the base model', properties: ['openDirectory'] },
};

/** Folders that a page may name because the user chose them with a dialog, or because they were suggested to it. */
export class ChosenFolders {
  readonly #window: BrowserWindow;
  readonly #chosen = new Set<string>();

  constructor(window: BrowserWindow) {
    this.#window = window;
  }

  /** Allows a folder that the app itself names. */
  suggest(folder: string): string {
    this.#chosen.add(folder);
    return folder;
  }

  chooseFor(purpose: FolderPurpose): Promise<string | null> {
    const { title, properties } = DIALOGS[purpose];
    return this.choose(title, properties);
  }

  async choose(title: string, properties: Property[]): Promise<string | null> {
    const [beside] = [...this.#chosen].slice(-1).map(dirname);
    const folder = await this.#ask(title, properties, beside);
    return folder === null ? null : this.suggest(folder);
  }

  /** Asks for an output folder beginning in `beside`, and allows nothing: whoever asks does. */
  askForOutput(beside: string): Promise<string | null> {
    const { title, properties } = DIALOGS.output;
    return this.#ask(title, properties, beside);
  }

  async #ask(title: string, properties: Property[], beside: string | undefined): Promise<string | null> {
    const { filePaths } = await dialog.showOpenDialog(this.#window, {
      title,
      buttonLabel: 'Choose',
      ...(beside !== undefined && { defaultPath: beside }),
      properties,
    });
    return filePaths[0] ?? null;
  }

  /** Throws `usage` for a folder that nobody chose. */
  check(...folders: readonly (string | null)[]): void {
    const foreign = folders.find((folder) => folder !== null && !this.#chosen.has(folder));
    if (foreign === undefined || foreign === null) return;
    throw new ShardloomError({
      tag: 'usage',
      what: 'Nobody chose this folder.',
      file: foreign,
      advice: 'Choose it with the folder dialog.',
    });
  }
}
