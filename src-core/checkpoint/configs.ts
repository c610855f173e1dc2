import fs from 'node:fs';
import path from 'node:path';
import { z } from 'zod';
import { statOrNull } from '../bytes/file.ts';
import { ShardloomError } from '../errors.ts';
import type { DiscoveredCheckpoint } from './discover.ts';
import { readJsonFile } from './json-file.ts';

/** What Shardloom uses of config.json; the rest is kept in `document`. Fields are absent where the file has none. */
export interface ModelConfig {
  readonly file: string;
  readonly modelType?: string;
  readonly torchDtype?: string;
  readonly numHiddenLayers?: number;
  readonly hiddenSize?: number;
  readonly intermediateSize?: number;
  readonly numAttentionHeads?: number;
  readonly numKeyValueHeads?: number;
  readonly headDim?: number;
  readonly vocabSize?: number;
  readonly tieWordEmbeddings?: boolean;
  readonly attentionBias?: boolean;
  readonly mlpBias?: boolean;
  readonly document: Readonly<Record<string, unknown>>;
  /** Something in `document` and the fields is not what the file says. */
  readonly isCorrected?: true;
}

/** What Shardloom uses of trn_config.json. */
export interface TrnConfig {
  readonly file: string;
  readonly tensorParallelSize?: number;
  readonly pipelineParallelSize?: number;
  readonly kvSizeMultiplier?: number;
  readonly fuseQkv?: boolean;
  readonly useXser?: boolean;
  readonly document: Readonly<Record<string, unknown>>;
}

const size = z.number().int().min(1).nullish();
const modelConfig = z.looseObject({
  model_type: z.string().nullish(),
  torch_dtype: z.string().nullish(),
  // transformers 5 renamed torch_dtype.
  dtype: z.string().nullish(),
  num_hidden_layers: size,
  hidden_size: size,
  intermediate_size: size,
  num_attention_heads: size,
  num_key_value_heads: size,
  head_dim: size,
  vocab_size: size,
  tie_word_embeddings: z.boolean().nullish(),
  attention_bias: z.boolean().nullish(),
  mlp_bias: z.boolean().nullish(),
});
const trnConfig = z.looseObject({
  tensor_parallel_size: size,
  pipeline_parallel_size: size,
  kv_size_multiplier: size,
  fuse_qkv: z.boolean().nullish(),
  use_xser: z.boolean().nullish(),
});

/** Reads config.json beside the shards, if there is one. */
export function readModelConfig(found: DiscoveredCheckpoint): ModelConfig | undefined {
  return found.rootFiles.includes('config.json')
    ? readModelConfigFile(path.join(found.root, 'config.json'))
    : undefined;
}

/** Reads a config.json. Throws `missing-file` where it is not there. */
export function readModelConfigFile(file: string): ModelConfig {
  const c = parseConfig(file, modelConfig);
  return {
    file,
    document: c,
    ...defined({
      modelType: c.model_type,
      torchDtype: c.torch_dtype ?? c.dtype,
      numHiddenLayers: c.num_hidden_layers,
      hiddenSize: c.hidden_size,
      intermediateSize: c.intermediate_size,
      numAttentionHeads: c.num_attention_heads,
      numKeyValueHeads: c.num_key_value_heads,
      headDim: c.head_dim,
      vocabSize: c.vocab_size,
      tieWordEmbeddings: c.tie_word_embeddings,
      attentionBias: c.attention_bias,
      mlpBias: c.mlp_bias,
    }),
  };
}

function isFolder(name: string): boolean {
  return statOrNull(name)?.isDirectory() ?? false;
}

/** The config.json that was named, the one beside the weights, or that of a base model that is a folder here. Throws `missing-file`. */
export function findModelConfig(root: string, named: string | undefined, bases: readonly string[]): ModelConfig {
  const inFolder = (folder: string): string => path.join(folder, 'config.json');
  if (named !== undefined) return readModelConfigFile(isFolder(named) ? inFolder(named) : path.resolve(named));
  const candidates = [root, ...bases.filter((base) => path.isAbsolute(base))].map(inFolder);
  const file = candidates.find((candidate) => fs.existsSync(candidate));
  if (file !== undefined) return readModelConfigFile(file);
  throw new ShardloomError({
    tag: 'missing-file',
    what: 'There is no config.json, which says what the model consists of.',
    file: inFolder(root),
    ...(bases[0] !== undefined && { found: `adapters of the base model "${bases[0]}"` }),
    advice: 'Put the config.json of the model beside the weights, or name it: --config BASE_MODEL_FOLDER.',
  });
}

/** Reads trn_config.json beside the shards, if there is one. */
export function readTrnConfig(found: DiscoveredCheckpoint): TrnConfig | undefined {
  const read = readConfig(found, 'trn_config.json', trnConfig);
  if (!read) return undefined;
  const { file, document: c } = read;
  return {
    file,
    document: c,
    ...defined({
      tensorParallelSize: c.tensor_parallel_size,
      pipelineParallelSize: c.pipeline_parallel_size,
      kvSizeMultiplier: c.kv_size_multiplier,
      fuseQkv: c.fuse_qkv,
      useXser: c.use_xser,
    }),
  };
}

/** An adapter's adapter_config.json: already in terms of the original modules. */
export interface AdapterConfig {
  readonly file: string;
  readonly peftType?: string;
  readonly rank?: number;
  readonly alpha?: number;
  readonly baseModel?: string;
  readonly document: Readonly<Record<string, unknown>>;
}

const adapterConfig = z.looseObject({
  peft_type: z.string().nullish(),
  r: z.number().nullish(),
  lora_alpha: z.number().nullish(),
  base_model_name_or_path: z.string().nullish(),
});

/** Reads `adapter_config.json` in an adapter's folder, or the config file itself. Throws `missing-file` where it is not there. */
export function readAdapterConfig(folder: string): AdapterConfig {
  const file = isFolder(folder) ? path.join(folder, 'adapter_config.json') : folder;
  const c = parseConfig(file, adapterConfig);
  return {
    file,
    document: c,
    ...defined({ peftType: c.peft_type, rank: c.r, alpha: c.lora_alpha, baseModel: c.base_model_name_or_path }),
  };
}

function readConfig<Schema extends z.ZodType>(
  found: DiscoveredCheckpoint,
  name: string,
  schema: Schema,
): { readonly file: string; readonly document: z.infer<Schema> } | null {
  if (!found.rootFiles.includes(name)) return null;
  const file = path.join(found.root, name);
  return { file, document: parseConfig(file, schema) };
}

function parseConfig<Schema extends z.ZodType>(file: string, schema: Schema): z.infer<Schema> {
  const document = readJsonFile(file);
  const result = schema.safeParse(document);
  // A schema gives its own fields first: what is written again later keeps the order of the file.
  if (result.success) return inOrderOf(document, result.data);
  const issue = result.error.issues[0]!;
  throw new ShardloomError({
    tag: 'bad-metadata',
    what: `${path.basename(file)} is not what it should be.`,
    file,
    tensor: issue.path.join(' > ') || 'the whole document',
    found: issue.message,
    advice: 'Copy the file again from the training machine.',
  });
}

/** The fields of `data` in the order in which `document` has them. */
function inOrderOf<Data>(document: unknown, data: Data): Data {
  if (typeof document !== 'object' || document === null || Array.isArray(document)) return data;
  const fields = data as Record<string, unknown>;
  const known = Object.keys(document).filter((field) => field in fields);
  return Object.fromEntries(known.map((field) => [field, fields[field]])) as Data;
}

type Defined<Fields> = { [Key in keyof Fields]?: NonNullable<Fields[Key]> };

/** The fields that are there: null and absent mean the same in these files. */
function defined<Fields extends object>(fields: Fields): Defined<Fields> {
  const present = Object.entries(fields).filter(([, value]) => value !== null && value !== undefined);
  return Object.fromEntries(present) as Defined<Fields>;
}
