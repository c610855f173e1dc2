import { basename } from 'node:path';
import type { Job, OpenedCheckpoint, OutputPreview, ShardingRequest, ShardSource } from './channels.ts';
import type { ChosenFolders } from './chosen-folders.ts';
import type { Inspector } from './engine/inspector.ts';
import type { Jobs } from './jobs.ts';
import { suggestedOutput } from './output-folder.ts';

/** Sharding and resharding, as the page asks for them. */
export class Sharding {
  readonly #folders: ChosenFolders;
  readonly #inspector: Inspector;
  readonly #jobs: Jobs;

  constructor(folders: ChosenFolders, inspector: Inspector, jobs: Jobs) {
    this.#folders = folders;
    this.#inspector = inspector;
    this.#jobs = jobs;
  }

  fromCheckpoint({ folder, isSample }: OpenedCheckpoint): ShardSource {
    return this.#source('checkpoint', folder, suggestedOutput(folder, '-resharded', isSample));
  }

  async chooseSource(): Promise<ShardSource | null> {
    const folder = await this.#folders.choose('Hugging Face weights or adapters', ['openDirectory']);
    return folder === null ? null : this.#source('hugging-face', folder, suggestedOutput(folder, '-sharded', false));
  }

  preview(request: ShardingRequest): Promise<OutputPreview> {
    this.#folders.check(request.folder, request.out, request.config);
    return this.#inspector.ask('shardingPreview', request);
  }

  async start(request: ShardingRequest): Promise<Job> {
    const { command } = await this.preview(request);
    const { folder, ...work } = request;
    return this.#jobs.add({ name: basename(folder), folder, work: { kind: 'shard', ...work }, command });
  }

  #source(from: ShardSource['from'], folder: string, out: string): ShardSource {
    return { from, folder: this.#folders.suggest(folder), suggestedOutput: this.#folders.suggest(out) };
  }
}
