import { formatBytes, formatParameters } from '../units.ts';
import type { KvPlacementFound } from '../checkpoint/checkpoint.ts';
import type { CheckpointSummary, PartSummary } from './summary.ts';

const FAMILIES: Readonly<Record<string, string>> = { llama: 'Llama', qwen3: 'Qwen3', granite: 'Granite' };
const SHORT_DTYPES: Readonly<Record<string, string>> = {
  bfloat16: 'bf16',
  float16: 'fp16',
  float32: 'fp32',
  float64: 'fp64',
};

/** A checkpoint in one line: `Llama · 0.62 B · bf16 · TP 8 × PP 1 · 1.24 GB`. What is not known is left out. */
export function factsLine({ modelType, model, adapters }: CheckpointSummary): string {
  const part: PartSummary | undefined = model ?? adapters[0];
  const facts: string[] = [];
  if (modelType !== null) facts.push(familyName(modelType));
  if (!model && adapters.length > 0)
    facts.push(adapters.length === 1 ? 'LoRA adapter' : `${adapters.length} LoRA adapters`);
  if (!part) return facts.join(' · ');
  if (part.parameters !== null) facts.push(formatParameters(part.parameters));
  const dtype = part.dtypes[0];
  if (dtype !== undefined) facts.push(SHORT_DTYPES[dtype] ?? dtype);
  facts.push(`TP ${part.tensorParallelSize} × PP ${part.pipelineParallelSize}`, formatBytes(part.shardBytes));
  if (model && adapters.length > 0) facts.push(adapters.length === 1 ? '1 adapter' : `${adapters.length} adapters`);
  return facts.join(' · ');
}

/** The family as its authors write it: `Llama` for config.json's `llama`. */
export function familyName(modelType: string): string {
  return FAMILIES[modelType] ?? modelType;
}

const PLACED = {
  tiled: 'copies tiled over the ranks',
  adjacent: 'copies on adjacent ranks (Trn2), queries in the model’s order',
} as const;

/** True where equal copies show the placement, the part's own or its base model's. */
export function isShown({ by }: KvPlacementFound): boolean {
  return by === 'copies' || by === 'base-model';
}

/** How copies of KV heads are placed over the ranks, and how that is known, in a phrase. */
export function kvPlacementInWords({ placement, by }: KvPlacementFound): string {
  switch (by) {
    case 'copies':
      return PLACED[placement];
    case 'chosen':
      return `${PLACED[placement]}, as was chosen`;
    case 'base-model':
      return `${PLACED[placement]}, as in the base model`;
    case 'equal-both-ways':
      return `${PLACED[placement]}, by the metadata’s rule: they are equal in either placement`;
    case 'not-shown':
      return `${PLACED[placement]}, by the metadata’s rule: none was saved that shows it`;
  }
}
