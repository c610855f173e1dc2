import type { Job, MergeRequest, OpenedCheckpoint, OutputPreview } from './channels.ts';
import type { ChosenFolders } from './chosen-folders.ts';
import type { Inspector } from './engine/inspector.ts';
import type { Jobs } from './jobs.ts';
import { suggestedOutput } from './output-folder.ts';

/** Merging a checkpoint's adapters into a model, as the page asks for it. */
export class Merging {
  readonly #folders: ChosenFolders;
  readonly #inspector: Inspector;
  readonly #jobs: Jobs;

  constructor(folders: ChosenFolders, inspector: Inspector, jobs: Jobs) {
    this.#folders = folders;
    this.#inspector = inspector;
    this.#jobs = jobs;
  }

  suggest({ folder, isSample }: OpenedCheckpoint): string {
    return this.#folders.suggest(suggestedOutput(folder, '-merged', isSample));
  }

  preview({ folder }: OpenedCheckpoint, request: MergeRequest): Promise<OutputPreview> {
    this.#folders.check(request.base, request.out);
    const { checkpoint: _, base, ...others } = request;
    return this.#inspector.ask('mergePreview', { ...others, base: base ?? folder, folder });
  }

  async start(opened: OpenedCheckpoint, request: MergeRequest): Promise<Job> {
    const { command } = await this.preview(opened, request);
    const { checkpoint: _, base, ...others } = request;
    const { name, folder } = opened;
    return this.#jobs.add({ name, folder, work: { kind: 'merge', ...others, base: base ?? folder }, command });
  }
}
