import fs from 'node:fs';
import path from 'node:path';
import type { FolderAttack } from '../folders.ts';
import { METADATA, RANK } from '../kinds.ts';

/** Something that the program's user may not open. */
function closed(name: string, expected: FolderAttack['expected']): FolderAttack {
  return {
    base: 'gqa',
    expected,
    asOtherUser: true,
    make: (folder) => fs.chmodSync(path.join(folder, name), 0),
  };
}

export const attacks: Readonly<Record<string, FolderAttack>> = {
  'a rank file': closed(RANK, 'read-failed'),
  'the metadata': closed(METADATA, 'read-failed'),
  'the config': closed('config.json', 'read-failed'),
  'the folder of ranks': closed('shards/model', 'read-failed'),
  'the checkpoint': closed('.', 'read-failed'),
  'a link into a folder that is closed': {
    base: 'gqa',
    expected: 'ok',
    asOtherUser: true,
    make: (folder, beside) => {
      const room = path.join(beside, 'closed');
      fs.mkdirSync(room);
      fs.writeFileSync(path.join(room, 'secret'), '');
      fs.symlinkSync(path.join(room, 'secret'), path.join(folder, 'tokenizer.json'));
      fs.chmodSync(room, 0);
    },
  },
  'an output folder that cannot be made': {
    base: 'gqa',
    expected: 'write-failed',
    asOtherUser: true,
    make: (_, beside) => {
      const room = path.join(beside, 'closed');
      fs.mkdirSync(room, { mode: 0o500 });
      return { out: path.join(room, 'out') };
    },
  },
};
