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
  writeSafetensors(path.join(folder, 'model.safetensors'), originalParameters(modelType, config), dtype);
}

/** Writes a PEFT adapter: its config and made-up weights. `group` names tensors that have the same values. */
export function writeAdapter(
  folder: string,
  parameters: ReadonlyMap<string, Shape>,
  config: Record<string, unknown>,
  dtype: DType = 'F32',
  group: (name: string) => string = (name) => name,
): void {
  fs.mkdirSync(folder, { recursive: true });
  const document = { peft_type: 'LORA', base_model_name_or_path: 'base', ...config };
  fs.writeFileSync(path.join(folder, 'adapter_config.json'), JSON.stringify(document));
  writeSafetensors(path.join(folder, 'adapter_model.safetensors'), parameters, dtype, group);
}

/** A tensor with its bytes. */
export interface MadeTensor {
  readonly dtype: DType;
  readonly shape: Shape;
  readonly bytes: Uint8Array;
}

/** Writes these tensors as a safetensors file. */
export function writeTensors(file: string, tensors: ReadonlyMap<string, MadeTensor>): void {
  const entries = [...tensors].map(([name, { dtype, shape }]) => ({ name, dtype, shape }));
  const layout = layoutSafetensors(entries, new Map([['format', 'pt']]));
  const sink = new FileSink(file, layout.size);
  for (const { at, bytes } of layout.pieces) sink.write(bytes, at);
  for (const { at, name } of layout.tensors) sink.write(tensors.get(name)!.bytes, at);
  sink.close();
}

function writeSafetensors(
  file: string,
  parameters: ReadonlyMap<string, Shape>,
  dtype: DType,
  group: (name: string) => string = (name) => name,
): void {
  const entries = [...parameters].map(([name, shape]) => ({ name, dtype, shape }));
  const layout = layoutSafetensors(entries, new Map([['format', 'pt']]));
  const sink = new FileSink(file, layout.size);
  for (const { at, bytes } of layout.pieces) sink.write(bytes, at);
  let next = 1;
  const made = new Map<string, Buffer>();
  for (const { at, name } of layout.tensors) {
    const bytes = made.get(group(name)) ?? Buffer.alloc(elementCount(parameters.get(name)!) * dtypeBytes(dtype));
    if (!made.has(group(name))) {
      for (let offset = 0; offset < bytes.length; offset += dtypeBytes(dtype)) {
        if (dtype === 'F32') bytes.writeFloatLE(next++, offset);
        else bytes.writeUInt16LE(next++ & 0x3fff, offset);
      }
    }
    made.set(group(name), bytes);
    sink.write(bytes, at);
  }
  sink.close();
}
