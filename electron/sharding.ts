import { dialog, type BrowserWindow } from 'electron';
import { dirname } from 'node:path';
import { ShardloomError } from '../src-core/index.ts';
import type { Job, OpenedCheckpoint, OutputPreview, ShardingRequest, ShardSource } from './channels.ts';
import type { Inspector } from './engine/inspector.ts';
import type { Jobs } from './jobs.ts';
import { suggestedOutput } from './output-folder.ts';

/** Sharding and resharding for the page: which folders it may name because the user chose them, and what is asked for with them. */
export class Sharding {
  readonly #window: BrowserWindow;
  readonly #inspector: Inspector;
  readonly #jobs: Jobs;
  readonly #chosen = new Set<string>();

  constructor(window: BrowserWindow, inspector: Inspector, jobs: Jobs) {
    this.#window = window;
    this.#inspector = inspector;
    this.#jobs = jobs;
  }

  fromCheckpoint({ folder, isSample }: OpenedCheckpoint): ShardSource {
    return this.#source({
      from: 'checkpoint',
      folder,
      suggestedOutput: suggestedOutput(folder, '-resharded', isSample),
    });
  }

  async chooseSource(): Promise<ShardSource | null> {
    const folder = await this.#choose('Hugging Face weights or adapters', 'openDirectory');
    if (folder === null) return null;
    return this.#source({ from: 'hugging-face', folder, suggestedOutput: suggestedOutput(folder, '-sharded', false) });
  }

  chooseOutput(): Promise<string | null> {
    return this.#choose('Output folder', 'openDirectory', 'createDirectory', 'promptToCreate');
  }

  chooseConfig(): Promise<string | null> {
    return this.#choose('Folder of the base model', 'openDirectory');
  }

  async preview(request: ShardingRequest): Promise<OutputPreview> {
    this.#check(request);
    return this.#inspector.ask('shardingPreview', request);
  }

  async start(request: ShardingRequest): Promise<Job> {
    const { command } = await this.preview(request);
    const { folder, ...work } = request;
    return this.#jobs.add({ name: nameOf(folder), folder, work: { kind: 'shard', ...work }, command });
  }

  #source(source: ShardSource): ShardSource {
    this.#chosen.add(source.folder).add(source.suggestedOutput);
    return source;
  }

  async #choose(
    title: string,
    ...properties: ('openDirectory' | 'createDirectory' | 'promptToCreate')[]
  ): Promise<string | null> {
    const beside = [...this.#chosen].slice(-1).map(dirname);
    const { filePaths } = await dialog.showOpenDialog(this.#window, {
      title,
      buttonLabel: 'Choose',
      ...(beside[0] !== undefined && { defaultPath: beside[0] }),
      properties,
    });
    const [folder] = filePaths;
    if (folder === undefined) return null;
    this.#chosen.add(folder);
    return folder;
  }

  #check({ folder, out, config }: ShardingRequest): void {
    const foreign = [folder, out, ...(config === null ? [] : [config])].find((named) => !this.#chosen.has(named));
    if (foreign === undefined) return;
    throw new ShardloomError({
      tag: 'usage',
      what: 'Nobody chose this folder.',
      file: foreign,
      advice: 'Choose it with the folder dialog.',
    });
  }
}

function nameOf(folder: string): string {
  return folder.split(/[/\\]/).findLast((segment) => segment !== '') ?? folder;
}
