import { FusedLinearsSpec } from '../specs/fused-linears.ts';
import { GQAQKVColumnParallelLinearSpec } from '../specs/gqa-qkv.ts';
import type { ModelDescription, ParallelConfig } from './description.ts';
import { kvSizeMultiplierOf, needsGqaProjection } from './parallel-sizes.ts';
import { StageBuilder } from './stage-builder.ts';

/** The fields of a config.json that decide what a decoder consists of. */
export interface DecoderConfig {
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly numAttentionHeads: number;
  readonly numKeyValueHeads: number;
  readonly numHiddenLayers: number;
  readonly vocabSize: number;
  /** Absent: hidden size / heads. */
  readonly headDim?: number;
  readonly attentionBias?: boolean;
  readonly mlpBias?: boolean;
  /** The output head is the embedding: one parameter, which the first stage names. */
  readonly tieWordEmbeddings?: boolean;
}

/** In what families of decoders differ. */
export interface DecoderTraits {
  /** A norm over each query and key head (`q_norm`, `k_norm`). */
  readonly headNorms?: boolean;
  /** The embedding and the output head are whole on every rank (`nn.Embedding`, `nn.Linear`) and not cut along the vocabulary. */
  readonly wholeEmbeddings?: boolean;
}

const FUSED_ATTENTION = 'qkv_proj';
const FUSED_MLP = { into: 'gate_up_proj', linears: ['gate_proj', 'up_proj'] } as const;

/** Linears of the Neuron model that stand for several of the original one. */
export const fusedLinearNames: readonly string[] = [FUSED_ATTENTION, FUSED_MLP.into];

/** Rows of one attention head. */
export function headDimOf({ headDim, hiddenSize, numAttentionHeads }: DecoderConfig): number {
  return headDim ?? hiddenSize / numAttentionHeads;
}

/**
 * A decoder as optimum-neuron trains it: each stage's layers as {@link layersOfStages} deals them out, embeddings on the first, final norm
 * and output head on the last; gate and up projections fused, query, key and value as their sizes ask for.
 */
export function describeDecoder(
  config: DecoderConfig,
  parallel: ParallelConfig,
  traits: DecoderTraits = {},
): ModelDescription {
  const { hiddenSize, vocabSize, numHiddenLayers, tieWordEmbeddings = false } = config;
  const partitionDim = traits.wholeEmbeddings ? undefined : 0;
  const stages = layersOfStages(numHiddenLayers, parallel).map((layers, index, all) => {
    const stage = new StageBuilder(parallel.tensorParallelSize);
    if (index === 0) stage.kept('model.embed_tokens.weight', [vocabSize, hiddenSize], partitionDim);
    for (const layer of layers) describeLayer(stage, `model.layers.${layer}`, config, parallel, traits);
    if (index === all.length - 1) {
      stage.kept('model.norm.weight', [hiddenSize]);
      if (tieWordEmbeddings) stage.secondName('lm_head.weight', 'model.embed_tokens.weight', partitionDim);
      else stage.kept('lm_head.weight', [vocabSize, hiddenSize], partitionDim);
    }
    return stage;
  });
  return { stages };
}

/**
 * The layers of each pipeline stage as NxD deals them out (`create_partitions` of its pipeline/partition.py): they are cut into
 * chunks of contiguous layers, one for each stage or, with virtual pipeline parallelism, several; what does not divide goes to the
 * last chunks, one layer each (10 over 4: 2, 2, 3, 3). Chunk s is on stage s mod pp.
 */
export function layersOfStages(
  numHiddenLayers: number,
  { pipelineParallelSize, virtualPipelineParallelSize = 1 }: ParallelConfig,
): number[][] {
  const chunks = pipelineParallelSize * virtualPipelineParallelSize;
  const size = Math.floor(numHiddenLayers / chunks);
  const firstLarger = chunks - (numHiddenLayers % chunks);
  const stages = Array.from({ length: pipelineParallelSize }, (): number[] => []);
  let next = 0;
  for (let chunk = 0; chunk < chunks; chunk++) {
    const end = next + size + (chunk < firstLarger ? 0 : 1);
    while (next < end) stages[chunk % pipelineParallelSize]!.push(next++);
  }
  return stages;
}

function describeLayer(
  stage: StageBuilder,
  layer: string,
  config: DecoderConfig,
  parallel: ParallelConfig,
  { headNorms = false }: DecoderTraits,
): void {
  const { hiddenSize } = config;
  describeAttention(stage, `${layer}.self_attn`, config, parallel);
  if (headNorms) {
    stage.kept(`${layer}.self_attn.q_norm.weight`, [headDimOf(config)]);
    stage.kept(`${layer}.self_attn.k_norm.weight`, [headDimOf(config)]);
  }
  describeMlp(stage, `${layer}.mlp`, config, parallel);
  stage.kept(`${layer}.input_layernorm.weight`, [hiddenSize]);
  stage.kept(`${layer}.post_attention_layernorm.weight`, [hiddenSize]);
}

function describeMlp(stage: StageBuilder, module: string, config: DecoderConfig, parallel: ParallelConfig): void {
  const { hiddenSize, intermediateSize, mlpBias: bias = false } = config;
  const { into, linears } = FUSED_MLP;
  for (const linear of linears) stage.originalLinear(`${module}.${linear}`, intermediateSize, hiddenSize, bias);
  stage.parallelLinear(`${module}.${into}`, bias, linears.length);
  stage.module(module, fused(into, linears, intermediateSize, bias, parallel));
  stage.rowParallelLinear(`${module}.down_proj`, hiddenSize, intermediateSize, bias);
}

function describeAttention(stage: StageBuilder, module: string, config: DecoderConfig, parallel: ParallelConfig): void {
  const { hiddenSize, numAttentionHeads, numKeyValueHeads, attentionBias: bias = false } = config;
  const querySize = numAttentionHeads * headDimOf(config);
  const kvSize = numKeyValueHeads * headDimOf(config);
  const sizes = { q_proj: querySize, k_proj: kvSize, v_proj: kvSize };
  for (const [linear, rows] of Object.entries(sizes)) {
    stage.originalLinear(`${module}.${linear}`, rows, hiddenSize, bias);
  }
  if (needsGqaProjection(config, parallel)) {
    for (const parameter of bias ? ['weight', 'bias'] : ['weight']) {
      // Training gives the fused parameter no parallel attributes, though every rank holds another part of it.
      if (parallel.fuseQkv) stage.plain(`${module}.${FUSED_ATTENTION}.${parameter}_qkv`);
      else
        for (const suffix of ['q', 'k', 'v']) stage.parallel(`${module}.${FUSED_ATTENTION}.${parameter}_${suffix}`, 0);
    }
    stage.module(module, gqa(config, parallel));
  } else if (parallel.fuseQkv && numAttentionHeads === numKeyValueHeads) {
    const linears = Object.keys(sizes);
    stage.parallelLinear(`${module}.${FUSED_ATTENTION}`, bias, linears.length);
    stage.module(module, fused(FUSED_ATTENTION, linears, querySize, bias, parallel));
  } else {
    for (const linear of Object.keys(sizes)) stage.parallelLinear(`${module}.${linear}`, bias);
    stage.module(module);
  }
  stage.rowParallelLinear(`${module}.o_proj`, hiddenSize, querySize, bias);
}

function fused(
  fusedLinearName: string,
  linearNames: readonly string[],
  size: number,
  bias: boolean,
  { tensorParallelSize: tpSize }: ParallelConfig,
): FusedLinearsSpec {
  const originalDims = linearNames.map(() => size);
  return new FusedLinearsSpec({ fusedLinearName, linearNames, bias, fuseAxis: 'column', originalDims, tpSize });
}

function gqa(config: DecoderConfig, parallel: ParallelConfig): GQAQKVColumnParallelLinearSpec {
  const { numAttentionHeads, numKeyValueHeads, attentionBias = false } = config;
  const { tensorParallelSize: tpSize, fuseQkv, kvPlacement } = parallel;
  const kvSizeMultiplier = kvSizeMultiplierOf(config, parallel);
  return new GQAQKVColumnParallelLinearSpec({
    gqaQkvProjectionName: FUSED_ATTENTION,
    queryProjectionName: 'q_proj',
    keyProjectionName: 'k_proj',
    valueProjectionName: 'v_proj',
    outputProjectionName: 'o_proj',
    numAttentionHeads,
    numKeyValueHeads,
    kvSizeMultiplier,
    ...(kvPlacement && { kvPlacement }),
    qOutputSizePerPartition: (numAttentionHeads * headDimOf(config)) / tpSize,
    kvOutputSizePerPartition: (numKeyValueHeads * kvSizeMultiplier * headDimOf(config)) / tpSize,
    fuseQkv,
    bias: attentionBias,
    tpSize,
  });
}
