import { formatBytes, formatParameters } from '../units.ts';
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
