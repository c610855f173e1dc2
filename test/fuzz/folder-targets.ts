/** Files in a folder that is then opened, planned and proved, as the commands of the attack corpus would do it. */
import fs from 'node:fs';
import path from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { summarize } from '../../src-core/inspect/summary.ts';
import { openComparison } from '../../src-core/jobs/comparison.ts';
import { prepareConsolidation } from '../../src-core/jobs/consolidate.ts';
import { translatePeftConfig, type PeftDirection } from '../../src-core/jobs/peft-config.ts';
import { planShard } from '../../src-core/jobs/shard.ts';
import { openShardInput } from '../../src-core/jobs/shard-inputs.ts';
import { openCheckpoint } from '../../src-core/models/open-checkpoint.ts';
import { specsOfStage } from '../../src-core/plan/original-weights.ts';
import { planDocument, planText } from '../../src-core/plan/print.ts';
import { validatePlan } from '../../src-core/plan/validate.ts';
import { ModelWeightTransformationSpecs } from '../../src-core/specs/specs.ts';
import { KINDS } from '../attacks/kinds.ts';
import { outcomeOf, type Target } from './loop.ts';
import type { Mutate } from './mutate-bytes.ts';
import { mutateArchive } from './mutate-files.ts';
import { mutateJson } from './mutate-json.ts';
import { mutatePickle } from './mutate-pickle.ts';
import { corpusFiles, realFiles } from './seeds.ts';

/** Opened, described, planned, proved; whatever the specs read they write again as it was. */
function takeCheckpoint(folder: string): void {
  const checkpoint = outcomeOf(() => openCheckpoint(folder));
  if (!checkpoint) return;
  outcomeOf(() => JSON.stringify(summarize(checkpoint)));
  for (const stage of checkpoint.model?.stages ?? []) {
    for (const one of outcomeOf(() => specsOfStage(stage)) ?? []) {
      const document = one.toMetadata();
      const again = ModelWeightTransformationSpecs.fromMetadata(document).toMetadata();
      if (!isDeepStrictEqual(again, document)) throw new Error('specs that are written again are others');
    }
  }
  const prepared = outcomeOf(() => prepareConsolidation(checkpoint));
  if (!prepared) return;
  validatePlan(prepared.plan);
  planText(prepared.plan);
  JSON.stringify(planDocument(prepared.plan));
}

function takeWeights(folder: string): void {
  outcomeOf(() => openComparison(folder, folder));
}

function takeModel(folder: string): void {
  for (const tensorParallelSize of [2, 4]) {
    const sharding = { tensorParallelSize, pipelineParallelSize: 1, fuseQkv: false, xser: false };
    const plan = outcomeOf(() => planShard(openShardInput('hugging-face', folder), sharding));
    if (plan) validatePlan(plan);
  }
}

/** What is adapted twice is as if adapted once, also with the way back between. */
function takeAdapterConfig(folder: string): void {
  const file = path.join(folder, 'adapter_default/adapter_config.json');
  const other = path.join(folder, 'adapter_default/translated.json');
  const translated = (direction: PeftDirection, config: string): unknown =>
    outcomeOf(() => translatePeftConfig(direction, config, folder, null).after);
  translated('original', file);
  const adapted = translated('adapt', file);
  if (adapted === null) return;
  fs.writeFileSync(other, JSON.stringify(adapted));
  const twice = translated('adapt', other);
  if (JSON.stringify(twice) !== JSON.stringify(adapted)) throw new Error('a config that is adapted twice is another');
  fs.writeFileSync(other, JSON.stringify(translated('original', other)));
  if (translated('adapt', other) === null) throw new Error('a config that came back cannot be adapted again');
  fs.rmSync(other);
}

const CONFIG_WORDS = [
  ...[
    'model_type',
    'llama',
    'qwen3',
    'granite',
    'hidden_size',
    'intermediate_size',
    'num_attention_heads',
    'vocab_size',
  ],
  ...['num_key_value_heads', 'num_hidden_layers', 'head_dim', 'tie_word_embeddings', 'attention_bias', 'torch_dtype'],
  ...['tensor_parallel_size', 'pipeline_parallel_size', 'kv_size_multiplier', 'fuse_qkv', 'use_xser'],
];
const METADATA_WORDS = [
  ...['parameters', 'model_weight_transformation_specs', 'tensor_model_parallel', 'partition_dim', 'partition_stride'],
  ...['num_partitions', 'FusedLinearsSpec', 'GQAQKVColumnParallelLinearSpec', 'module_fully_qualified_name', 'specs'],
  ...[
    'fuse_axis',
    'column',
    'row',
    'original_dims',
    'linear_names',
    'tp_size',
    'peft_type',
    'lora',
    'fuse_qkv',
    'bias',
  ],
  ...[
    'gate_proj',
    'up_proj',
    'q_proj',
    'k_proj',
    'v_proj',
    'o_proj',
    'qkv_proj',
    'model.layers.0.mlp',
    'lm_head.weight',
  ],
];
const ADAPTER_WORDS = [
  ...['target_modules', 'exclude_modules', 'modules_to_save', 'rank_pattern', 'alpha_pattern', 'layers_to_transform'],
  ...['layers_pattern', 'all-linear', 'q_proj', 'k_proj', 'v_proj', 'qkv_proj', 'gate_proj', 'up_proj', 'gate_up_proj'],
  ...[
    '.*_proj',
    'mlp.gate_proj',
    'model\\.layers\\.0\\..*',
    'layers',
    'lm_head',
    'r',
    'lora_alpha',
    'peft_type',
    'LORA',
  ],
];
const FILES = ['model-00001-of-00002.safetensors', 'model-00002-of-00002.safetensors', 'model.norm.weight'];

interface FolderKind {
  readonly kind: string;
  readonly extension: string;
  /** Which real files it can be, besides the corpus. */
  readonly like?: RegExp;
  readonly mutate: Mutate;
  readonly take: (folder: string) => void;
}

const json = (words: readonly string[]): Mutate => mutateJson(words);
const METADATA_JSON = /mp_metadata_pp_rank_\d+\.json$/;

const FOLDER_KINDS: readonly FolderKind[] = [
  { kind: 'metadata', extension: '.json', like: METADATA_JSON, mutate: json(METADATA_WORDS), take: takeCheckpoint },
  { kind: 'pickled-metadata', extension: '.pkl', mutate: mutatePickle, take: takeCheckpoint },
  {
    kind: 'trn-config',
    extension: '.json',
    like: /trn_config\.json$/,
    mutate: json(CONFIG_WORDS),
    take: takeCheckpoint,
  },
  { kind: 'config', extension: '.json', like: /\/config\.json$/, mutate: json(CONFIG_WORDS), take: takeCheckpoint },
  { kind: 'model-config', extension: '.json', like: /\/config\.json$/, mutate: json(CONFIG_WORDS), take: takeModel },
  {
    kind: 'adapter-config',
    extension: '.json',
    like: /adapter_config\.json$/,
    mutate: json(ADAPTER_WORDS),
    take: takeAdapterConfig,
  },
  { kind: 'index', extension: '.json', mutate: json(FILES), take: takeWeights },
  { kind: 'xser', extension: '.pt', like: /xser.*_rank_00\.pt$/, mutate: mutateArchive, take: takeCheckpoint },
  { kind: 'xser-info', extension: '.pkl', mutate: mutatePickle, take: takeCheckpoint },
  { kind: 'rank-file', extension: '.pt', like: /plain.*_rank_00\.pt$/, mutate: mutateArchive, take: takeCheckpoint },
];

/** A target for every kind of file in a folder, each with a folder of its own. */
export function folderTargets(bases: string, room: string): Target[] {
  return FOLDER_KINDS.map(({ kind: name, extension, like, mutate, take }) => {
    const kind = name === 'rank-file' ? 'torch' : name;
    const { base, part, place } = KINDS[kind]!;
    const folder = path.join(room, name, 'folder');
    fs.cpSync(path.join(bases, base, part), folder, { recursive: true });
    const real = like ? realFiles(like, bases) : [];
    return {
      name,
      kind,
      extension,
      seeds: [...real, ...corpusFiles(kind)],
      mutate,
      run: (input) => {
        place(folder, input);
        take(folder);
      },
    };
  });
}
