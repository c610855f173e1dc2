import { homedir } from 'node:os';
import { dirname } from 'node:path';
import type { CheckpointId, ConsolidationRequest, Job, OutputPreview } from './channels.ts';
import type { Checkpoints } from './checkpoints.ts';
import type { ChosenFolders } from './chosen-folders.ts';
import type { Inspector } from './engine/inspector.ts';
import type { Jobs } from './jobs.ts';

/** Consolidating an open checkpoint, as the page asks for it. */
export class Consolidating {
  readonly #checkpoints: Checkpoints;
  readonly #folders: ChosenFolders;
  readonly #inspector: Inspector;
  readonly #jobs: Jobs;

  constructor(checkpoints: Checkpoints, folders: ChosenFolders, inspector: Inspector, jobs: Jobs) {
    this.#checkpoints = checkpoints;
    this.#folders = folders;
    this.#inspector = inspector;
    this.#jobs = jobs;
  }

  async chooseOutput(id: CheckpointId): Promise<string | null> {
    const { folder, isSample } = this.#checkpoints.get(id);
    const out = await this.#folders.askForOutput(isSample ? homedir() : dirname(folder));
    if (out !== null) this.#checkpoints.grantOutput(id, out);
    return out;
  }

  preview({ checkpoint: id, out, choices }: ConsolidationRequest): Promise<OutputPreview> {
    this.#checkpoints.checkOutput(id, out);
    return this.#inspector.ask('preview', { id, out, choices });
  }

  async start(request: ConsolidationRequest): Promise<Job> {
    const { command } = await this.preview(request);
    const { checkpoint: id, out, choices } = request;
    const { name, folder } = this.#checkpoints.get(id);
    this.#folders.suggest(out);
    return this.#jobs.add({ name, folder, work: { kind: 'consolidate', out, choices }, command });
  }
}
