import type { Checkpoint, ShardedState, Stage } from '../checkpoint/checkpoint.ts';
import type { ModelConfig } from '../checkpoint/configs.ts';
import { EMBEDDING } from '../checkpoint/stage-parameters.ts';
import type { Finding } from '../errors.ts';
import type { StoredTensor } from '../tensor/stored.ts';

/**
 * The checkpoint with a vocab_size in its config that is the whole vocabulary's. transformers' resize_token_embeddings takes it from the
 * rows of the embedding it is given, which in training are one rank's slice. Only that number exactly is corrected, and a note says so.
 */
export function withJoinedVocabulary(checkpoint: Checkpoint): Checkpoint {
  const { config, model } = checkpoint;
  const slice = model && config?.vocabSize !== undefined ? embeddingSlices(model) : undefined;
  if (!config || !slice || !isSliceOf(config.vocabSize, slice)) return checkpoint;
  const rows = joinedRows(slice);
  return {
    ...checkpoint,
    config: {
      ...config,
      vocabSize: rows,
      document: { ...config.document, vocab_size: rows },
      isCorrected: true,
    },
    findings: [...checkpoint.findings, corrected(config, rows)],
  };
}

/** True where `vocabSize` is the rows that every one of several ranks holds of the embedding, and not those of all. */
export function isSliceOf(vocabSize: number | undefined, slices: readonly StoredTensor[]): boolean {
  return slices.length > 1 && slices.every(({ shape }) => shape[0] === vocabSize);
}

/** Rows of all ranks together. */
export function joinedRows(slices: readonly StoredTensor[]): number {
  return slices.reduce((sum, { shape }) => sum + (shape[0] ?? 0), 0);
}

/** What the ranks hold of an embedding that is cut along its rows. */
function embeddingSlices({ stages }: ShardedState): readonly StoredTensor[] | undefined {
  const isCut = ({ metadata }: Stage): boolean => {
    const parameter = metadata?.parameters.get(EMBEDDING);
    return parameter?.tensorModelParallel === true && parameter.partitionDim === 0;
  };
  return stages.find((stage) => isCut(stage) && stage.tensors.has(EMBEDDING))?.tensors.get(EMBEDDING);
}

function corrected({ file, vocabSize }: ModelConfig, rows: number): Finding {
  return {
    severity: 'note',
    tag: 'corrected',
    what: 'vocab_size of config.json is one rank’s slice of the vocabulary. The config that is written has the whole.',
    file,
    tensor: EMBEDDING,
    found: `vocab_size ${vocabSize}`,
    expected: `${rows}, the rows of all ranks together`,
  };
}
