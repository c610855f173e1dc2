import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { ShardloomError } from '../errors.ts';
import { OWNER_HEARTBEAT_MS, OWNER_STALE_MS } from '../limits.ts';

/** In a folder that a run writes into: which process it is, so that a second run can tell. */
export const OWNER_FILE = 'owner.json';

const owner = z.object({
  pid: z.number(),
  host: z.string(),
  token: z.string().optional(),
  /** The run has stopped and left its work to whoever goes on with it. */
  left: z.boolean().optional(),
});
type Owner = z.infer<typeof owner>;

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * A folder that one run writes into. The run shows that it is there by touching its owner file; a folder whose owner was killed, or
 * has not been heard of for a while (it may have run on another machine), can be taken over, with what is in it.
 */
export class FolderOwner {
  readonly folder: string;
  /** It was taken over: an earlier run's files may be in it. */
  readonly isTakenOver: boolean;
  readonly #token: string;
  readonly #heartbeat: NodeJS.Timeout;
  #isLost = false;

  private constructor(folder: string, token: string, isTakenOver: boolean) {
    this.folder = folder;
    this.isTakenOver = isTakenOver;
    this.#token = token;
    this.#heartbeat = setInterval(() => {
      this.#beat();
    }, OWNER_HEARTBEAT_MS);
    this.#heartbeat.unref();
  }

  /** Makes the folder, or takes it over. Throws `output-busy` where another run is writing into it. */
  static claim(folder: string): FolderOwner {
    const token = randomUUID();
    // Renamed into place with its owner in it: there is no moment in which the folder is nobody's.
    const made = `${folder}.${token}`;
    const isTakenOver = fs.existsSync(folder);
    try {
      if (isTakenOver) takeAway(folder, made);
      else fs.mkdirSync(made);
      writeOwner(made, token);
      moveInto(made, folder);
    } catch (error) {
      // What was taken over is left for the next try, unless somebody else has begun meanwhile.
      if (isTakenOver && fs.existsSync(made) && !fs.existsSync(folder)) fs.renameSync(made, folder);
      fs.rmSync(made, { recursive: true, force: true });
      throw error;
    }
    return new FolderOwner(folder, token, isTakenOver);
  }

  /** Lets a folder be taken over whose run was in a thread of this process that has ended. */
  static releaseOfThread(folder: string): void {
    const found = readOwner(folder);
    if (found?.token !== undefined && found.host === os.hostname() && found.pid === process.pid) {
      writeOwner(folder, found.token, true);
    }
  }

  /** True once a heartbeat has found another run's owner file: this one was suspended for long. */
  get isLost(): boolean {
    return this.#isLost;
  }

  /** False where another run has taken the folder over. */
  isOurs(): boolean {
    return readOwner(this.folder)?.token === this.#token;
  }

  /** Throws `output-busy` where the folder is another run's now, and `write-failed` where it is nobody's any more. */
  check(): void {
    const found = readOwner(this.folder);
    if (found === null) throw removed(this.folder);
    if (found.token !== this.#token) throw busy(this.folder, found);
  }

  #beat(): void {
    const found = readOwner(this.folder);
    // One that cannot be read may be so for a moment only: check() and writing say so.
    if (found !== null && found.token !== this.#token) this.#isLost = true;
    // Another's is not touched: it would seem to be alive.
    else touch(path.join(this.folder, OWNER_FILE));
  }

  /** Leaves the folder with what is in it, for the next run to take over at once. */
  leave(): void {
    clearInterval(this.#heartbeat);
    writeOwner(this.folder, this.#token, true);
  }

  /** Takes the folder away with all that is in it. */
  remove(): void {
    clearInterval(this.#heartbeat);
    removeFolder(this.folder);
  }

  /** Gives the folder its final name: then it is no longer anybody's. */
  moveTo(final: string): void {
    clearInterval(this.#heartbeat);
    fs.renameSync(this.folder, final);
    fs.rmSync(path.join(final, OWNER_FILE), { force: true });
  }
}

/**
 * Removes a folder at once, and then what was in it. What a kill leaves of it is nobody's, and is swept up by a later claim. Never throws:
 * what it is called for is done, and what cannot be removed has a name that no loader takes for a result.
 */
export function removeFolder(folder: string): void {
  const aside = `${folder}.${randomUUID()}`;
  try {
    fs.renameSync(folder, aside);
    fs.rmSync(aside, { recursive: true, force: true });
  } catch {
    // See above.
  }
}

/** Takes a folder whose run is gone out of its place: only one of several can. */
function takeAway(folder: string, made: string): void {
  const before = readOwner(folder);
  if (!isGone(folder, before)) throw busy(folder, before);
  try {
    fs.renameSync(folder, made);
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'ENOENT' ? busy(folder, null) : error;
  }
  const taken = readOwner(made);
  if (taken?.token === before?.token) return;
  // Between the look and the rename another run took it over.
  fs.renameSync(made, folder);
  throw busy(folder, taken);
}

/**
 * Removes what killed runs have left beside the folder under names that were meant for a moment. What tells nobody's name is left for a
 * while: its run may just be beginning.
 */
export function sweep(folder: string): void {
  const prefix = `${path.basename(folder)}.`;
  const parent = path.dirname(folder);
  if (!fs.statSync(parent, { throwIfNoEntry: false })?.isDirectory()) return;
  for (const name of fs.readdirSync(parent)) {
    if (!name.startsWith(prefix) || !UUID.test(name.slice(prefix.length))) continue;
    const left = path.join(parent, name);
    try {
      if (isGone(left, readOwner(left))) fs.rmSync(left, { recursive: true, force: true });
    } catch {
      // Its own run was faster.
    }
  }
}

function moveInto(made: string, folder: string): void {
  try {
    fs.renameSync(made, folder);
  } catch (error) {
    const wasFaster = ['ENOTEMPTY', 'EEXIST', 'EPERM'].includes((error as NodeJS.ErrnoException).code ?? '');
    throw wasFaster && fs.existsSync(folder) ? busy(folder, readOwner(folder)) : error;
  }
}

function touch(file: string): void {
  try {
    const now = new Date();
    fs.utimesSync(file, now, now);
  } catch {
    // The folder is gone, or the disk for a moment: check() and writing say so.
  }
}

function readOwner(folder: string): Owner | null {
  try {
    return owner.parse(JSON.parse(fs.readFileSync(path.join(folder, OWNER_FILE), 'utf8')));
  } catch {
    return null;
  }
}

function writeOwner(folder: string, token: string, left = false): void {
  const record: Owner = { pid: process.pid, host: os.hostname(), token, ...(left && { left }) };
  fs.writeFileSync(path.join(folder, OWNER_FILE), JSON.stringify(record));
}

/**
 * True for a run that has left its work, for a process of this machine that is no longer there, and for one that has been silent for
 * long. A power cut may leave an owner that cannot be read: then silence alone decides.
 */
function isGone(folder: string, found: Owner | null): boolean {
  if (found?.left) return true;
  if (found?.host === os.hostname() && !isAlive(found.pid)) return true;
  const heard = fs.statSync(path.join(folder, OWNER_FILE), { throwIfNoEntry: false }) ?? fs.statSync(folder);
  return fileServerTime(path.dirname(folder)) - heard.mtimeMs > OWNER_STALE_MS;
}

/** The time of the machine that holds the files, which on shared storage need not be ours. */
function fileServerTime(folder: string): number {
  const probe = path.join(folder, `.${randomUUID()}`);
  fs.writeFileSync(probe, '');
  const { mtimeMs } = fs.statSync(probe);
  fs.rmSync(probe);
  return mtimeMs;
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

function removed(folder: string): ShardloomError {
  return new ShardloomError({
    tag: 'write-failed',
    what: 'The output folder was removed or changed by somebody else while it was being written.',
    file: folder,
    isFolder: true,
    advice: 'Start again. Nothing else was touched.',
  });
}

function busy(folder: string, found: Owner | null): ShardloomError {
  return new ShardloomError({
    tag: 'output-busy',
    what: 'Another run is writing into this folder.',
    file: folder,
    isFolder: true,
    found: found ? `process ${found.pid} on ${found.host}` : 'a staging folder without an owner',
    advice: `Wait for it, choose another folder, or delete this folder if that run is no longer there. A run that was killed can be started again after ${OWNER_STALE_MS / 1000} seconds.`,
  });
}
