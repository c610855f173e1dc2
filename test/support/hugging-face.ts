import fs from 'node:fs';
import path from 'node:path';
import { FileSink } from '../../src-core/bytes/sink.ts';
import { layoutSafetensors } from '../../src-core/formats/safetensors/index.ts';
import type { DecoderConfig } from '../../src-core/models/decoder.ts';
import { describeModel } from '../../src-core/models/family.ts';
import { dtypeBytes, type DType } from '../../src-core/tensor/dtype.ts';
import { elementCount, type Shape } from '../../src-core/tensor/shape.ts';

/** The config.json of a model with these sizes. */
export function configDocument(modelType: string, config: DecoderConfig): Record<string, unknown> {
  return {
    model_type: modelType,
    hidden_size: config.hiddenSize,
    intermediate_size: config.intermediateSize,
    num_attention_heads: config.numAttentionHeads,
    num_key_value_heads: config.numKeyValueHeads,
    num_hidden_layers: config.numHiddenLayers,
    vocab_size: config.vocabSize,
    ...(config.headDim !== undefined && { head_dim: config.headDim }),
    attention_bias: config.attentionBias ?? false,
    mlp_bias: config.mlpBias ?? false,
    tie_word_embeddings: config.tieWordEmbeddings ?? false,
  };
}

/** The parameters that transformers saves for a model, from its description for one rank. */
export function originalParameters(modelType: string, config: DecoderConfig): Map<string, Shape> {
  const alone = { tensorParallelSize: 1, pipelineParallelSize: 1, fuseQkv: false };
  return new Map(describeModel(modelType, config, alone).stages.flatMap((stage) => [...stage.originalParameters]));
}

/** Writes a folder of Hugging Face weights whose elements are all different, as far as the dtype goes. */
export function writeHuggingFace(folder: string, modelType: string, config: DecoderConfig, dtype: DType = 'F32'): void {
  fs.mkdirSync(folder, { recursive: true });
  fs.writeFileSync(path.join(folder, 'config.json'), JSON.stringify(configDocument(modelType, config)));
  const entries = [...originalParameters(modelType, config)].map(([name, shape]) => ({ name, dtype, shape }));
  const layout = layoutSafetensors(entries, new Map([['format', 'pt']]));
  const sink = new FileSink(path.join(folder, 'model.safetensors'), layout.size);
  for (const { at, bytes } of layout.pieces) sink.write(bytes, at);
  let next = 1;
  layout.tensors.forEach(({ at, name }) => {
    const shape = entries.find((entry) => entry.name === name)!.shape;
    const bytes = Buffer.alloc(elementCount(shape) * dtypeBytes(dtype));
    for (let offset = 0; offset < bytes.length; offset += dtypeBytes(dtype)) {
      if (dtype === 'F32') bytes.writeFloatLE(next++, offset);
      else bytes.writeUInt16LE(next++ & 0x3fff, offset);
    }
    sink.write(bytes, at);
  });
  sink.close();
}
