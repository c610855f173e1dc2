import fs from 'node:fs';
import path from 'node:path';
import { asReadError, statOrNull } from '../bytes/file.ts';
import { isShardloomError, ShardloomError } from '../errors.ts';
import { MAX_FOLDER_ENTRIES, MAX_FOLDERS_LOOKED_INTO } from '../limits.ts';
import { parseLegacyEntry, parseMetadataFile, parseRankFile, type RankNumbers } from './rank-names.ts';

/** One rank's file: a torch archive with its tensors (plain), or with references to files of one tensor each (xser). */
export interface RankFile {
  readonly path: string;
  readonly ranks: RankNumbers;
  /** xser: where `tensor_<tid>.pt` stand, and which stand there. Absent for plain files. */
  readonly tensors?: { readonly folder: string; readonly names: ReadonlySet<string> };
  /** xser: dtype and shape of every tensor. NxD up to 0.6 did not write it. */
  readonly infoFile?: string;
}

/** A folder of shards: a full model's or one adapter's. */
export interface ShardFolder {
  /** The folder that holds the metadata and the `done` mark. */
  readonly folder: string;
  /** The folder that holds the ranks' files. */
  readonly modelFolder: string;
  readonly layout: 'nxd' | 'legacy';
  readonly rankFiles: readonly RankFile[];
  /** By pipeline rank. */
  readonly metadataFiles: ReadonlyMap<number, { readonly path: string; readonly format: 'json' | 'pt' }>;
  /** The `done` mark; its absence means that the save was interrupted. Older layouts have none. */
  readonly done: boolean;
}

export interface AdapterFolder {
  /** From the folder's name `adapter_<name>`; any characters. */
  readonly name: string;
  readonly folder: string;
  readonly shards: ShardFolder;
}

export interface DiscoveredCheckpoint {
  /** The folder that was opened, absolute. */
  readonly opened: string;
  /** The folder with config.json and the like. */
  readonly root: string;
  /** Names of the plain files in {@link root}. */
  readonly rootFiles: readonly string[];
  readonly model?: ShardFolder;
  readonly adapters: readonly AdapterFolder[];
}

const MODEL_SHARD_FOLDERS = ['shards', 'tensor_parallel_shards'];
const ADAPTER_SHARD_FOLDER = 'adapter_shards';
const ADAPTER_PREFIX = 'adapter_';

/** Checkpoints of a run that are named in a message. */
const MAX_NAMES_TOLD = 8;

/**
 * Finds what a folder holds by looking at names only. A user may open the checkpoint, its `shards`, the `model` folder in
 * it, an `adapter_<name>` folder or its `adapter_shards`.
 */
export function discover(folder: string): DiscoveredCheckpoint {
  const opened = path.resolve(folder);
  const entries = list(opened);
  const own = shardFolder(opened, entries);
  if (own) {
    // Opened from inside: the files that describe it stand above the shards.
    const above = path.dirname(own.folder);
    const isAdapter = path.basename(own.folder) === ADAPTER_SHARD_FOLDER;
    return isAdapter ? inAdapter(opened, above, own) : inModel(opened, above, own, entries);
  }
  if (entries.folders.includes(ADAPTER_SHARD_FOLDER)) {
    const shards = shardFolder(path.join(opened, ADAPTER_SHARD_FOLDER));
    if (shards) return inAdapter(opened, opened, shards);
  }
  return inCheckpoint(opened, entries);
}

function inModel(opened: string, root: string, model: ShardFolder, entries: Entries): DiscoveredCheckpoint {
  // Training scripts of NxD keep config.json beside the shards, not above them.
  const here = entries.files.includes('config.json');
  return {
    opened,
    root: here ? opened : root,
    rootFiles: here ? entries.files : list(root).files,
    model,
    adapters: [],
  };
}

function inAdapter(opened: string, folder: string, shards: ShardFolder): DiscoveredCheckpoint {
  const base = path.basename(folder);
  const name = base.startsWith(ADAPTER_PREFIX) ? base.slice(ADAPTER_PREFIX.length) : 'default';
  const root = path.dirname(folder);
  return { opened, root, rootFiles: list(root).files, adapters: [{ name, folder, shards }] };
}

function inCheckpoint(opened: string, entries: Entries): DiscoveredCheckpoint {
  const { model, adapters } = contentsOf(opened, entries);
  if (!model && adapters.length === 0) throw nothingFound(opened, entries);
  return { opened, root: opened, rootFiles: entries.files, ...(model && { model }), adapters };
}

/** The shards of the model and of the adapters that a folder with a checkpoint's contents holds. */
function contentsOf(
  opened: string,
  entries: Entries,
): Pick<DiscoveredCheckpoint, 'adapters'> & { model?: ShardFolder } {
  const models = MODEL_SHARD_FOLDERS.filter((name) => entries.folders.includes(name)).flatMap((name) => {
    return shardFolder(path.join(opened, name)) ?? [];
  });
  const adapters = entries.folders
    .filter(
      (name) => name.startsWith(ADAPTER_PREFIX) && name.length > ADAPTER_PREFIX.length && name !== ADAPTER_SHARD_FOLDER,
    )
    .flatMap((name) => {
      const folder = path.join(opened, name);
      const shards = list(folder).folders.includes(ADAPTER_SHARD_FOLDER)
        ? shardFolder(path.join(folder, ADAPTER_SHARD_FOLDER))
        : null;
      return shards ? [{ name: name.slice(ADAPTER_PREFIX.length), folder, shards }] : [];
    });
  const model = models[0];
  return { ...(model && { model }), adapters };
}

/** The shards in `folder`, directly or in its `model`, or null where it holds none. */
function shardFolder(folder: string, entries: Entries = list(folder)): ShardFolder | null {
  const metadataFiles = metadataIn(folder, entries);
  const modelFolder = path.join(folder, 'model');
  if (entries.folders.includes('model')) {
    const inside = rankFilesIn(modelFolder, list(modelFolder));
    if (inside) return { folder, modelFolder, ...inside, metadataFiles, done: entries.files.includes('done') };
  }
  const here = rankFilesIn(folder, entries);
  if (here?.layout === 'nxd' && path.basename(folder) === 'model') {
    const above = path.dirname(folder);
    const aboveEntries = list(above);
    const metadata = metadataIn(above, aboveEntries);
    return {
      folder: above,
      modelFolder: folder,
      ...here,
      metadataFiles: metadata,
      done: aboveEntries.files.includes('done'),
    };
  }
  if (here) {
    const done = here.layout === 'legacy' || entries.files.includes('done');
    return { folder, modelFolder: folder, ...here, metadataFiles, done };
  }
  // Every rank's file is missing, but what stands around them is there: worth saying which files are missing.
  if (metadataFiles.size > 0) {
    return { folder, modelFolder, layout: 'nxd', rankFiles: [], metadataFiles, done: entries.files.includes('done') };
  }
  return null;
}

function rankFilesIn(folder: string, entries: Entries): Pick<ShardFolder, 'layout' | 'rankFiles'> | null {
  const nxd = entries.files.flatMap((name) => {
    const ranks = parseRankFile(name);
    return ranks ? [rankFile(path.join(folder, name), ranks, entries)] : [];
  });
  if (nxd.length > 0) return { layout: 'nxd', rankFiles: inRankOrder(nxd) };
  const legacy = [...entries.folders, ...entries.files].flatMap((name) => {
    const ranks = parseLegacyEntry(name);
    if (!ranks) return [];
    const isFolder = entries.folderSet.has(name);
    return [rankFile(path.join(folder, name, isFolder ? 'checkpoint.pt' : ''), ranks, entries)];
  });
  return legacy.length > 0 ? { layout: 'legacy', rankFiles: inRankOrder(legacy) } : null;
}

function rankFile(file: string, ranks: RankNumbers, siblings: Entries): RankFile {
  const name = path.basename(file);
  const tensorsName = `${name}.tensors`;
  const infoName = `${name}.info.pt`;
  const folder = path.join(path.dirname(file), tensorsName);
  const hasTensors = siblings.folderSet.has(tensorsName);
  return {
    path: path.normalize(file),
    ranks,
    ...(hasTensors && { tensors: { folder, names: new Set(list(folder).files) } }),
    ...(siblings.fileSet.has(infoName) && { infoFile: path.join(path.dirname(file), infoName) }),
  };
}

function inRankOrder(files: RankFile[]): RankFile[] {
  return files.sort(({ ranks: a }, { ranks: b }) => a.pp - b.pp || a.tp - b.tp || a.ep - b.ep || a.dp - b.dp);
}

function metadataIn(folder: string, entries: Entries): ShardFolder['metadataFiles'] {
  const found = new Map<number, { path: string; format: 'json' | 'pt' }>();
  for (const name of entries.files) {
    const parsed = parseMetadataFile(name);
    // Where both forms stand beside each other the JSON one is the newer version's.
    if (parsed && (parsed.format === 'json' || !found.has(parsed.pp))) {
      found.set(parsed.pp, { path: path.join(folder, name), format: parsed.format });
    }
  }
  return found;
}

interface Entries {
  readonly files: readonly string[];
  readonly fileSet: ReadonlySet<string>;
  readonly folders: readonly string[];
  readonly folderSet: ReadonlySet<string>;
}

/** The names in a folder. Links are followed to see what they lead to; those that lead nowhere count as nothing. */
function list(folder: string): Entries {
  const files: string[] = [];
  const folders: string[] = [];
  let entries: fs.Dirent[];
  try {
    entries = fs.readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    throw folderError(error, folder);
  }
  if (entries.length > MAX_FOLDER_ENTRIES) {
    throw new ShardloomError({
      tag: 'over-limit',
      what: 'The folder has more entries than any checkpoint.',
      file: folder,
      isFolder: true,
      found: `${entries.length} entries`,
      expected: `at most ${MAX_FOLDER_ENTRIES}`,
      advice: 'Open the checkpoint folder itself.',
    });
  }
  for (const entry of entries) {
    const target = entry.isSymbolicLink() ? statOrNull(path.join(folder, entry.name)) : entry;
    if (target?.isFile()) files.push(entry.name);
    else if (target?.isDirectory()) folders.push(entry.name);
  }
  files.sort();
  folders.sort();
  return { files, fileSet: new Set(files), folders, folderSet: new Set(folders) };
}

function folderError(error: unknown, folder: string): unknown {
  const code = (error as NodeJS.ErrnoException).code;
  if (code !== 'ENOENT' && code !== 'ENOTDIR') return asReadError(error, folder);
  return new ShardloomError(
    {
      tag: 'not-a-checkpoint',
      what: code === 'ENOENT' ? 'The folder does not exist.' : 'This is a file, not a folder.',
      file: folder,
      isFolder: code === 'ENOENT',
      advice: 'Give the checkpoint folder: the one that holds shards/ or adapter_<name>/.',
    },
    { cause: error },
  );
}

function nothingFound(folder: string, entries: Entries): ShardloomError {
  const checkpoints = checkpointsIn(folder, entries);
  if (checkpoints.length > 0) return severalFound(folder, checkpoints);
  const weights = entries.files.find((name) => /\.(safetensors|bin)$/.test(name));
  return new ShardloomError({
    tag: 'not-a-checkpoint',
    what: 'No sharded checkpoint was found in this folder.',
    file: folder,
    isFolder: true,
    found: weights
      ? `${weights}: weights that are not sharded`
      : [...entries.folders, ...entries.files].slice(0, 8).join(', ') || 'an empty folder',
    expected:
      'shards/, tensor_parallel_shards/, adapter_<name>/adapter_shards/, or files named dp_rank_00_tp_rank_00_pp_rank_00.pt',
    advice: 'Open the folder that the training run saved into.',
  });
}

/** The folder of a run: what it saved is one level further down. */
function severalFound(folder: string, names: readonly string[]): ShardloomError {
  const told = names.length > MAX_NAMES_TOLD ? [...names.slice(0, MAX_NAMES_TOLD - 1), '…', names.at(-1)!] : names;
  return new ShardloomError({
    tag: 'not-a-checkpoint',
    what:
      names.length === 1
        ? 'This folder is no checkpoint, but holds one.'
        : `This folder is no checkpoint, but holds ${names.length} of them.`,
    file: folder,
    isFolder: true,
    checkpoints: names.map((name) => path.join(folder, name)),
    found: told.join(', '),
    expected: 'the folder of one checkpoint',
    advice: names.length === 1 ? `Open ${names[0]!}.` : `Open one of these, such as the last one, ${names.at(-1)!}.`,
  });
}

/** Folders that are checkpoints, in the order of the numbers in their names. */
function checkpointsIn(folder: string, { folders }: Entries): string[] {
  return folders
    .slice(0, MAX_FOLDERS_LOOKED_INTO)
    .filter((name) => holdsCheckpoint(path.join(folder, name)))
    .sort(new Intl.Collator('en', { numeric: true }).compare);
}

function holdsCheckpoint(folder: string): boolean {
  try {
    const { model, adapters } = contentsOf(folder, list(folder));
    return model !== undefined || adapters.length > 0;
  } catch (error) {
    // A folder that may not be read is none that could be opened.
    if (isShardloomError(error)) return false;
    throw error;
  }
}
