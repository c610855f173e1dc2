import fs from 'node:fs';
import path from 'node:path';
import { editJson, saveStateDict, type ToSave } from '../../support/shards.ts';
import { readWeights } from '../../support/weights.ts';
import type { FolderAttack } from '../folders.ts';
import { METADATA, RANK } from '../kinds.ts';

const ATTENTION = 'model.layers.0.self_attn.';
const RANKS = [0, 1, 2, 3];

/** Gives every rank another tensor of this name, and lets the metadata say that an axis of it is split. */
function reshaped(name: string, shapeOf: (rank: number) => readonly number[], axis: number): FolderAttack {
  return {
    base: 'gqa',
    expected: 'shape-mismatch',
    make: (folder) => {
      for (const rank of RANKS) {
        const file = path.join(folder, RANK.replace('tp_rank_00', `tp_rank_0${rank}`));
        const weights = new Map(readWeights(file) as unknown as Map<string, ToSave>);
        const shape = shapeOf(rank);
        const bytes = Buffer.alloc(2 * shape.reduce((count, size) => count * size, 1));
        weights.set(name, { dtype: 'BF16', shape, bytes });
        fs.rmSync(file);
        saveStateDict(file, weights);
      }
      editJson(path.join(folder, METADATA), ({ parameters }: { parameters: Record<string, object> }) => {
        Object.assign(parameters[name]!, { partition_dim: axis });
      });
    },
  };
}

const shorterAtTheEnd = (rank: number): number => (rank === 3 ? 1 : 2);

/** Tensors that agree with the metadata, which does not agree with the transformation spec. */
export const attacks: Readonly<Record<string, FolderAttack>> = {
  'an output projection split along its rows': reshaped(
    `${ATTENTION}o_proj.weight`,
    (rank) => [shorterAtTheEnd(rank), 2],
    0,
  ),
  'an output projection that is a vector': reshaped(`${ATTENTION}o_proj.weight`, () => [8], 0),
  'an output projection without columns': {
    ...reshaped(`${ATTENTION}o_proj.weight`, () => [8, 0], 1),
    expected: 'ok',
  },
  'query heads split along their columns': reshaped(
    `${ATTENTION}qkv_proj.weight_q`,
    (rank) => [2, shorterAtTheEnd(rank)],
    1,
  ),
  'fused linears split along their columns': reshaped(
    'model.layers.0.mlp.gate_up_proj.weight',
    (rank) => [4, shorterAtTheEnd(rank)],
    1,
  ),
};
