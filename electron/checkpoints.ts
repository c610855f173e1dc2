import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { factsLine, isShardloomError, realPathOf, ShardloomError, type Finding } from '../src-core/app-door.ts';
import type { CheckpointId, OpenedCheckpoint, RecentCheckpoint } from './channels.ts';
import type { Inspector } from './engine/inspector.ts';
import { suggestedOutput } from './output-folder.ts';
import type { StateFile } from './stored-state.ts';

/** How many folders are remembered. */
const MAX_RECENTS = 12;

interface OpenEntry {
  readonly opened: OpenedCheckpoint;
  /** Output folders that a dialog gave for it, and the suggested one. */
  readonly outputs: Set<string>;
}

/**
 * The checkpoints that are open, and which paths a page may name because the user chose them: a dialog, a drop, the command
 * line or the recent list gave a folder; a dialog or our own suggestion an output.
 */
export class Checkpoints {
  readonly #inspector: Inspector;
  readonly #state: StateFile;
  readonly #open = new Map<CheckpointId, OpenEntry>();
  /** The newest checkpoint that is a sample, and the temporary folders around all of them. */
  #sample: string | null = null;
  readonly #sampleFolders: string[] = [];
  #lastId = 0;
  /** What the last folder that was no checkpoint holds. */
  #offered: readonly string[] = [];

  constructor(inspector: Inspector, state: StateFile) {
    this.#inspector = inspector;
    this.#state = state;
  }

  get recents(): readonly RecentCheckpoint[] {
    return this.#state.state.recents;
  }

  /** Opens a folder that the user chose. */
  async open(folder: string, { isSample = false }: { readonly isSample?: boolean } = {}): Promise<OpenedCheckpoint> {
    const started = performance.now();
    const id = ++this.#lastId;
    const { summary, parameterCount } = await this.#inspector.ask('open', { id, folder }).catch((error: unknown) => {
      this.#offered = (isShardloomError(error) && error.checkpoints) || [];
      throw error;
    });
    const opened: OpenedCheckpoint = {
      checkpoint: id,
      name: isSample ? 'Sample checkpoint' : path.basename(summary.folder),
      folder: summary.folder,
      isSample,
      summary,
      parameterCount,
      openSeconds: (performance.now() - started) / 1000,
      suggestedOutput: suggestedOutput(summary.folder, '-hf', isSample),
    };
    this.#open.set(id, { opened, outputs: new Set([opened.suggestedOutput]) });
    if (!isSample) this.#remember(opened);
    return opened;
  }

  /** Makes the sample in a temporary folder and opens it; later the same again, as long as it is whole. */
  async openSample(): Promise<OpenedCheckpoint> {
    if (this.#sample !== null && fs.existsSync(this.#sample)) {
      const opened = await this.open(this.#sample, { isSample: true });
      if (opened.summary.findings.length === 0) return opened;
      await this.close(opened.checkpoint);
    }
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'shardloom-sample-'));
    this.#sampleFolders.push(folder);
    this.#sample = await this.#inspector.ask('sample', path.join(folder, 'sample'));
    return this.open(this.#sample, { isSample: true });
  }

  async reopen(id: CheckpointId): Promise<OpenedCheckpoint> {
    const { folder, isSample } = this.get(id);
    const opened = await this.open(folder, { isSample });
    await this.close(id);
    return opened;
  }

  async close(id: CheckpointId): Promise<void> {
    this.#open.delete(id);
    await this.#inspector.ask('close', id);
  }

  get(id: CheckpointId): OpenedCheckpoint {
    return this.#entry(id).opened;
  }

  checkRecent(folder: string): void {
    if (this.recents.some((recent) => recent.folder === folder) || this.#offered.includes(folder)) return;
    throw new ShardloomError({ tag: 'usage', what: 'This folder is not in the list of recent ones.', file: folder });
  }

  forget(folder: string): void {
    this.#state.change({ recents: this.recents.filter((recent) => recent.folder !== folder) });
  }

  grantOutput(id: CheckpointId, out: string): void {
    this.#entry(id).outputs.add(out);
  }

  checkOutput(id: CheckpointId, out: string): void {
    if (this.#entry(id).outputs.has(out)) return;
    throw new ShardloomError({
      tag: 'usage',
      what: 'Nobody chose this output folder.',
      file: out,
      advice: 'Choose it with the folder dialog.',
    });
  }

  /** A path that may be shown in the file manager: the checkpoint's folder, what is below it, or a file that its findings name. */
  revealable(id: CheckpointId, file: string | undefined): string {
    const { folder, summary } = this.get(id);
    if (file === undefined) return folder;
    const named = summary.findings.some((finding: Finding) => finding.file === file);
    const held = [summary.model, ...summary.adapters].some((part) => part?.ranks.some((rank) => rank.file === file));
    const isOwn = named || held;
    // What is missing cannot be shown; the folder that it should be in can.
    let shown = path.resolve(folder, file);
    while (!fs.existsSync(shown) && path.dirname(shown) !== shown) shown = path.dirname(shown);
    // A file of the checkpoint may be a link to where it is kept. Whatever else is in the folder may not lead out of it.
    if (isOwn || (isWithin(folder, file) && isWithin(realPathOf(folder), realPathOf(shown)))) return shown;
    throw new ShardloomError({ tag: 'usage', what: 'This file is not of the checkpoint.', file });
  }

  /** Samples are gone when the app is. */
  removeSamples(): void {
    for (const folder of this.#sampleFolders.splice(0)) fs.rmSync(folder, { recursive: true, force: true });
  }

  #entry(id: CheckpointId): OpenEntry {
    const entry = this.#open.get(id);
    if (entry) return entry;
    throw new ShardloomError({
      tag: 'usage',
      what: 'This checkpoint is no longer open.',
      advice: 'Open its folder again.',
    });
  }

  #remember({ folder, name, summary }: OpenedCheckpoint): void {
    const recent: RecentCheckpoint = { folder, name, facts: factsLine(summary), openedAt: Date.now() };
    const others = this.recents.filter((known) => known.folder !== folder);
    this.#state.change({ recents: [recent, ...others].slice(0, MAX_RECENTS) });
  }
}

function isWithin(folder: string, file: string): boolean {
  const relative = path.relative(folder, file);
  return path.isAbsolute(file) && relative.split(path.sep)[0] !== '..' && !path.isAbsolute(relative);
}
