import fs from 'node:fs';
import path from 'node:path';
import { reading } from '../bytes/file.ts';
import { writeAt } from '../bytes/sink.ts';
import { isShardloomError, ShardloomError } from '../errors.ts';
import { MAX_SIDECAR_BYTES } from '../limits.ts';
import { lastPieces } from '../plan/last-pieces.ts';
import {
  plannedBytes,
  plannedReads,
  type PartOf,
  type Plan,
  type PlanOutput,
  type PlanPiece,
  type PlanText,
} from '../plan/plan.ts';
import { validatePlan } from '../plan/validate.ts';
import { formatBytes } from '../units.ts';
import { asWriteError, copySettings, type CopiedTensor, type CopySettings, type CopyTask } from './copy-tensors.ts';
import type { DigestName } from './digest.ts';
import { bytesLeftIn } from './left.ts';
import { createPool, defaultWorkers, type CopyPool } from './pool.ts';
import { isChanged, sourceChanged } from './source-files.ts';
import { outputsOfPart, PART_FILE, PARTS_FOLDER } from './parts.ts';
import { Staging } from './staging.ts';
import { syncFolders } from './sync.ts';
import { tasksOf } from './tasks.ts';
import { KEEP, runWatched, type WatchOptions } from './watch.ts';

export interface ExecuteOptions extends WatchOptions {
  /** Worker threads; 0 for this thread. Chosen by size where absent. */
  readonly workers?: number;
  /** Threads that were started beforehand, instead of `workers`. Whoever made the pool closes it. */
  readonly pool?: CopyPool;
  /** Bytes that are copied at a time. */
  readonly bandBytes?: number;
  /** Null: none, and no search for NaN and Inf, where nobody reads them. */
  readonly digest?: DigestName | null;
  /** Replace files of the same names in the output folder. */
  readonly replace?: boolean;
  /** Force the data to the disk before anything gets its final name, so that a power cut cannot take it back. */
  readonly sync?: boolean;
  /** Write only this part of the output files; the small files are the first part's. They wait until all parts are joined. */
  readonly part?: PartOf;
  /**
   * Called when all bytes are written and before anything gets its final name: may refuse by throwing, and gives the files
   * that tell of the run.
   */
  readonly beforePublish?: (written: WrittenOutput[]) => readonly PlanText[];
}

/** An output file with what was seen while its tensors were copied, in the plan's order. */
export interface WrittenOutput {
  readonly output: PlanOutput;
  readonly tensors: readonly CopiedTensor[];
}

export interface ExecuteResult {
  readonly written: readonly WrittenOutput[];
  readonly bytesWritten: number;
  readonly seconds: number;
  readonly workers: number;
}

/**
 * Runs a plan: validates it, checks the space, copies in threads, and publishes all files at once at the end. Whatever
 * goes wrong, the input is untouched and nothing stands under a final name.
 */
export async function executePlan(plan: Plan, out: string, options: ExecuteOptions = {}): Promise<ExecuteResult> {
  try {
    return await run(plan, out, options);
  } catch (error) {
    // What reads says so itself: whatever else the operating system refuses is about the output.
    throw asWriteError(error, path.resolve(out));
  }
}

async function run(plan: Plan, out: string, options: ExecuteOptions): Promise<ExecuteResult> {
  const started = performance.now();
  validatePlan(plan);
  const { part } = options;
  const mine = part ? planOfPart(plan, part) : plan;
  const settings = copySettings(
    options.bandBytes,
    options.digest === undefined ? 'xxh64' : options.digest,
    plan.outputs.some(({ archive }) => archive !== undefined),
  );
  checkSpace(mine, out, bytesLeftIn(out, mine, part));
  const staging = Staging.claim(out, plan, { ...settings, replace: options.replace ?? false, part });
  const pool = options.pool ?? createPool(options.workers ?? defaultWorkers(plannedReads(mine)));
  try {
    copySidecars(mine, staging);
    const written = await copyAll(mine, staging, pool, settings, options);
    checkSources(mine);
    const texts = [...mine.texts, ...(options.beforePublish?.(written) ?? [])];
    writeTexts(texts, staging);
    const order = publishingOrder(mine, texts);
    if (options.sync) staging.sync(order);
    if (part) staging.keep(part);
    else staging.publish(order);
    if (options.sync) syncFolders(out, part ? [`${PARTS_FOLDER}/${PART_FILE}`] : order);
    const seconds = (performance.now() - started) / 1000;
    return { written, bytesWritten: plannedBytes(mine), seconds, workers: pool.workers };
  } catch (error) {
    throw giveUp(staging, error, options.signal);
  } finally {
    if (!options.pool) await pool.close();
  }
}

function planOfPart(plan: Plan, part: PartOf): Plan {
  const outputs = outputsOfPart(plan, part);
  return part.index === 1 ? { ...plan, outputs } : { ...plan, outputs, texts: [], sidecars: [] };
}

/** Cleans up after an error, and gives the error that tells what has become of the output. */
function giveUp(staging: Staging, error: unknown, signal: AbortSignal | undefined): unknown {
  const isCancelled = isShardloomError(error, 'cancelled');
  if (!isCancelled || signal?.reason !== KEEP) {
    staging.discard();
    return isCancelled ? cancelledRun() : error;
  }
  try {
    staging.leave();
    return stoppedRun();
  } catch (problem) {
    return problem;
  }
}

function cancelledRun(): ShardloomError {
  return new ShardloomError({
    tag: 'cancelled',
    what: 'The run was cancelled. Nothing was left in the output folder.',
  });
}

function stoppedRun(): ShardloomError {
  return new ShardloomError({
    tag: 'stopped',
    what: 'The run was stopped. What it has written so far is kept.',
    advice: 'Run the same command again: it goes on from there.',
  });
}

async function copyAll(
  plan: Plan,
  staging: Staging,
  pool: CopyPool,
  settings: CopySettings,
  options: ExecuteOptions,
): Promise<WrittenOutput[]> {
  for (const output of plan.outputs) createOutput(output, staging.pathOf(output.path));
  const tasks = tasksOf(plan, settings, (output) => staging.pathOf(output.path), staging.known);
  const note = ({ output }: CopyTask, tensors: readonly CopiedTensor[]): void => {
    staging.done(output!.path, tensors);
  };
  const total = plannedReads(plan);
  const results = await runWatched(pool.workers, pool.run, tasks, settings.control, total, options, note);
  const copied = new Map<string, Map<string, CopiedTensor>>();
  tasks.forEach(({ output }, index) => {
    const ofFile = copied.get(output!.path) ?? new Map<string, CopiedTensor>();
    for (const tensor of results[index]!) ofFile.set(tensor.name, tensor);
    copied.set(output!.path, ofFile);
  });
  return plan.outputs.map((output) => {
    const file = staging.pathOf(output.path);
    return finishOutput(output, file, copied.get(output.path) ?? new Map());
  });
}

/** Makes a file at its full length with what is known of it before copying; one that an earlier run has left is used again. */
function createOutput(output: PlanOutput, file: string): void {
  try {
    const fd = fs.openSync(file, fs.existsSync(file) ? 'r+' : 'wx');
    try {
      fs.ftruncateSync(fd, output.size);
      writePieces(fd, output.pieces);
    } finally {
      fs.closeSync(fd);
    }
  } catch (error) {
    throw asWriteError(error, file);
  }
}

function finishOutput(output: PlanOutput, file: string, copied: ReadonlyMap<string, CopiedTensor>): WrittenOutput {
  const tensors = output.tensors.map((tensor) => copied.get(tensor.name)!);
  const pieces = lastPieces(output, tensors);
  if (pieces.length > 0) {
    const fd = fs.openSync(file, 'r+');
    try {
      writePieces(fd, pieces);
    } finally {
      fs.closeSync(fd);
    }
  }
  return { output, tensors };
}

function writePieces(fd: number, pieces: readonly PlanPiece[]): void {
  for (const { at, bytes } of pieces) writeAt(fd, bytes, at);
}

/** First of all, because they are quickly done: what is wrong with one of them is told before the weights are copied. */
function copySidecars({ sidecars }: Plan, staging: Staging): void {
  for (const { from, path: name } of sidecars) {
    const stat = reading(from, () => fs.statSync(from));
    if (!stat.isFile() || stat.size > MAX_SIDECAR_BYTES) {
      throw new ShardloomError({
        tag: 'over-limit',
        what: 'A file that goes beside the weights is no file of the kind that does.',
        file: from,
        found: stat.isFile() ? formatBytes(stat.size) : 'not a regular file',
        expected: `a file of at most ${formatBytes(MAX_SIDECAR_BYTES)}`,
        advice: 'Move it out of the folder, then start again.',
      });
    }
    try {
      fs.copyFileSync(from, staging.pathOf(name), fs.constants.COPYFILE_EXCL);
    } catch (error) {
      throw asWriteError(error, name);
    }
  }
}

function writeTexts(texts: readonly PlanText[], staging: Staging): void {
  for (const { path: name, text } of texts) {
    try {
      fs.writeFileSync(staging.pathOf(name), text, { flag: 'wx' });
    } catch (error) {
      throw asWriteError(error, name);
    }
  }
}

/** What a run did not have to write, because an earlier one that was interrupted had done so. */
export function keptOf(written: readonly WrittenOutput[]): { readonly tensors: number; readonly bytes: number } {
  const sizes = written.flatMap(({ output, tensors }) =>
    output.tensors.flatMap(({ byteLength }, index) => (tensors[index]!.isKept ? [byteLength] : [])),
  );
  return { tensors: sizes.length, bytes: sizes.reduce((sum, size) => sum + size, 0) };
}

/** Config and tokenizer, then weights; last what makes a folder loadable (index, `done`) and what vouches for it. */
export function publishingOrder(plan: Plan, texts: readonly PlanText[]): string[] {
  const planned = new Set(plan.texts.map(({ path: name }) => name));
  const isIndex = (name: string): boolean => /\.index\.json$|(^|\/)done$/.test(name);
  const names = texts.map(({ path: name }) => name);
  return [
    ...names.filter((name) => planned.has(name) && !isIndex(name)),
    ...plan.sidecars.map(({ path: name }) => name),
    ...plan.outputs.map(({ path: name }) => name),
    ...names.filter(isIndex),
    ...names.filter((name) => !planned.has(name)),
  ];
}

/** Files that changed while they were read would give weights that belong to no step of the training. */
function checkSources(plan: Plan): void {
  for (const file of plan.files) {
    const stat = reading(file.path, () => fs.statSync(file.path, { throwIfNoEntry: false }));
    if (!stat || isChanged(file, stat)) throw sourceChanged(file, { size: stat?.size ?? 0 });
  }
}

/** `there`: bytes on the disk already, from a run that is continued. */
function checkSpace(plan: Plan, out: string, there: number): void {
  const need = Math.max(0, plannedBytes(plan) - there);
  const free = freeBytes(out);
  if (free === null || need <= free) return;
  throw new ShardloomError({
    tag: 'no-space',
    what: 'There is not enough space on the disk for the output.',
    file: path.resolve(out),
    isFolder: true,
    found: `${formatBytes(free)} free`,
    expected: `${formatBytes(need)}`,
    advice: 'Free some space, or choose an output folder on another disk.',
  });
}

/** Free bytes of the disk that a folder is or will be on, or null where the system does not tell. */
export function freeBytes(folder: string): number | null {
  for (let current = path.resolve(folder); ; current = path.dirname(current)) {
    try {
      const { bavail, bsize } = fs.statfsSync(current);
      return bavail * bsize;
    } catch {
      if (current === path.dirname(current)) return null;
    }
  }
}
