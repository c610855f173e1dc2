/** What kinds of files there are in the corpus: where each is put in a valid folder, and what is then done with the folder. */
import fs from 'node:fs';
import path from 'node:path';
import { makeSample } from '../../src-core/sample/sample.ts';
import { archive } from '../formats/torch/builders.ts';

/** Valid folders that files are put into. Small, and the same every time. */
const BASES = {
  /** One rank: what its file holds need not fit another's. */
  plain: { tensorParallelSize: 1 },
  /** Metadata with both transformation specs. */
  gqa: { tensorParallelSize: 4 },
  xser: { tensorParallelSize: 2, xser: true },
  lora: { tensorParallelSize: 2, loraRank: 2 },
} as const;

export type BaseName = keyof typeof BASES;

const SIZES = {
  hiddenSize: 8,
  intermediateSize: 8,
  numAttentionHeads: 4,
  numKeyValueHeads: 2,
  numHiddenLayers: 1,
  vocabSize: 8,
};

/** The same sizes as config.json tells them. */
const MODEL_CONFIG = JSON.stringify({
  model_type: 'llama',
  hidden_size: SIZES.hiddenSize,
  intermediate_size: SIZES.intermediateSize,
  num_attention_heads: SIZES.numAttentionHeads,
  num_key_value_heads: SIZES.numKeyValueHeads,
  num_hidden_layers: SIZES.numHiddenLayers,
  vocab_size: SIZES.vocabSize,
});

/** Makes all of them, each with `checkpoint/` and the `original/` weights beside it. */
export async function makeBases(folder: string): Promise<void> {
  for (const [name, options] of Object.entries(BASES)) {
    await makeSample(path.join(folder, name), { ...options, config: SIZES, workers: 0 });
  }
}

/** One kind of file. */
interface Kind {
  readonly base: BaseName;
  /** Which of the base's folders is attacked. */
  readonly part: 'checkpoint' | 'original' | 'adapter';
  /** Puts the file in its place. */
  readonly place: (folder: string, content: Uint8Array) => void;
  /** What is run on the folder. The last one's outcome is what the file's name tells. */
  readonly commands: (folder: string, out: string) => readonly (readonly string[])[];
}

export const RANK = 'shards/model/dp_rank_00_tp_rank_00_pp_rank_00.pt';
export const METADATA = 'shards/mp_metadata_pp_rank_0.json';
const ADAPTER_CONFIG = 'adapter_default/adapter_config.json';

/** Sixteen bytes for the storage "0" that a pickle may refer to. */
const STORAGE = Uint8Array.from({ length: 16 }, (_, index) => index);

const to =
  (...names: readonly string[]) =>
  (folder: string, content: Uint8Array): void => {
    for (const name of names) fs.writeFileSync(path.join(folder, name), content);
  };

const consolidated: Kind['commands'] = (folder, out) => [['consolidate', folder, out, '--json', '--workers', '0']];

const compared: Kind['commands'] = (folder) => [['diff', folder, folder, '--json']];

export const KINDS: Readonly<Record<string, Kind>> = {
  /** A rank's whole file. */
  torch: { base: 'plain', part: 'checkpoint', place: to(RANK), commands: consolidated },
  /** The pickle inside a rank's file, whose one storage is called "0" and holds four float32. */
  pickle: {
    base: 'plain',
    part: 'checkpoint',
    place: (folder, content) => to(RANK)(folder, archive(content, { 0: STORAGE })),
    commands: consolidated,
  },
  /** A rank's file of references to tensor files. */
  xser: { base: 'xser', part: 'checkpoint', place: to(RANK), commands: consolidated },
  /** The pickle that describes these tensors. */
  'xser-info': {
    base: 'xser',
    part: 'checkpoint',
    place: (folder, content) => to(`${RANK}.info.pt`)(folder, archive(content)),
    commands: consolidated,
  },
  metadata: { base: 'gqa', part: 'checkpoint', place: to(METADATA), commands: consolidated },
  /** The pickle of metadata that older versions saved. */
  'pickled-metadata': {
    base: 'gqa',
    part: 'checkpoint',
    place: (folder, content) => {
      fs.rmSync(path.join(folder, METADATA), { force: true });
      to(METADATA.replace('.json', '.pt'))(folder, archive(content));
    },
    commands: consolidated,
  },
  'trn-config': { base: 'gqa', part: 'checkpoint', place: to('trn_config.json'), commands: consolidated },
  /** config.json of a checkpoint without metadata, which it has to stand in for. */
  config: {
    base: 'gqa',
    part: 'checkpoint',
    place: (folder, content) => {
      fs.rmSync(path.join(folder, METADATA), { force: true });
      to('config.json')(folder, content);
    },
    commands: consolidated,
  },
  /** config.json of weights that are to be sharded. */
  'model-config': {
    base: 'plain',
    part: 'original',
    place: to('config.json'),
    commands: (folder, out) => [['shard', folder, out, '--tp', '2', '--json']],
  },
  'adapter-config': {
    base: 'lora',
    part: 'checkpoint',
    place: to(ADAPTER_CONFIG),
    commands: (folder) => [
      ['peft', 'original', path.join(folder, ADAPTER_CONFIG), folder, '--json'],
      ['peft', 'adapt', path.join(folder, ADAPTER_CONFIG), folder, '--json'],
    ],
  },
  safetensors: { base: 'plain', part: 'original', place: to('model.safetensors'), commands: compared },
  /** The tensors of an adapter that is to be sharded, with the base model's config.json beside them. */
  'adapter-weights': {
    base: 'lora',
    part: 'adapter',
    place: (folder, content) => {
      to('adapter_model.safetensors')(folder, content);
      to('config.json')(folder, Buffer.from(MODEL_CONFIG));
    },
    commands: (folder, out) => [['shard', folder, out, '--tp', '2', '--json']],
  },
  /** The index of weights in two files. */
  index: {
    base: 'plain',
    part: 'original',
    place: (folder, content) => {
      const [whole, ...parts] = [
        'model.safetensors',
        'model-00001-of-00002.safetensors',
        'model-00002-of-00002.safetensors',
      ];
      for (const name of fs.existsSync(path.join(folder, whole)) ? parts : []) {
        fs.copyFileSync(path.join(folder, whole), path.join(folder, name));
      }
      fs.rmSync(path.join(folder, whole), { force: true });
      to('model.safetensors.index.json')(folder, content);
    },
    commands: compared,
  },
};
