import fs from 'node:fs';
import path from 'node:path';
import type { FolderAttack } from '../folders.ts';

/** Nothing is written into the input, by whatever way it is named. */
export const attacks: Readonly<Record<string, FolderAttack>> = {
  'into the shards': {
    base: 'gqa',
    expected: 'usage',
    make: (folder) => ({ out: path.join(folder, 'shards') }),
  },
  'below the shards': {
    base: 'gqa',
    expected: 'usage',
    make: (folder) => ({ out: path.join(folder, 'shards/model/new/out') }),
  },
  'through a link into the shards': {
    base: 'gqa',
    expected: 'usage',
    make: (folder, beside) => {
      fs.symlinkSync(path.join(folder, 'shards'), path.join(beside, 'looks-harmless'));
      return { out: path.join(beside, 'looks-harmless', 'out') };
    },
  },
  'the checkpoint itself, by another name': {
    base: 'gqa',
    expected: 'usage',
    make: (folder, beside) => {
      fs.symlinkSync(folder, path.join(beside, 'other-name'));
      return { out: path.join(beside, 'other-name') };
    },
  },
  'into the shards, while the checkpoint is opened through a link': {
    base: 'gqa',
    expected: 'usage',
    make: (folder, beside) => {
      fs.symlinkSync(folder, path.join(beside, 'link'));
      return { open: path.join(beside, 'link'), out: path.join(folder, 'shards', 'out') };
    },
  },
  'into shards that are themselves a link': {
    base: 'gqa',
    expected: 'usage',
    make: (folder, beside) => {
      const real = path.join(beside, 'real-shards');
      fs.renameSync(path.join(folder, 'shards'), real);
      fs.symlinkSync(real, path.join(folder, 'shards'));
      return { out: path.join(real, 'out') };
    },
  },
};
