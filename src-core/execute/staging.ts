import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { ShardloomError } from '../errors.ts';
import type { Plan } from '../plan/plan.ts';
import { asWriteError } from './copy-tensors.ts';

/** Where files grow until all of them are whole. Its name says whose it is and that it is not a result. */
const STAGING_FOLDER = '.shardloom-partial';

/** Inside it: which process is writing, so that a second run into the same folder can tell. */
const OWNER_FILE = 'owner.json';

/** Files that a loader would take for weights: none of these may be left beside new ones. */
const WEIGHTS_FILE = /^(model|pytorch_model|adapter_model)(-\d{5}-of-\d{5})?\.(safetensors|bin)(\.index\.json)?$/;

/**
 * The output folder while a run writes it. Everything is written below a staging folder inside it and moved to its final
 * name at the end, the files that make a folder loadable last. A run that fails or is stopped removes what it made.
 */
export class Staging {
  readonly #out: string;
  readonly #folder: string;
  /** The topmost folder that did not exist before, to be removed again on failure. */
  readonly #made: string | undefined;

  private constructor(out: string, made: string | undefined) {
    this.#out = out;
    this.#folder = path.join(out, STAGING_FOLDER);
    this.#made = made;
  }

  /**
   * Claims the output folder. Throws `output-exists` where files of the plan, or other weights, are there already (with
   * `replace` only for weights that the plan would not replace), and `output-busy` where another run is writing.
   */
  static claim(out: string, plan: Plan, replace: boolean): Staging {
    const folder = path.resolve(out);
    try {
      checkExisting(folder, plan, replace);
      const made = fs.mkdirSync(folder, { recursive: true });
      const staging = new Staging(folder, made);
      staging.#lock();
      return staging;
    } catch (error) {
      throw asWriteError(error, folder);
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
    fs.rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Removes all that the run made. Never throws: it runs while another error is on its way. */
  discard(): void {
    try {
      fs.rmSync(this.#folder, { recursive: true, force: true });
      if (this.#made !== undefined) removeEmptyFolders(this.#out, path.dirname(this.#made));
    } catch {
      // What cannot be removed stays under the staging folder's name, which no loader takes for a result.
    }
  }

  #lock(): void {
    try {
      fs.mkdirSync(this.#folder);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      this.#takeOver();
    }
    const owner = { pid: process.pid, host: os.hostname() };
    fs.writeFileSync(path.join(this.#folder, OWNER_FILE), JSON.stringify(owner));
  }

  /** A staging folder is there: of a run that was killed (then it is cleared) or of one that is still writing. */
  #takeOver(): void {
    const owner = readOwner(path.join(this.#folder, OWNER_FILE));
    if (owner === null || owner.host !== os.hostname() || isAlive(owner.pid)) {
      throw new ShardloomError({
        tag: 'output-busy',
        what: 'Another run is writing into this folder.',
        file: this.#folder,
        found: owner ? `process ${owner.pid} on ${owner.host}` : 'a staging folder without an owner',
        advice: 'Wait for it, choose another folder, or delete this folder if that run is no longer there.',
      });
    }
    fs.rmSync(this.#folder, { recursive: true, force: true });
    fs.mkdirSync(this.#folder);
  }
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

function readOwner(file: string): { readonly pid: number; readonly host: string } | null {
  try {
    const owner = JSON.parse(fs.readFileSync(file, 'utf8')) as { pid?: unknown; host?: unknown };
    return typeof owner.pid === 'number' && typeof owner.host === 'string'
      ? { pid: owner.pid, host: owner.host }
      : null;
  } catch {
    return null;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // EPERM: it is there but belongs to somebody else.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Removes `folder` and the empty ones above it, up to but not including `stop`. */
function removeEmptyFolders(folder: string, stop: string): void {
  for (let current = folder; current !== stop && current.startsWith(stop); current = path.dirname(current)) {
    if (namesIn(current).length > 0) return;
    fs.rmdirSync(current);
  }
}
