import { ShardloomError } from '../errors.ts';
import { MAX_HEADS, MAX_LAYERS, MAX_MODEL_DIMENSION } from '../limits.ts';
import { kvSizeMultipliersThatFit } from '../specs/gqa-heads.ts';
import type { DecoderConfig } from './decoder.ts';
import type { ParallelConfig } from './description.ts';
import type { ModelFamily } from './family.ts';

/** What a family says about how it can be split. */
type Splits = Pick<ModelFamily, 'modelType' | 'supportsPipelineParallelism' | 'splitsVocabulary'>;

type Heads = Pick<DecoderConfig, 'numAttentionHeads' | 'numKeyValueHeads'>;

/** True where key and value heads cannot be dealt out one by one, so that training repeats them (GQAQKVColumnParallelLinear). */
export function needsGqaProjection({ numKeyValueHeads }: Heads, { tensorParallelSize }: ParallelConfig): boolean {
  return numKeyValueHeads < tensorParallelSize || numKeyValueHeads % tensorParallelSize !== 0;
}

/** How often key and value heads are repeated: as asked for, else as often as there are ranks for a head. */
export function kvSizeMultiplierOf({ numKeyValueHeads }: Heads, parallel: ParallelConfig): number {
  return parallel.kvSizeMultiplier ?? Math.max(1, Math.floor(parallel.tensorParallelSize / numKeyValueHeads));
}

/** Throws `over-limit` for sizes that no model has: a number from config.json must not make billions of layers. */
export function checkModelSizes(config: DecoderConfig): void {
  for (const [field, size] of Object.entries(config)) {
    if (typeof size !== 'number') continue;
    const limit = LIMITS[field] ?? MAX_MODEL_DIMENSION;
    if (size <= limit) continue;
    throw new ShardloomError({
      tag: 'over-limit',
      what: 'config.json describes a model that is larger than any.',
      tensor: field,
      found: `${size}`,
      expected: `at most ${limit}`,
      advice: 'Check where config.json comes from.',
    });
  }
}

const LIMITS: Readonly<Record<string, number>> = {
  numHiddenLayers: MAX_LAYERS,
  numAttentionHeads: MAX_HEADS,
  numKeyValueHeads: MAX_HEADS,
};

/**
 * Throws `parallel-size-mismatch` for sizes that the model cannot be split by, with the numbers and the nearest sizes that
 * work.
 */
export function checkParallelSizes(config: DecoderConfig, parallel: ParallelConfig, family: Splits): void {
  const { tensorParallelSize: tp } = parallel;
  const { numAttentionHeads, vocabSize, intermediateSize } = config;
  const divided: (readonly [string, number])[] = [
    ['attention heads', numAttentionHeads],
    ['columns of the MLP', intermediateSize],
  ];
  if (family.splitsVocabulary !== false) divided.splice(1, 0, ['rows of the vocabulary', vocabSize]);
  for (const [what, count] of divided) {
    if (count % tp === 0) continue;
    const common = divided.reduce((divisor, [, size]) => gcd(divisor, size), numAttentionHeads);
    throw mismatch(
      `${count} ${what} cannot be split over TP ${tp}.`,
      `TP ${tp}`,
      nearest(tp, divisorsOf(common), 'TP'),
    );
  }
  checkStages(config, parallel, family);
  if (needsGqaProjection(config, parallel)) checkKvSizes(config, parallel);
}

/** Throws where there are fewer layers than chunks to deal out, or where training knows no stages for such a model. */
function checkStages({ numHiddenLayers }: DecoderConfig, parallel: ParallelConfig, family: Splits): void {
  const { pipelineParallelSize: pp, virtualPipelineParallelSize: virtual = 1 } = parallel;
  if (family.supportsPipelineParallelism === false && pp * virtual > 1) {
    const found = virtual > 1 ? `PP ${pp} with ${virtual} virtual stages each` : `PP ${pp}`;
    throw mismatch(`Training has no pipeline stages for models of type ${family.modelType}.`, found, 'PP 1');
  }
  if (virtual > 1 && pp === 1) {
    throw mismatch(
      'Virtual pipeline stages need pipeline stages.',
      `PP 1 with ${virtual} virtual stages`,
      'PP 2 or more',
    );
  }
  if (pp * virtual <= numHiddenLayers) return;
  throw mismatch(
    `${numHiddenLayers} layers cannot be spread over ${pp * virtual} ${virtual > 1 ? 'chunks (pipeline stages times virtual stages)' : 'pipeline stages'}.`,
    virtual > 1 ? `PP ${pp} × ${virtual}` : `PP ${pp}`,
    `PP 1 to ${Math.floor(numHiddenLayers / virtual)}${virtual > 1 ? ` with ${virtual} virtual stages each` : ''}`,
  );
}

function checkKvSizes(config: DecoderConfig, parallel: ParallelConfig): void {
  const multiplier = kvSizeMultiplierOf(config, parallel);
  const { numAttentionHeads, numKeyValueHeads } = config;
  const { tensorParallelSize: tp } = parallel;
  const works = kvSizeMultipliersThatFit({ numAttentionHeads, numKeyValueHeads, tpSize: tp });
  if (works.includes(multiplier)) return;
  throw mismatch(
    `${numKeyValueHeads} KV heads of ${numAttentionHeads} query heads cannot be repeated ${multiplier} times over TP ${tp}.`,
    `kv_size_multiplier ${multiplier}`,
    works.length === 0 ? `another TP: none fits ${tp}` : nearest(multiplier, works, 'kv_size_multiplier'),
  );
}

function mismatch(what: string, found: string, expected: string): ShardloomError {
  return new ShardloomError({
    tag: 'parallel-size-mismatch',
    what,
    found,
    expected,
    advice: 'Choose other parallel sizes; config.json says what the model consists of.',
  });
}

/** All sizes that work, the nearest ones named first. */
function nearest(wanted: number, works: readonly number[], name: string): string {
  const below = works.filter((size) => size < wanted).at(-1);
  const above = works.find((size) => size > wanted);
  const near = [below, above].filter((size) => size !== undefined).join(' or ');
  return `${name} ${near} (of ${works.join(', ')})`;
}

function divisorsOf(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index + 1).filter((size) => count % size === 0);
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}
