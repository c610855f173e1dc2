import fs from 'node:fs';
import path from 'node:path';
import type { FolderAttack } from '../folders.ts';
import { METADATA, RANK } from '../kinds.ts';

/** Moves what is at `name` beside the checkpoint and puts a link in its place. */
function linkOut(folder: string, beside: string, name: string): void {
  const target = path.join(beside, 'elsewhere', path.basename(name));
  fs.mkdirSync(path.dirname(target), { recursive: true });
  fs.renameSync(path.join(folder, name), target);
  fs.symlinkSync(target, path.join(folder, name));
}

/**
 * Links are followed, wherever they lead: people link checkpoints from other disks, and huggingface_hub keeps every file as a
 * link into its cache. What a link leads to is only read, and only as what it should be.
 */
export const attacks: Readonly<Record<string, FolderAttack>> = {
  'a rank file on another disk': {
    base: 'gqa',
    expected: 'ok',
    make: (folder, beside) => linkOut(folder, beside, RANK),
  },
  'shards on another disk': {
    base: 'gqa',
    expected: 'ok',
    make: (folder, beside) => linkOut(folder, beside, 'shards'),
  },
  'metadata and config on another disk': {
    base: 'gqa',
    expected: 'ok',
    make: (folder, beside) => {
      linkOut(folder, beside, METADATA);
      linkOut(folder, beside, 'config.json');
    },
  },
  'the checkpoint itself is a link': {
    base: 'xser',
    expected: 'ok',
    make: (folder, beside) => {
      const open = path.join(beside, 'link');
      fs.symlinkSync(folder, open);
      return { open };
    },
  },
  'a rank file that leads to a file that is none': {
    base: 'gqa',
    expected: 'bad-archive',
    make: (folder, beside) => {
      const secret = path.join(beside, 'secret');
      fs.writeFileSync(secret, 'root:x:0:0:root:/root:/bin/bash\n');
      fs.rmSync(path.join(folder, RANK));
      fs.symlinkSync(secret, path.join(folder, RANK));
    },
  },
  'a tokenizer that leads to a secret is told of': {
    base: 'plain',
    expected: 'ok',
    make: (folder, beside) => {
      const secret = path.join(beside, 'secret');
      fs.writeFileSync(secret, 'a private key');
      fs.symlinkSync(secret, path.join(folder, 'tokenizer.json'));
    },
    check: (_, { stdout }) => {
      const { findings } = JSON.parse(stdout) as { findings: { what: string; file: string }[] };
      if (!findings.some(({ file }) => file.endsWith('tokenizer.json')))
        throw new Error('no finding tells of the link');
    },
  },
  'links in circles': {
    base: 'gqa',
    expected: 'ok',
    make: (folder) => {
      fs.symlinkSync('circle', path.join(folder, 'circle'));
      fs.symlinkSync('tokenizer.json', path.join(folder, 'tokenizer.json'));
      fs.symlinkSync('..', path.join(folder, 'shards', 'up'));
      fs.symlinkSync('.', path.join(folder, 'adapter_circle'));
    },
  },
  'a rank file that is a link to itself': {
    base: 'gqa',
    expected: 'missing-rank',
    make: (folder) => {
      fs.rmSync(path.join(folder, RANK));
      fs.symlinkSync(path.basename(RANK), path.join(folder, RANK));
    },
  },
  'links to nothing': {
    base: 'gqa',
    expected: 'missing-rank',
    make: (folder) => {
      fs.symlinkSync('gone', path.join(folder, 'generation_config.json'));
      fs.rmSync(path.join(folder, RANK));
      fs.symlinkSync('/nowhere/at/all.pt', path.join(folder, RANK));
    },
  },
  'a folder of adapters that is the checkpoint again': {
    base: 'lora',
    expected: 'ok',
    make: (folder) => fs.symlinkSync('..', path.join(folder, 'shards', 'adapter_up')),
  },
};
