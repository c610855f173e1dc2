import type { ModelConfig } from '../checkpoint/configs.ts';
import { ShardloomError } from '../errors.ts';
import type { DecoderConfig } from './decoder.ts';
import { checkModelSizes } from './parallel-sizes.ts';

/** Fields without which nobody knows what the model consists of, with their names in config.json. */
const NEEDED = {
  hiddenSize: 'hidden_size',
  intermediateSize: 'intermediate_size',
  numAttentionHeads: 'num_attention_heads',
  numHiddenLayers: 'num_hidden_layers',
  vocabSize: 'vocab_size',
} as const;

/**
 * What a config.json says of a decoder, with transformers' defaults: as many KV heads as query heads, no biases, an output head of
 * its own. Throws `bad-metadata` where a size is missing, and `over-limit` for one that no model has.
 */
export function decoderConfigOf(config: ModelConfig): { readonly modelType: string; readonly sizes: DecoderConfig } {
  const { modelType, numKeyValueHeads, headDim, tieWordEmbeddings, attentionBias, mlpBias } = config;
  if (modelType === undefined) throw missing(config, 'model_type');
  const needed = (field: keyof typeof NEEDED): number => {
    const value = config[field];
    if (value === undefined) throw missing(config, NEEDED[field]);
    return value;
  };
  const numAttentionHeads = needed('numAttentionHeads');
  const sizes: DecoderConfig = {
    hiddenSize: needed('hiddenSize'),
    intermediateSize: needed('intermediateSize'),
    numAttentionHeads,
    numKeyValueHeads: numKeyValueHeads ?? numAttentionHeads,
    numHiddenLayers: needed('numHiddenLayers'),
    vocabSize: needed('vocabSize'),
    ...(headDim !== undefined && { headDim }),
    ...(tieWordEmbeddings !== undefined && { tieWordEmbeddings }),
    ...(attentionBias !== undefined && { attentionBias }),
    ...(mlpBias !== undefined && { mlpBias }),
  };
  checkModelSizes(sizes);
  return { modelType, sizes };
}

function missing({ file }: ModelConfig, field: string): ShardloomError {
  return new ShardloomError({
    tag: 'bad-metadata',
    what: 'config.json does not say what the model consists of.',
    file,
    tensor: field,
    expected: `"${field}"`,
    advice: 'Use the config.json that belongs to these weights.',
  });
}
