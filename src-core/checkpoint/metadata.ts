import { z } from 'zod';
import { withFile } from '../bytes/file.ts';
import { ShardloomError } from '../errors.ts';
import { plainJsonOf, readTorchFile } from '../formats/torch/index.ts';
import { MAX_METADATA_BYTES, MAX_RANKS, MAX_TENSOR_DIMENSIONS } from '../limits.ts';
import type { ParameterMetadata, ParametersMetadata } from '../tensor/parallel.ts';
import { readJsonFile } from './json-file.ts';

const parallel = z.looseObject({
  tensor_model_parallel: z.literal(true),
  partition_dim: z.number().int().min(0).lt(MAX_TENSOR_DIMENSIONS),
  partition_stride: z.number().int().min(1).max(MAX_RANKS).default(1),
  num_partitions: z.number().int().min(1).max(MAX_RANKS).optional(),
});
const notParallel = z.looseObject({ tensor_model_parallel: z.literal(false) });
const parameter = z.discriminatedUnion('tensor_model_parallel', [parallel, notParallel]);

const stageMetadata = z.looseObject({
  parameters: z.record(z.string(), parameter),
  model_weight_transformation_specs: z.array(z.unknown()).default([]),
});

/** What `mp_metadata_pp_rank_<p>` says about one pipeline stage. */
export interface StageMetadata {
  readonly file: string;
  readonly parameters: ParametersMetadata;
  /** The specs as they stand there; the specs room reads them. */
  readonly transformationSpecs: readonly unknown[];
  /** The whole document, unknown fields included. */
  readonly document: Readonly<Record<string, unknown>>;
}

/** Reads a stage's metadata, as JSON or as the pickled dict of older versions. */
export function readStageMetadata(file: { readonly path: string; readonly format: 'json' | 'pt' }): StageMetadata {
  const document =
    file.format === 'json'
      ? readJsonFile(file.path, MAX_METADATA_BYTES)
      : withFile(file.path, (source) => plainJsonOf(readTorchFile(source), file.path));
  const result = stageMetadata.safeParse(document);
  if (!result.success) {
    const issue = result.error.issues[0]!;
    throw new ShardloomError({
      tag: 'bad-metadata',
      what: 'The checkpoint’s metadata does not have the form that optimum-neuron writes.',
      file: file.path,
      tensor: issue.path.join(' > ') || 'the whole document',
      found: issue.message,
      advice: 'Copy the metadata file again from the training machine.',
    });
  }
  return {
    file: file.path,
    parameters: new Map(Object.entries(result.data.parameters).map(([name, entry]) => [name, parameterOf(entry)])),
    transformationSpecs: result.data.model_weight_transformation_specs,
    document: result.data,
  };
}

function parameterOf(entry: z.infer<typeof parameter>): ParameterMetadata {
  if (!entry.tensor_model_parallel) return { tensorModelParallel: false };
  return {
    tensorModelParallel: true,
    partitionDim: entry.partition_dim,
    partitionStride: entry.partition_stride,
    ...(entry.num_partitions !== undefined && { numPartitions: entry.num_partitions }),
  };
}
