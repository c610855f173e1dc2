import path from 'node:path';
import type { ShardedState } from '../checkpoint/checkpoint.ts';
import type { Finding } from '../errors.ts';
import { dtypeBytes } from '../tensor/dtype.ts';
import { elementCount } from '../tensor/shape.ts';
import { rankFileName } from '../checkpoint/rank-names.ts';

/** One cell of the TP × PP grid: what a rank holds and whether it is whole. */
export interface RankSummary {
  readonly tp: number;
  readonly pp: number;
  /** Of its tensors; null where no rank's tensors were gone through, because some rank is missing or damaged. */
  readonly bytes: number | null;
  readonly tensors: number | null;
  /** The rank's file, or where it should be. */
  readonly file: string;
  /** `missing`: the rank's file is not there. `damaged`: an error names one of its files. */
  readonly state: 'whole' | 'damaged' | 'missing';
}

/** All ranks of a model or adapter, stage by stage in rank order. */
export function rankGrid(state: ShardedState): RankSummary[] {
  const held = heldByRank(state);
  const damaged = damagedFiles(state.findings);
  const files = new Map(state.shards.rankFiles.map((file) => [`${file.ranks.pp}/${file.ranks.tp}`, file]));
  const grid: RankSummary[] = [];
  for (let pp = 0; pp < state.pipelineParallelSize; pp++) {
    for (let tp = 0; tp < state.tensorParallelSize; tp++) {
      const key = `${pp}/${tp}`;
      const file = files.get(key);
      const isDamaged = file && (damaged.has(file.path) || (file.tensors && damaged.has(file.tensors.folder)));
      grid.push({
        tp,
        pp,
        ...(held.get(key) ?? { bytes: held.size > 0 ? 0 : null, tensors: held.size > 0 ? 0 : null }),
        file: file?.path ?? path.join(state.shards.modelFolder, rankFileName(tp, pp, state.shards.layout)),
        state: !file ? 'missing' : isDamaged ? 'damaged' : 'whole',
      });
    }
  }
  return grid;
}

function heldByRank(state: ShardedState): Map<string, { bytes: number; tensors: number }> {
  const held = new Map<string, { bytes: number; tensors: number }>();
  for (const stage of state.stages) {
    for (const locals of stage.tensors.values()) {
      locals.forEach((local, tp) => {
        const key = `${stage.ppRank}/${tp}`;
        const sum = held.get(key) ?? { bytes: 0, tensors: 0 };
        sum.bytes += elementCount(local.shape) * dtypeBytes(local.dtype);
        sum.tensors++;
        held.set(key, sum);
      });
    }
  }
  return held;
}

/** Files that errors name, each with the folder it stands in: a rank's tensor files stand in one of its own. */
function damagedFiles(findings: readonly Finding[]): Set<string> {
  const files = new Set<string>();
  for (const { severity, file } of findings) {
    if (severity !== 'error' || file === undefined) continue;
    files.add(file);
    files.add(path.dirname(file));
  }
  return files;
}
