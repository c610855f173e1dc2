import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import type { FolderAttack } from '../folders.ts';
import { METADATA, RANK } from '../kinds.ts';

function replace(file: string, by: (file: string) => void): void {
  fs.rmSync(file, { recursive: true });
  by(file);
}

const fifo = (file: string): void => void execFileSync('mkfifo', [file]);

/** Things of another kind where files and folders are expected. None of them may be waited for. */
export const attacks: Readonly<Record<string, FolderAttack>> = {
  'a FIFO for a rank file': {
    base: 'gqa',
    expected: 'missing-rank',
    make: (folder) => replace(path.join(folder, RANK), fifo),
  },
  'a link to a FIFO for a rank file': {
    base: 'gqa',
    expected: 'missing-rank',
    make: (folder) => {
      fifo(path.join(folder, 'fifo'));
      replace(path.join(folder, RANK), (file) => fs.symlinkSync(path.join(folder, 'fifo'), file));
    },
  },
  'FIFOs for all that stands beside the shards': {
    base: 'gqa',
    expected: 'ok',
    make: (folder) => {
      for (const name of ['config.json', 'trn_config.json']) replace(path.join(folder, name), fifo);
      for (const name of ['tokenizer.json', 'README.md', 'generation_config.json']) fifo(path.join(folder, name));
    },
  },
  'a FIFO for the metadata, for which config.json stands in': {
    base: 'gqa',
    expected: 'ok',
    make: (folder) => replace(path.join(folder, METADATA), fifo),
  },
  'a FIFO for an adapter’s config': {
    base: 'lora',
    expected: 'read-failed',
    make: (folder) => replace(path.join(folder, 'adapter_default/adapter_config.json'), fifo),
  },
  'a device for a rank file': {
    base: 'gqa',
    expected: 'missing-rank',
    make: (folder) => replace(path.join(folder, RANK), (file) => fs.symlinkSync('/dev/zero', file)),
  },
  'a socket for a rank file': {
    base: 'gqa',
    expected: 'missing-rank',
    make: (folder) =>
      replace(path.join(folder, RANK), (file) => {
        // The name of a socket may have 107 bytes; the server ends with the test run.
        const cwd = process.cwd();
        process.chdir(path.dirname(file));
        net.createServer().listen(path.basename(file)).unref();
        process.chdir(cwd);
      }),
  },
  'folders for files': {
    base: 'gqa',
    expected: 'missing-rank',
    make: (folder) => {
      for (const name of ['config.json', 'trn_config.json', RANK]) {
        replace(path.join(folder, name), (file) => fs.mkdirSync(file));
      }
    },
  },
  'files for folders': {
    base: 'lora',
    expected: 'missing-rank',
    make: (folder) => {
      replace(path.join(folder, 'shards/model'), (file) => fs.writeFileSync(file, ''));
      replace(path.join(folder, 'adapter_default'), (file) => fs.writeFileSync(file, ''));
    },
  },
  'files for the folders of tensors': {
    base: 'xser',
    expected: 'missing-file',
    make: (folder) => replace(path.join(folder, `${RANK}.tensors`), (file) => fs.writeFileSync(file, '')),
  },
  'an empty file for every file': {
    base: 'gqa',
    expected: 'bad-metadata',
    make: (folder) => {
      for (const name of fs.readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
        const file = path.join(folder, name);
        if (fs.statSync(file).isFile()) fs.truncateSync(file);
      }
    },
  },
  'a rank file of a terabyte of nothing': {
    base: 'gqa',
    expected: 'bad-archive',
    make: (folder) => fs.truncateSync(replaced(path.join(folder, RANK)), 2 ** 40),
  },
  'metadata of 250 MB of nothing': {
    base: 'gqa',
    expected: 'over-limit',
    make: (folder) => fs.truncateSync(replaced(path.join(folder, METADATA)), 250 * 2 ** 20),
  },
  'a config of 60 MB of brackets': {
    base: 'gqa',
    expected: 'over-limit',
    make: (folder) => fs.writeFileSync(path.join(folder, 'config.json'), Buffer.alloc(60 * 2 ** 20, '[],')),
  },
  'a config of 60 MB of spaces': {
    base: 'gqa',
    expected: 'bad-metadata',
    make: (folder) => fs.writeFileSync(path.join(folder, 'config.json'), Buffer.alloc(60 * 2 ** 20, 0x20)),
  },
};

/** The same file with nothing in it. */
function replaced(file: string): string {
  replace(file, (name) => fs.writeFileSync(name, ''));
  return file;
}
