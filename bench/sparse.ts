import path from 'node:path';
import { withFile } from '../src-core/bytes/file.ts';
import { FileSink, writeNewFile } from '../src-core/bytes/sink.ts';
import { layoutSafetensors, readSafetensors } from '../src-core/formats/safetensors/index.ts';
import { describeModel } from '../src-core/models/family.ts';
import { lastPieces } from '../src-core/plan/last-pieces.ts';
import { planSharding } from '../src-core/plan/sharding.ts';
import { viewOf } from '../src-core/tensor/view.ts';

/**
 * A TP 8 checkpoint of about 1.3 GB whose weights are holes: only headers take space on disk. For measuring what depends on size without
 * making that much data. `longer`: so many times the layers; `wider`: so many times the width, with the square of it in bytes.
 */
export function makeSparseCheckpoint(
  folder: string,
  longer: number,
  wider = 1,
): { readonly folder: string; readonly bytes: number } {
  const options = { tensorParallelSize: 8, pipelineParallelSize: 1, fuseQkv: false, xser: false };
  const model = describeModel(
    'llama',
    {
      hiddenSize: 2048 * wider,
      intermediateSize: 5632 * wider,
      numAttentionHeads: 32,
      numKeyValueHeads: 4,
      numHiddenLayers: 14 * longer,
      vocabSize: 2048,
    },
    options,
  );
  const entries = model.stages.flatMap((stage) => {
    return [...stage.originalParameters].map(([name, shape]) => ({ name, dtype: 'BF16' as const, shape }));
  });
  const layout = layoutSafetensors(entries, new Map());
  const original = path.join(folder, 'original.safetensors');
  const sink = new FileSink(original, layout.size);
  for (const { at, bytes } of layout.pieces) sink.write(bytes, at);
  sink.close();
  const { tensors } = withFile(original, (source) => readSafetensors(source));
  const weights = new Map(tensors.map((stored) => [stored.name, viewOf(stored)]));
  const plan = planSharding([{ folder: 'shards', model, weights }], options);
  for (const output of plan.outputs) {
    const shard = new FileSink(path.join(folder, output.path), output.size);
    // Nothing checks the CRC-32 of a hole: readers of torch archives do not.
    const crcs = output.tensors.map(() => ({ crc32: 0 }));
    for (const { at, bytes } of [...output.pieces, ...lastPieces(output, crcs)]) shard.write(bytes, at);
    shard.close();
  }
  for (const { path: name, text } of plan.texts) writeNewFile(path.join(folder, name), new TextEncoder().encode(text));
  return { folder, bytes: plan.outputs.reduce((sum, output) => sum + output.size, 0) };
}

/** A Llama of seven billion parameters in bfloat16 as one sparse file; `changed`: with a one at the end of each tensor. */
export function makeSparseModel(folder: string, changed: boolean): string {
  const config = { hiddenSize: 4096, intermediateSize: 11_008, numAttentionHeads: 32, numKeyValueHeads: 32 };
  const alone = { tensorParallelSize: 1, pipelineParallelSize: 1, fuseQkv: false };
  const model = describeModel('llama', { ...config, numHiddenLayers: 32, vocabSize: 32_000 }, alone);
  const entries = model.stages.flatMap((stage) =>
    [...stage.originalParameters].map(([name, shape]) => ({ name, dtype: 'BF16' as const, shape })),
  );
  const layout = layoutSafetensors(entries, new Map());
  const sink = new FileSink(path.join(folder, 'model.safetensors'), layout.size);
  for (const { at, bytes } of layout.pieces) sink.write(bytes, at);
  const shapes = new Map(entries.map(({ name, shape }) => [name, shape]));
  for (const { name, at } of changed ? layout.tensors : []) {
    sink.write(Uint8Array.of(0x80, 0x3f), at + 2 * shapes.get(name)!.reduce((product, size) => product * size, 1) - 2);
  }
  sink.close();
  return folder;
}
