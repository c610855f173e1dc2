import path from 'node:path';
import type { DecoderConfig } from '../src-core/models/decoder.ts';
import { makeSample } from '../src-core/sample/sample.ts';

/** About 1.2 GB in bfloat16, with four KV heads so that they are replicated at TP 8 and TP 32. */
export const MODEL: DecoderConfig = {
  hiddenSize: 2048,
  intermediateSize: 5632,
  numAttentionHeads: 32,
  numKeyValueHeads: 4,
  numHiddenLayers: 11,
  vocabSize: 32_000,
};

/** Makes a checkpoint of this layout in `root/name` and gives its folder. */
export async function sample(
  root: string,
  name: string,
  tensorParallelSize: number,
  pipelineParallelSize: number,
  xser: boolean,
  config: DecoderConfig = MODEL,
): Promise<string> {
  const options = { config, tensorParallelSize, pipelineParallelSize, xser };
  return (await makeSample(path.join(root, name), options)).checkpoint;
}

/** TP 32 x PP 8, one file per tensor. Narrow, so that what is measured is the number of files. */
export function manyFiles(root: string): Promise<string> {
  const config = { ...MODEL, hiddenSize: 256, intermediateSize: 512, vocabSize: 1024, numHiddenLayers: 16 };
  return sample(root, 'many-files', 32, 8, true, config);
}

/** A hundred thousand parameters, each of them tiny. */
export const MANY_PARAMETERS: DecoderConfig = {
  hiddenSize: 16,
  intermediateSize: 16,
  numAttentionHeads: 4,
  numKeyValueHeads: 2,
  numHiddenLayers: 11_112,
  vocabSize: 16,
};

/** {@link MANY_PARAMETERS} as a checkpoint. */
export function manyParameters(root: string): Promise<string> {
  return sample(root, 'many-parameters', 2, 4, false, MANY_PARAMETERS);
}

/** A tensor of 32,000 x 4,096 elements on one rank. */
export function largeTensor(root: string): Promise<string> {
  const one = {
    hiddenSize: 4096,
    intermediateSize: 256,
    numAttentionHeads: 32,
    numKeyValueHeads: 4,
    vocabSize: 32_000,
  };
  return sample(root, 'large-tensor', 1, 1, false, { ...one, numHiddenLayers: 1 });
}

/** About 280 MB: small enough that the disk's write-back does not drown what is compared. */
export function mediumModel(root: string): Promise<string> {
  const narrow = { hiddenSize: 1024, intermediateSize: 2816, vocabSize: 16_384, numHiddenLayers: 8 };
  return sample(root, 'medium', 8, 1, false, { ...MODEL, ...narrow });
}

/** About 200,000 files of one tensor each. */
export function filesBeyondCounting(root: string): Promise<string> {
  const narrow = { hiddenSize: 32, intermediateSize: 32, numAttentionHeads: 32, numKeyValueHeads: 4, vocabSize: 32 };
  return sample(root, 'files', 32, 4, true, { ...narrow, numHiddenLayers: 784 });
}
