import fs from 'node:fs';
import path from 'node:path';
import type { FolderAttack } from '../folders.ts';
import { RANK } from '../kinds.ts';

const ADAPTER = 'adapter_default';

/** An adapter of another name. Its name becomes a folder of the output. */
function adapterNamed(name: string, expected: FolderAttack['expected']): FolderAttack {
  return {
    base: 'lora',
    expected,
    make: (folder) => {
      const named = path.join(folder, `adapter_${name}`);
      fs.renameSync(path.join(folder, ADAPTER), named);
      const metadata = path.join(named, 'adapter_shards/mp_metadata_pp_rank_0.json');
      const inJson = JSON.stringify(`.${name}.`).slice(1, -1);
      fs.writeFileSync(
        metadata,
        fs.readFileSync(metadata, 'utf8').replaceAll('.default.', () => inJson),
      );
    },
  };
}

export const attacks: Readonly<Record<string, FolderAttack>> = {
  'an adapter called ..': adapterNamed('..', 'unsupported'),
  'an adapter called .': adapterNamed('.', 'unsupported'),
  'an adapter with a backslash': adapterNamed('..\\..\\evil', 'unsupported'),
  'an adapter with a drive letter': adapterNamed('C:evil', 'unsupported'),
  'an adapter called like a device of Windows': adapterNamed('NUL', 'unsupported'),
  'an adapter called like the weights': adapterNamed('model.safetensors', 'unsupported'),
  'an adapter called like the manifest': adapterNamed('shardloom.json', 'unsupported'),
  'an adapter called like the config': adapterNamed('config.json', 'unsupported'),
  'an adapter called __proto__': adapterNamed('__proto__', 'ok'),
  'an adapter with escape codes and line ends': adapterNamed('\u001b[2J\r\nfake ok \u202e\u009b', 'ok'),
  'an adapter with the longest name': adapterNamed('n'.repeat(247), 'ok'),
  'files with control characters': {
    base: 'gqa',
    expected: 'ok',
    make: (folder) => {
      for (const name of ['\u001b[2J', 'line\nend', '\u202egnp.fdp', 'tokenizer\u0007\u009b.json', '-rf', '--help']) {
        fs.writeFileSync(path.join(folder, name), '{}');
      }
    },
  },
  'tokenizers that differ in case': {
    base: 'gqa',
    expected: 'ok',
    make: (folder) => {
      fs.writeFileSync(path.join(folder, 'tokenizer.json'), '{}');
      fs.writeFileSync(path.join(folder, 'tokenizer.JSON'), '{}');
    },
  },
  'two files for one rank': {
    base: 'gqa',
    expected: 'parallel-size-mismatch',
    make: (folder) =>
      fs.copyFileSync(path.join(folder, RANK), path.join(folder, RANK.replace('tp_rank_00', 'tp_rank_0'))),
  },
  'ranks spread over two data parallel ranks': {
    base: 'gqa',
    expected: 'ok',
    make: (folder) => {
      const first = path.join(folder, RANK);
      fs.copyFileSync(first, first.replace('dp_rank_00', 'dp_rank_01'));
      const second = first.replace('tp_rank_00', 'tp_rank_01');
      fs.renameSync(second, second.replace('dp_rank_00', 'dp_rank_01'));
    },
    check: (out) => {
      if (fs.statSync(path.join(out, 'model.safetensors')).size < 1000) throw new Error('weights were lost');
    },
  },
  'ranks that are too large for any cluster': {
    base: 'gqa',
    expected: 'ok',
    make: (folder) => {
      for (const rank of ['99999999999999999999', '1'.repeat(200), '100000']) {
        fs.copyFileSync(path.join(folder, RANK), path.join(folder, RANK.replace('tp_rank_00', `tp_rank_${rank}`)));
      }
    },
  },
  '100,000 files of junk': {
    base: 'gqa',
    expected: 'ok',
    make: (folder) => {
      for (let index = 0; index < 50_000; index++) {
        fs.closeSync(fs.openSync(path.join(folder, 'shards/model', `junk_${index}.pt`), 'w'));
        fs.closeSync(fs.openSync(path.join(folder, `tokenizes.${index}`), 'w'));
      }
    },
  },
};
