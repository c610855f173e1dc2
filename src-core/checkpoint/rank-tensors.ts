import path from 'node:path';
import { withFile } from '../bytes/file.ts';
import { ShardloomError, toFinding, type Finding } from '../errors.ts';
import {
  readTorchFile,
  singleTensorOf,
  stateDictOf,
  tensorInfoOf,
  type MetaTensor,
  type SavedTensor,
  type TensorInfo,
} from '../formats/torch/index.ts';
import { sameShape } from '../tensor/shape.ts';
import type { StoredTensor } from '../tensor/stored.ts';
import type { RankFile } from './discover.ts';
import { formatShape } from '../units.ts';

/** The tensors of one rank, by saved name. */
export interface RankTensors {
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** Names of tensors that expert parallelism spreads over ranks. */
  readonly expertParallel: ReadonlySet<string>;
  /** How many tensors of other pipeline stages the rank's files hold beside its own. */
  readonly leftAside: number;
  readonly findings: readonly Finding[];
}

/** How many faults of one rank are told one by one; more of the same kind say nothing new. */
const MAX_FINDINGS_PER_RANK = 8;

/**
 * Reads where a rank's tensors are stored. Only directories and pickles are read, no weights. Faults become findings.
 * @param ofOtherStages names to pass over: training saves them with every stage, with whatever values they have there
 */
export function readRank(file: RankFile, ofOtherStages: ReadonlySet<string>): RankTensors {
  const nothing = { tensors: new Map<string, StoredTensor>(), expertParallel: new Set<string>(), leftAside: 0 };
  try {
    const saved = withFile(file.path, (source) => stateDictOf(readTorchFile(source), file.path));
    const own = new Map([...saved].filter(([name]) => !ofOtherStages.has(name)));
    const read = file.tensors ? readXser(file, file.tensors, own) : readPlain(file, own);
    return { ...nothing, ...read, leftAside: saved.size - own.size };
  } catch (error) {
    return { ...nothing, findings: [toFinding(error, 'error')] };
  }
}

type SavedTensors = ReadonlyMap<string, SavedTensor>;

function readPlain(file: RankFile, saved: SavedTensors): Pick<RankTensors, 'tensors' | 'findings'> {
  const tensors = new Map<string, StoredTensor>();
  const findings: Finding[] = [];
  const rank = { tp: file.ranks.tp, pp: file.ranks.pp };
  for (const [name, tensor] of saved) {
    if (tensor.kind === 'meta-tensor') {
      findings.push(withoutData(file, name, tensor));
      continue;
    }
    if (tensor.kind === 'tensor-reference') {
      throw new ShardloomError({
        tag: 'missing-file',
        what: 'This file refers to tensor files, but the folder that holds them is missing.',
        file: `${file.path}.tensors`,
        tensor: name,
        expected: `${path.basename(file.path)}.tensors/tensor_${tensor.tid}.pt`,
        advice: 'Copy the folder from the training machine and open the checkpoint again.',
      });
    }
    const { dtype, shape, strides, byteOffset } = tensor;
    tensors.set(name, { name, file: file.path, byteOffset, dtype, shape, strides, rank });
  }
  return { tensors, findings: findings.slice(0, MAX_FINDINGS_PER_RANK) };
}

function readXser(
  file: RankFile,
  folder: NonNullable<RankFile['tensors']>,
  entries: SavedTensors,
): Pick<RankTensors, 'tensors' | 'expertParallel' | 'findings'> {
  const { infoFile } = file;
  const info = infoFile ? withFile(infoFile, (source) => tensorInfoOf(readTorchFile(source), infoFile)) : undefined;
  const tensors = new Map<string, StoredTensor>();
  const expertParallel = new Set<string>();
  const findings: Finding[] = [];
  const missing: string[] = [];
  for (const [name, entry] of entries) {
    if (entry.kind === 'meta-tensor') {
      findings.push(withoutData(file, name, entry));
      continue;
    }
    if (entry.kind === 'tensor') {
      const { dtype, shape, strides, byteOffset } = entry;
      tensors.set(name, { name, file: file.path, byteOffset, dtype, shape, strides, rank: file.ranks });
      continue;
    }
    const expected = info?.get(entry.tid);
    if (expected?.expertModelParallel) expertParallel.add(name);
    const fileName = `tensor_${entry.tid}.pt`;
    // Under expert parallelism the others' tensors stand under expert rank 0 only: not a fault.
    if (!folder.names.has(fileName)) {
      if (file.ranks.ep === 0 || expected?.expertModelParallel) missing.push(`${fileName} (${name})`);
      continue;
    }
    try {
      tensors.set(name, readTensorFile(path.join(folder.folder, fileName), name, file, expected));
    } catch (error) {
      findings.push(toFinding(error, 'error'));
    }
  }
  if (missing.length > 0) findings.unshift(missingTensorFiles(file, folder, missing, entries.size));
  return { tensors, expertParallel, findings: findings.slice(0, MAX_FINDINGS_PER_RANK) };
}

function readTensorFile(path: string, name: string, file: RankFile, info: TensorInfo | undefined): StoredTensor {
  const { dtype, shape, strides, byteOffset } = withFile(path, (source) => singleTensorOf(readTorchFile(source), path));
  if (info && (info.dtype !== dtype || !sameShape(info.shape, shape))) {
    throw new ShardloomError({
      tag: info.dtype === dtype ? 'shape-mismatch' : 'dtype-mismatch',
      what: 'The tensor file is not the one that the rank’s info file describes.',
      file: path,
      tensor: name,
      found: `${dtype} ${formatShape(shape)}`,
      expected: `${info.dtype} ${formatShape(info.shape)}`,
      advice: 'Copy the rank’s files again from one checkpoint.',
    });
  }
  return { name, file: path, byteOffset, dtype, shape, strides, rank: { tp: file.ranks.tp, pp: file.ranks.pp } };
}

function withoutData(file: RankFile, name: string, { shape }: MetaTensor): Finding {
  return {
    severity: 'error',
    tag: 'missing-tensor',
    what: 'The file names this parameter but holds no data of it: it was on torch’s meta device when it was saved.',
    file: file.path,
    tensor: name,
    found: `a meta tensor of shape ${formatShape(shape)}`,
    expected: 'a tensor with data, or metadata that lists the parameter for another pipeline stage',
    advice: 'Copy the metadata of all stages (mp_metadata_pp_rank_<p>.json), or take the checkpoint before it.',
  };
}

function missingTensorFiles(
  file: RankFile,
  folder: NonNullable<RankFile['tensors']>,
  missing: readonly string[],
  total: number,
): Finding {
  const all = missing.length === total;
  return {
    severity: 'error',
    tag: 'missing-file',
    what: all
      ? `TP rank ${file.ranks.tp}, pipeline rank ${file.ranks.pp} has none of its tensor files.`
      : `TP rank ${file.ranks.tp}, pipeline rank ${file.ranks.pp} lacks ${missing.length} of its ${total} tensor files.`,
    file: folder.folder,
    isFolder: true,
    found: `${total - missing.length} of ${total} files`,
    expected: missing.slice(0, 3).join(', ') + (missing.length > 3 ? ` and ${missing.length - 3} more` : ''),
    advice: all
      ? 'Copy the folder from the training machine. If it is empty there too, the run saved with avoid_saving_lower_precision_weights: then the weights are in optim/ only, which Shardloom does not read.'
      : 'Copy these files from the training machine and open the folder again.',
  };
}
