import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { z } from 'zod';
import { ShardloomError } from '../errors.ts';
import { OWNER_HEARTBEAT_MS, OWNER_STALE_MS } from '../limits.ts';

/** In a folder that a run writes into: which process it is, so that a second run can tell. */
const OWNER_FILE = 'owner.json';

const owner = z.object({ pid: z.number(), host: z.string(), token: z.string().optional() });
type Owner = z.infer<typeof owner>;

/**
 * A folder that one run writes into. The run shows that it is there by touching its owner file; a folder whose owner was killed, or
 * has not been heard of for a while (it may have run on another machine), can be taken over, and is empty then.
 */
export class FolderOwner {
  readonly folder: string;
  readonly #token: string;
  readonly #heartbeat: NodeJS.Timeout;

  private constructor(folder: string, token: string) {
    this.folder = folder;
    this.#token = token;
    this.#heartbeat = setInterval(() => touch(path.join(folder, OWNER_FILE)), OWNER_HEARTBEAT_MS);
    this.#heartbeat.unref();
  }

  /** Makes the folder, or takes it over. Throws `output-busy` where another run is writing into it. */
  static claim(folder: string): FolderOwner {
    const token = randomUUID();
    // Renamed into place with its owner in it: there is no moment in which the folder is nobody's.
    const made = `${folder}.${token}`;
    fs.mkdirSync(made);
    try {
      fs.writeFileSync(path.join(made, OWNER_FILE), JSON.stringify({ pid: process.pid, host: os.hostname(), token }));
      if (fs.existsSync(folder)) {
        const before = readOwner(folder);
        if (before === null || !isGone(folder, before)) throw busy(folder, before);
        fs.rmSync(folder, { recursive: true, force: true });
      }
      moveInto(made, folder);
    } catch (error) {
      fs.rmSync(made, { recursive: true, force: true });
      throw error;
    }
    return new FolderOwner(folder, token);
  }

  /** False where another run has taken the folder over: this one was suspended for long. */
  isOurs(): boolean {
    return readOwner(this.folder)?.token === this.#token;
  }

  /** Throws `output-busy` where the folder is no longer ours. */
  check(): void {
    if (!this.isOurs()) throw busy(this.folder, readOwner(this.folder));
  }

  /** The folder is no longer written into. */
  release(): void {
    clearInterval(this.#heartbeat);
    if (this.isOurs()) fs.rmSync(path.join(this.folder, OWNER_FILE), { force: true });
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

/** True for a process of this machine that is no longer there, and for one that has been silent for long. */
function isGone(folder: string, { pid, host }: Owner): boolean {
  if (host === os.hostname() && !isAlive(pid)) return true;
  const { mtimeMs } = fs.statSync(path.join(folder, OWNER_FILE));
  return fileServerTime(folder) - mtimeMs > OWNER_STALE_MS;
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

function busy(folder: string, found: Owner | null): ShardloomError {
  return new ShardloomError({
    tag: 'output-busy',
    what: 'Another run is writing into this folder.',
    file: folder,
    found: found ? `process ${found.pid} on ${found.host}` : 'a staging folder without an owner',
    advice: `Wait for it, choose another folder, or delete this folder if that run is no longer there. A run that was killed can be started again after ${OWNER_STALE_MS / 1000} seconds.`,
  });
}
