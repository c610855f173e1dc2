import fs from 'node:fs';
import path from 'node:path';
import { ShardloomError } from '../errors.ts';
import type { Plan } from '../plan/plan.ts';
import { asWriteError } from './copy-tensors.ts';
import { FolderOwner } from './folder-owner.ts';
import { finishedPartFolder, PARTS_FOLDER, type PartOf } from './parts.ts';

/** Where files grow until all of them are whole. Its name says whose it is and that it is not a result. */
const STAGING_FOLDER = '.shardloom-partial';

/** Files that a loader would take for weights: none of these may be left beside new ones. */
const WEIGHTS_FILE = /^(model|pytorch_model|adapter_model)(-\d{5}-of-\d{5})?\.(safetensors|bin)(\.index\.json)?$/;

/**
 * The output folder while a run writes it. Everything is written below a staging folder inside it and moved to its final
 * name at the end, the files that make a folder loadable last. A run that fails or is stopped removes what it made.
 */
export class Staging {
  readonly #out: string;
  readonly #folder: string;
  readonly #owner: FolderOwner;
  /** The topmost folder that did not exist before, to be removed again on failure. */
  readonly #made: string | undefined;

  private constructor(out: string, folder: string, made: string | undefined) {
    this.#out = out;
    this.#folder = folder;
    this.#made = made;
    this.#owner = FolderOwner.claim(folder);
  }

  /**
   * Claims the output folder, or a place in it for one part of a run. Throws `output-exists` where files of the plan, or other
   * weights, are there already (with `replace` only for weights that the plan would not replace), and `output-busy` where another
   * run is writing.
   */
  static claim(out: string, plan: Plan, replace: boolean, part?: PartOf): Staging {
    const target = path.resolve(out);
    try {
      checkExisting(target, plan, replace);
      const parts = path.join(target, PARTS_FOLDER);
      if (!part && fs.existsSync(parts)) throw partsInTheWay(parts);
      const made = fs.mkdirSync(part ? parts : target, { recursive: true });
      const folder = part ? `${finishedPartFolder(target, part)}.partial` : path.join(target, STAGING_FOLDER);
      return new Staging(target, folder, made);
    } catch (error) {
      throw asWriteError(error, target);
    }
  }

  /** Where a file of the plan stands while the run is going on. Its folder exists. */
  pathOf(planned: string): string {
    const file = path.join(this.#folder, ...planned.split('/'));
    fs.mkdirSync(path.dirname(file), { recursive: true });
    return file;
  }

  /** Moves everything to its final name: `planned` in this order, so that what makes the folder loadable can come last. */
  publish(planned: readonly string[]): void {
    this.#owner.check();
    const published: string[] = [];
    for (const file of planned) {
      const target = path.join(this.#out, ...file.split('/'));
      try {
        fs.mkdirSync(path.dirname(target), { recursive: true });
        fs.renameSync(this.pathOf(file), target);
        published.push(target);
      } catch (error) {
        // Half a set of files must not be taken for a whole one.
        for (const done of published) fs.rmSync(done, { force: true });
        throw asWriteError(error, target);
      }
    }
    this.#owner.release();
    fs.rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Keeps what one part has written, whole now, until all parts are joined. */
  keep(part: PartOf): void {
    this.#owner.check();
    this.#owner.release();
    const kept = finishedPartFolder(this.#out, part);
    try {
      fs.renameSync(this.#folder, kept);
    } catch (error) {
      throw asWriteError(error, kept);
    }
  }

  /** Removes all that the run made. Never throws: it runs while another error is on its way. */
  discard(): void {
    try {
      const isOurs = this.#owner.isOurs();
      this.#owner.release();
      if (!isOurs) return;
      fs.rmSync(this.#folder, { recursive: true, force: true });
      if (this.#made !== undefined) removeEmptyFolders(path.dirname(this.#folder), path.dirname(this.#made));
    } catch {
      // What cannot be removed stays under the staging folder's name, which no loader takes for a result.
    }
  }
}

function partsInTheWay(folder: string): ShardloomError {
  return new ShardloomError({
    tag: 'output-busy',
    what: 'The output folder holds parts of a run that was divided.',
    file: folder,
    advice: 'Join them with shardloom finish, choose another folder, or delete this one.',
  });
}

function checkExisting(out: string, plan: Plan, replace: boolean): void {
  const planned = [...plan.outputs, ...plan.texts, ...plan.sidecars].map(({ path: file }) => file);
  const folders = new Set(planned.map((file) => path.join(out, path.dirname(file))));
  const targets = new Set(planned.map((file) => path.join(out, ...file.split('/'))));
  for (const folder of folders) {
    for (const name of namesIn(folder)) {
      const file = path.join(folder, name);
      if (targets.has(file) ? replace : !WEIGHTS_FILE.test(name)) continue;
      throw new ShardloomError({
        tag: 'output-exists',
        what: targets.has(file)
          ? 'The output folder already holds a file of this name.'
          : 'The output folder already holds other weights, which would be mixed with the new ones.',
        file,
        advice: targets.has(file)
          ? 'Choose an empty folder, or pass --force to replace it.'
          : 'Choose an empty folder.',
      });
    }
  }
}

function namesIn(folder: string): string[] {
  try {
    return fs.readdirSync(folder);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code;
    if (code === 'ENOENT') return [];
    if (code === 'ENOTDIR') {
      throw new ShardloomError(
        { tag: 'output-exists', what: 'The output folder is a file.', file: folder, advice: 'Choose another folder.' },
        { cause: error },
      );
    }
    throw error;
  }
}

/** Removes `folder` and the empty ones above it, up to but not including `stop`. */
function removeEmptyFolders(folder: string, stop: string): void {
  for (let current = folder; current !== stop && current.startsWith(stop); current = path.dirname(current)) {
    if (namesIn(current).length > 0) return;
    fs.rmdirSync(current);
  }
}
