import fs from 'node:fs';
import path from 'node:path';
import { ShardloomError } from '../errors.ts';
import type { PartOf, Plan } from '../plan/plan.ts';
import { asWriteError, type CopiedTensor } from './copy-tensors.ts';
import { FolderOwner, OWNER_FILE, sweep } from './folder-owner.ts';
import { Journal, JOURNAL_FILE, readJournal, type JournalHead, type KnownTensors } from './journal.ts';
import { syncFile, syncFolders } from './sync.ts';
import { finishedPartFolder, PARTS_FOLDER, planFingerprint } from './parts.ts';

/** Where files grow until all of them are whole. Its name says whose it is and that it is not a result. */
const STAGING_FOLDER = '.shardloom-partial';

/** Files that a loader would take for weights: none of these may be left beside new ones. */
const WEIGHTS_FILE = /^(model|pytorch_model|adapter_model)(-\d{5}-of-\d{5})?\.(safetensors|bin)(\.index\.json)?$/;

/** Inside it, while files get their final names: those that they replace. */
const REPLACED_FOLDER = '.replaced';

export interface StagingOptions extends Omit<JournalHead, 'fingerprint'> {
  readonly replace: boolean;
  /** Only a part of the plan is written. */
  readonly part: PartOf | undefined;
}

/**
 * The output folder while a run writes it. Everything is written below a staging folder inside it and moved to its final
 * name at the end, the files that make a folder loadable last. A run that fails or is stopped removes what it made; one that was
 * killed is continued by the next one with the same plan.
 */
export class Staging {
  /** Tensors that an earlier run says to have written. */
  readonly known: KnownTensors;
  readonly #journal: Journal;
  readonly #out: string;
  readonly #owner: FolderOwner;
  /** The topmost folder that did not exist before, to be removed again on failure. */
  readonly #made: string | undefined;
  readonly #checkFree: () => void;

  private constructor(
    out: string,
    owner: FolderOwner,
    made: string | undefined,
    plan: Plan,
    replace: boolean,
    head: JournalHead,
  ) {
    this.#out = out;
    this.#owner = owner;
    this.#made = made;
    const earlier = owner.isTakenOver ? readJournal(owner.folder, head) : null;
    if (earlier && earlier.publishing.length > 0) {
      // Whatever run it was: what it had begun to publish is undone, and what it had replaced is back and counts again.
      takeBack(out, owner.folder, earlier.publishing);
      Journal.goOn(owner.folder).publishing([]);
    }
    this.#checkFree = () => {
      checkExisting(out, plan, replace);
    };
    this.#checkFree();
    const continued = earlier?.isSame === true ? earlier : null;
    removeUnplanned(owner.folder, continued ? plan.outputs : []);
    this.known = continued?.known ?? new Map();
    this.#journal = continued ? Journal.goOn(owner.folder) : Journal.begin(owner.folder, head);
  }

  /**
   * Claims the output folder, or a place in it for one part of a run. Throws `output-exists` where files of the plan, or other
   * weights, are there already (with `replace` only for weights that the plan would not replace), and `output-busy` where another
   * run is writing.
   */
  static claim(out: string, plan: Plan, { replace, part, digest, crc32 }: StagingOptions): Staging {
    const target = path.resolve(out);
    const folder = stagingFolder(target, part);
    try {
      sweep(folder);
      // Refused before anything is made. Where a run was cut off, what it had begun to publish does not count: see below.
      if (!fs.existsSync(folder)) checkExisting(target, plan, replace);
      const parts = path.join(target, PARTS_FOLDER);
      if (!part && fs.existsSync(parts)) throw partsInTheWay(parts);
      const made = fs.mkdirSync(part ? parts : target, { recursive: true });
      const owner = FolderOwner.claim(folder);
      try {
        const head = { fingerprint: planFingerprint(plan), digest, crc32 };
        return new Staging(target, owner, made, plan, replace, head);
      } catch (error) {
        if (owner.isTakenOver) owner.leave();
        else owner.remove();
        throw error;
      }
    } catch (error) {
      throw asWriteError(error, target);
    }
  }

  /** Where a file of the plan stands while the run is going on. Its folder exists. */
  pathOf(planned: string): string {
    return placeBelow(this.#owner.folder, planned);
  }

  /** Notes tensors of an output whose bytes have all been written. Throws `output-busy` where another run writes here now. */
  done(output: string, tensors: readonly CopiedTensor[]): void {
    if (this.#owner.isLost) this.#owner.check();
    this.#journal.done(output, tensors);
  }

  /** Waits until the files are on the disk. */
  sync(planned: readonly string[]): void {
    for (const file of planned) syncFile(this.pathOf(file));
    syncFolders(this.#owner.folder, planned);
  }

  /** Moves everything to its final name: `planned` in this order, so that what makes the folder loadable can come last. */
  publish(planned: readonly string[]): void {
    this.#owner.check();
    // Somebody may have put files there meanwhile.
    this.#checkFree();
    this.#journal.publishing(planned);
    const published: string[] = [];
    for (const file of planned) {
      const target = below(this.#out, file);
      try {
        fs.mkdirSync(path.dirname(target), { recursive: true });
        if (fs.existsSync(target)) fs.renameSync(target, this.pathOf(`${REPLACED_FOLDER}/${file}`));
        published.push(file);
        fs.renameSync(this.pathOf(file), target);
      } catch (error) {
        // Half a set of files must not be taken for a whole one, and what was there before comes back.
        takeBack(this.#out, this.#owner.folder, published);
        throw asWriteError(error, target);
      }
    }
    this.#owner.remove();
  }

  /** Keeps what one part has written, whole now, until all parts are joined. */
  keep(part: PartOf): void {
    this.#owner.check();
    const kept = finishedPartFolder(this.#out, part);
    try {
      fs.rmSync(path.join(this.#owner.folder, JOURNAL_FILE), { force: true });
      this.#owner.moveTo(kept);
    } catch (error) {
      throw asWriteError(error, kept);
    }
  }

  /** Stops and keeps what was written, for the next run with the same plan. */
  leave(): void {
    this.#owner.check();
    this.#owner.leave();
  }

  /** Removes all that the run made. Never throws: it runs while another error is on its way. */
  discard(): void {
    try {
      if (!this.#owner.isOurs()) return;
      this.#owner.remove();
      if (this.#made !== undefined) removeEmptyFolders(path.dirname(this.#owner.folder), path.dirname(this.#made));
    } catch {
      // What cannot be removed stays under the staging folder's name, which no loader takes for a result.
    }
  }
}

/** Moves files that have their final names back into the staging folder, and what they replaced to where it was. */
export function takeBack(out: string, staging: string, files: readonly string[]): void {
  for (const file of files) {
    const [staged, final] = [placeBelow(staging, file), below(out, file)];
    const replaced = below(staging, `${REPLACED_FOLDER}/${file}`);
    if (!fs.existsSync(staged) && fs.existsSync(final)) fs.renameSync(final, staged);
    if (fs.existsSync(replaced) && !fs.existsSync(final)) fs.renameSync(replaced, final);
  }
}

/** Where files grow until they are whole. */
export function stagingFolder(target: string, part: PartOf | undefined): string {
  return part ? `${finishedPartFolder(target, part)}.partial` : path.join(target, STAGING_FOLDER);
}

/** The place of a planned file below a folder. */
export function below(folder: string, planned: string): string {
  return path.join(folder, ...planned.split('/'));
}

/** The same, with the folder that it is in. */
function placeBelow(folder: string, planned: string): string {
  const file = below(folder, planned);
  fs.mkdirSync(path.dirname(file), { recursive: true });
  return file;
}

/** Leaves of an earlier run only the outputs of the plan that have their length: the rest is quickly made anew. */
function removeUnplanned(folder: string, outputs: Plan['outputs']): void {
  const sizes = new Map(outputs.map(({ path: file, size }) => [below(folder, file), size]));
  const kept = new Set([OWNER_FILE, JOURNAL_FILE].map((name) => path.join(folder, name)));
  for (const entry of fs.readdirSync(folder, { recursive: true, withFileTypes: true })) {
    const file = path.join(entry.parentPath, entry.name);
    if (entry.isDirectory() || kept.has(file)) continue;
    if (!entry.isFile() || sizes.get(file) !== fs.statSync(file).size) fs.rmSync(file, { force: true });
  }
}

function partsInTheWay(folder: string): ShardloomError {
  return new ShardloomError({
    tag: 'output-busy',
    what: 'The output folder holds parts of a run that was divided.',
    file: folder,
    isFolder: true,
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

/** Names in a folder; none where it is not there. */
export function namesIn(folder: string): string[] {
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
