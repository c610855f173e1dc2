import { FusedLinearsSpec } from '../specs/fused-linears.ts';
import { GQAQKVColumnParallelLinearSpec } from '../specs/gqa-qkv.ts';
import type { ModelWeightTransformationSpec } from '../specs/spec.ts';
import { ModelWeightTransformationSpecs } from '../specs/specs.ts';
import type { ParameterMetadata } from '../tensor/parallel.ts';
import type { Shape } from '../tensor/shape.ts';
import type { ModelDescription, ParallelConfig, StageDescription } from './description.ts';

/** The fields of a Llama config.json that decide shapes. */
export interface LlamaConfig {
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly numAttentionHeads: number;
  readonly numKeyValueHeads: number;
  readonly numHiddenLayers: number;
  readonly vocabSize: number;
}

/** One stage while it is being described. */
class StageBuilder {
  readonly #tpSize: number;
  readonly originalParameters = new Map<string, Shape>();
  readonly parameters = new Map<string, ParameterMetadata>();
  readonly specs: ModelWeightTransformationSpecs[] = [];

  constructor(tpSize: number) {
    this.#tpSize = tpSize;
  }

  original(name: string, ...shape: number[]): void {
    this.originalParameters.set(name, shape);
  }

  /** A parameter that is cut along an axis. */
  parallel(name: string, partitionDim: number, partitionStride = 1): void {
    const numPartitions = this.#tpSize;
    this.parameters.set(name, { tensorModelParallel: true, partitionDim, partitionStride, numPartitions });
  }

  /** A parameter that every rank holds whole, or whose parallel attributes the metadata does not give. */
  plain(name: string): void {
    this.parameters.set(name, { tensorModelParallel: false });
  }

  /** A parameter that both sides have, under the same name. */
  kept(name: string, shape: readonly number[], partitionDim?: number): void {
    this.original(name, ...shape);
    if (partitionDim === undefined) this.plain(name);
    else this.parallel(name, partitionDim);
  }

  module(name: string, ...specs: ModelWeightTransformationSpec[]): void {
    this.specs.push(new ModelWeightTransformationSpecs(name, specs));
  }
}

/** A Llama model as optimum-neuron trains it: stages of contiguous layers, embeddings first, head last. */
export function describeLlama(config: LlamaConfig, parallel: ParallelConfig): ModelDescription {
  const { hiddenSize, vocabSize, numHiddenLayers } = config;
  const stageCount = parallel.pipelineParallelSize;
  const stages: StageDescription[] = [];
  for (let index = 0; index < stageCount; index++) {
    const stage = new StageBuilder(parallel.tensorParallelSize);
    if (index === 0) stage.kept('model.embed_tokens.weight', [vocabSize, hiddenSize], 0);
    const first = Math.floor((index * numHiddenLayers) / stageCount);
    const end = Math.floor(((index + 1) * numHiddenLayers) / stageCount);
    for (let layer = first; layer < end; layer++) describeLayer(stage, `model.layers.${layer}`, config, parallel);
    if (index === stageCount - 1) {
      stage.kept('model.norm.weight', [hiddenSize]);
      stage.kept('lm_head.weight', [vocabSize, hiddenSize], 0);
    }
    stages.push(stage);
  }
  return { stages };
}

function describeLayer(stage: StageBuilder, layer: string, config: LlamaConfig, parallel: ParallelConfig): void {
  const { hiddenSize, intermediateSize } = config;
  describeAttention(stage, `${layer}.self_attn`, config, parallel);
  const mlp = `${layer}.mlp`;
  for (const linear of ['gate_proj', 'up_proj'])
    stage.original(`${mlp}.${linear}.weight`, intermediateSize, hiddenSize);
  stage.parallel(`${mlp}.gate_up_proj.weight`, 0, 2);
  stage.module(mlp, fused('gate_up_proj', ['gate_proj', 'up_proj'], intermediateSize, parallel));
  stage.kept(`${mlp}.down_proj.weight`, [hiddenSize, intermediateSize], 1);
  stage.kept(`${layer}.input_layernorm.weight`, [hiddenSize]);
  stage.kept(`${layer}.post_attention_layernorm.weight`, [hiddenSize]);
}

function describeAttention(stage: StageBuilder, module: string, config: LlamaConfig, parallel: ParallelConfig): void {
  const { hiddenSize, numAttentionHeads, numKeyValueHeads } = config;
  const headDim = hiddenSize / numAttentionHeads;
  const kvSize = numKeyValueHeads * headDim;
  const tpSize = parallel.tensorParallelSize;
  const sizes = { q_proj: hiddenSize, k_proj: kvSize, v_proj: kvSize };
  for (const [linear, rows] of Object.entries(sizes)) stage.original(`${module}.${linear}.weight`, rows, hiddenSize);
  stage.kept(`${module}.o_proj.weight`, [hiddenSize, hiddenSize], 1);
  if (numKeyValueHeads < tpSize || numKeyValueHeads % tpSize !== 0) {
    const kvSizeMultiplier = parallel.kvSizeMultiplier ?? Math.max(1, Math.floor(tpSize / numKeyValueHeads));
    if (parallel.fuseQkv) stage.plain(`${module}.qkv_proj.weight_qkv`);
    else for (const suffix of ['q', 'k', 'v']) stage.parallel(`${module}.qkv_proj.weight_${suffix}`, 0);
    stage.module(module, gqa(config, parallel, kvSizeMultiplier, headDim));
  } else if (parallel.fuseQkv && numAttentionHeads === numKeyValueHeads) {
    stage.parallel(`${module}.qkv_proj.weight`, 0, 3);
    stage.module(module, fused('qkv_proj', ['q_proj', 'k_proj', 'v_proj'], hiddenSize, parallel));
  } else {
    for (const linear of Object.keys(sizes)) stage.parallel(`${module}.${linear}.weight`, 0);
    stage.module(module);
  }
}

function fused(name: string, linears: readonly string[], size: number, parallel: ParallelConfig): FusedLinearsSpec {
  return new FusedLinearsSpec({
    fusedLinearName: name,
    linearNames: linears,
    bias: false,
    fuseAxis: 'column',
    originalDims: linears.map(() => size),
    tpSize: parallel.tensorParallelSize,
  });
}

function gqa(
  config: LlamaConfig,
  parallel: ParallelConfig,
  kvSizeMultiplier: number,
  headDim: number,
): GQAQKVColumnParallelLinearSpec {
  const tpSize = parallel.tensorParallelSize;
  const { numAttentionHeads, numKeyValueHeads } = config;
  return new GQAQKVColumnParallelLinearSpec({
    gqaQkvProjectionName: 'qkv_proj',
    queryProjectionName: 'q_proj',
    keyProjectionName: 'k_proj',
    valueProjectionName: 'v_proj',
    outputProjectionName: 'o_proj',
    numAttentionHeads,
    numKeyValueHeads,
    kvSizeMultiplier,
    qOutputSizePerPartition: (numAttentionHeads * headDim) / tpSize,
    kvOutputSizePerPartition: (numKeyValueHeads * kvSizeMultiplier * headDim) / tpSize,
    fuseQkv: parallel.fuseQkv,
    bias: false,
    tpSize,
  });
}
