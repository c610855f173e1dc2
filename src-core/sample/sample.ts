import path from 'node:path';
import { withFile } from '../bytes/file.ts';
import { FileSink, writeNewFile } from '../bytes/sink.ts';
import { executePlan } from '../execute/execute.ts';
import { layoutSafetensors, readSafetensors } from '../formats/safetensors/index.ts';
import type { ModelDescription } from '../models/description.ts';
import type { DecoderConfig } from '../models/decoder.ts';
import { describeModel } from '../models/family.ts';
import { finishShard, planSharding, type ShardingOptions } from '../plan/sharding.ts';
import { viewOf } from '../tensor/view.ts';

export interface SampleOptions extends Partial<ShardingOptions> {
  readonly config?: Partial<DecoderConfig>;
  readonly workers?: number;
}

export interface Sample {
  /** The sharded checkpoint, as a training run leaves it. */
  readonly checkpoint: string;
  /** The file with the weights that were sharded. */
  readonly original: string;
}

/** Small enough to be made in a moment, with fewer KV heads than ranks, so that they are replicated. */
const SAMPLE_CONFIG: DecoderConfig = {
  hiddenSize: 256,
  intermediateSize: 704,
  numAttentionHeads: 16,
  numKeyValueHeads: 4,
  numHiddenLayers: 4,
  vocabSize: 1024,
};

/**
 * Makes a Llama checkpoint with made-up bfloat16 weights in `folder`: `original/` with the Hugging Face weights and
 * `checkpoint/` with what a training run would have saved. The same options give the same bytes.
 */
export async function makeSample(folder: string, options: SampleOptions = {}): Promise<Sample> {
  const config = { ...SAMPLE_CONFIG, ...options.config };
  const sharding: ShardingOptions = {
    tensorParallelSize: options.tensorParallelSize ?? 8,
    pipelineParallelSize: options.pipelineParallelSize ?? 1,
    fuseQkv: options.fuseQkv ?? false,
    xser: options.xser ?? false,
    ...(options.kvSizeMultiplier !== undefined && { kvSizeMultiplier: options.kvSizeMultiplier }),
  };
  const model = describeModel('llama', config, sharding);
  const original = path.join(folder, 'original', 'model.safetensors');
  writeOriginal(original, model);
  writeNewFile(path.join(folder, 'original', 'config.json'), new TextEncoder().encode(configJson(config)));
  const weights = withFile(original, (source) => readSafetensors(source)).tensors;
  const views = new Map(weights.map((stored) => [stored.name, viewOf(stored)]));
  const plan = planSharding([{ folder: 'shards', model, weights: views }], sharding);
  const texts = [...plan.texts, { path: 'config.json', text: configJson(config) }];
  const checkpoint = path.join(folder, 'checkpoint');
  await executePlan({ ...plan, texts }, checkpoint, {
    finish: finishShard,
    ...(options.workers !== undefined && { workers: options.workers }),
  });
  return { checkpoint, original };
}

/** Made-up numbers are repeated with this period, which no tensor size divides. */
const PATTERN_ELEMENTS = 1_048_583;

function writeOriginal(file: string, model: ModelDescription): void {
  const entries = model.stages.flatMap((stage) =>
    [...stage.originalParameters].map(([name, shape]) => ({ name, dtype: 'BF16' as const, shape })),
  );
  const layout = layoutSafetensors(entries, new Map([['format', 'pt']]));
  const pattern = new Uint8Array(pseudoWeights(PATTERN_ELEMENTS).buffer);
  const sink = new FileSink(file, layout.size);
  try {
    for (const { at, bytes } of layout.pieces) sink.write(bytes, at);
    const from = Math.min(...layout.tensors.map(({ at }) => at));
    for (let at = from; at < layout.size; at += pattern.byteLength) {
      sink.write(pattern.subarray(0, Math.min(pattern.byteLength, layout.size - at)), at);
    }
  } finally {
    sink.close();
  }
}

/** bfloat16 bit patterns of small numbers around zero, from a fixed xorshift sequence. */
function pseudoWeights(count: number): Uint16Array {
  const bits = new Uint16Array(count);
  let state = 0x2545f491;
  for (let i = 0; i < count; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    // Exponents 2^-12 … 2^-5 with any sign and fraction: what trained weights look like, and never NaN or Inf.
    const exponent = 115 + ((state >>> 8) & 7);
    bits[i] = ((state & 0x8000) | (exponent << 7) | ((state >>> 16) & 0x7f)) & 0xffff;
  }
  return bits;
}

function configJson(config: DecoderConfig): string {
  const document = {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    hidden_size: config.hiddenSize,
    intermediate_size: config.intermediateSize,
    num_attention_heads: config.numAttentionHeads,
    num_key_value_heads: config.numKeyValueHeads,
    num_hidden_layers: config.numHiddenLayers,
    vocab_size: config.vocabSize,
    hidden_act: 'silu',
    rms_norm_eps: 1e-5,
    rope_theta: 10000,
    max_position_embeddings: 512,
    tie_word_embeddings: false,
    torch_dtype: 'bfloat16',
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}
