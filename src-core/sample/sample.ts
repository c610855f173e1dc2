import path from 'node:path';
import { withFile } from '../bytes/file.ts';
import { FileSink, writeNewFile } from '../bytes/sink.ts';
import { executePlan } from '../execute/execute.ts';
import { layoutSafetensors, readSafetensors } from '../formats/safetensors/index.ts';
import type { ModelDescription } from '../models/description.ts';
import type { DecoderConfig } from '../models/decoder.ts';
import { describeModel } from '../models/family.ts';
import { injectLora } from '../peft/inject-lora.ts';
import { planSharding, type ShardedPart, type ShardingOptions } from '../plan/sharding.ts';
import { PEFT_PREFIX } from '../specs/adapter-names.ts';
import { elementCount, type Shape } from '../tensor/shape.ts';
import { viewOf, type View } from '../tensor/view.ts';

export interface SampleOptions extends Partial<ShardingOptions> {
  /** A LoRA adapter of this rank on all linears goes with the model. */
  readonly loraRank?: number;
  readonly config?: Partial<DecoderConfig>;
  readonly workers?: number;
}

export interface Sample {
  /** The sharded checkpoint, as a training run leaves it. */
  readonly checkpoint: string;
  /** The file with the weights that were sharded. */
  readonly original: string;
  /** The folder of the adapter that was sharded; absent where there is none. */
  readonly adapter?: string;
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
    ...(options.kvPlacement && { kvPlacement: options.kvPlacement }),
  };
  const model = describeModel('llama', config, sharding);
  const original = path.join(folder, 'original', 'model.safetensors');
  writeMadeUp(original, originalShapes(model));
  writeNewFile(path.join(folder, 'original', 'config.json'), encoded(configJson(config)));
  const parts: ShardedPart[] = [{ folder: 'shards', model, weights: viewsIn(original) }];
  const lora = options.loraRank === undefined ? null : makeAdapter(folder, model, options.loraRank);
  if (lora) parts.push(lora.part);
  const plan = planSharding(parts, sharding);
  const texts = [...plan.texts, { path: 'config.json', text: configJson(config) }];
  const sidecars = lora ? [{ from: lora.config, path: 'adapter_default/adapter_config.json' }] : [];
  const checkpoint = path.join(folder, 'checkpoint');
  await executePlan({ ...plan, texts, sidecars }, checkpoint, {
    digest: null,
    ...(options.workers !== undefined && { workers: options.workers }),
  });
  return { checkpoint, original, ...(lora && { adapter: path.dirname(lora.config) }) };
}

/** An adapter on all linears, in `adapter/`, and what it is in the model. Sharding averages the lora_A of fused linears. */
function makeAdapter(
  folder: string,
  model: ModelDescription,
  rank: number,
): { readonly config: string; readonly part: ShardedPart } {
  const parameters = new Map<string, Shape>();
  for (const [name, [rows = 0, columns = 0]] of originalShapes(model)) {
    if (!LINEAR.test(name)) continue;
    const module = PEFT_PREFIX + name.replace(/\.weight$/, '');
    parameters.set(`${module}.lora_A.weight`, [rank, columns]);
    parameters.set(`${module}.lora_B.weight`, [rows, rank]);
  }
  const weights = path.join(folder, 'adapter', 'adapter_model.safetensors');
  writeMadeUp(weights, parameters);
  const config = path.join(folder, 'adapter', 'adapter_config.json');
  writeNewFile(config, encoded(adapterConfigJson(rank)));
  const described = injectLora(model, [{ name: 'default', parameters }]).get('default')!;
  const views = viewsIn(weights);
  return {
    config,
    part: { folder: 'adapter_default/adapter_shards', adapterName: 'default', model: described, weights: views },
  };
}

const LINEAR = /\.(q|k|v|o|gate|up|down)_proj\.weight$/;

function originalShapes(model: ModelDescription): Map<string, Shape> {
  return new Map(model.stages.flatMap((stage) => [...stage.originalParameters]));
}

function viewsIn(file: string): Map<string, View> {
  const { tensors } = withFile(file, (source) => readSafetensors(source));
  return new Map(tensors.map((stored) => [stored.name, viewOf(stored)]));
}

function encoded(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Made-up numbers are repeated with this period, which no tensor size divides. */
const PATTERN_ELEMENTS = 1_048_583;

function writeMadeUp(file: string, shapes: ReadonlyMap<string, Shape>): void {
  const entries = [...shapes].map(([name, shape]) => ({ name, dtype: 'BF16' as const, shape }));
  const layout = layoutSafetensors(entries, new Map([['format', 'pt']]));
  const patterns = new Map<number, Uint8Array>();
  const sink = new FileSink(file, layout.size);
  try {
    for (const { at, bytes } of layout.pieces) sink.write(bytes, at);
    const from = Math.min(...layout.tensors.map(({ at }) => at));
    for (const { name, at } of layout.tensors) {
      const lift = liftOf(name);
      const pattern = patterns.get(lift) ?? new Uint8Array(pseudoWeights(PATTERN_ELEMENTS, lift).buffer);
      patterns.set(lift, pattern);
      const end = at + 2 * elementCount(shapes.get(name)!);
      for (let next = at; next < end;) {
        const phase = (next - from) % pattern.byteLength;
        const bytes = pattern.subarray(phase, Math.min(pattern.byteLength, phase + end - next));
        sink.write(bytes, next);
        next += bytes.byteLength;
      }
    }
  } finally {
    sink.close();
  }
}

/** By how many powers of two values are larger: an adapter moves some layers more than others. */
function liftOf(name: string): number {
  const layer = /\.layers\.(\d+)\..*\.lora_B\./.exec(name)?.[1];
  return layer === undefined ? 0 : (3 * Number(layer) + name.length) % 5;
}

/** bfloat16 bit patterns of small numbers around zero, from a fixed xorshift sequence. */
function pseudoWeights(count: number, lift: number): Uint16Array {
  const bits = new Uint16Array(count);
  let state = 0x2545f491;
  for (let i = 0; i < count; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    // Exponents 2^-12 … 2^-5, lifted, with any sign and fraction: what trained weights look like, and never NaN or Inf.
    const exponent = 115 + lift + ((state >>> 8) & 7);
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

function adapterConfigJson(rank: number): string {
  const document = {
    peft_type: 'LORA',
    task_type: 'CAUSAL_LM',
    base_model_name_or_path: 'original',
    r: rank,
    lora_alpha: 2 * rank,
    target_modules: ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_proj', 'up_proj', 'down_proj'],
    rank_pattern: {},
    alpha_pattern: {},
    lora_dropout: 0.05,
    bias: 'none',
    fan_in_fan_out: false,
    modules_to_save: null,
    use_dora: false,
    use_rslora: false,
    inference_mode: true,
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}
