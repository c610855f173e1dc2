import fs from 'node:fs';
import path from 'node:path';
import { openCheckpoint } from '../../src-core/models/open-checkpoint.ts';
import type { ShardedState } from '../../src-core/checkpoint/checkpoint.ts';
import { bytesOf } from './held.ts';
import { editJson, saveStateDict, saveXser, type ToSave } from './shards.ts';

interface MetadataDocument {
  parameters: Record<string, { tensor_model_parallel: boolean; partition_dim?: number }>;
  model_weight_transformation_specs: { module_fully_qualified_name: string; specs: unknown[] }[];
}

/** What optimum-neuron's pattern takes for an adapter's name. */
const KNOWN_NAME = /^\w+$/;

/**
 * A checkpoint of ours as training itself leaves it: each stage's files hold the names of all stages, with values that mean nothing;
 * copies of whole modules have lost their parallel attributes; modules that only adapters with other names than letters, digits and _
 * touch have lost their specs. Returns for how many modules specs were lost.
 */
export function asTrainingLeaves(folder: string): number {
  const { model, adapters } = openCheckpoint(folder);
  let lost = 0;
  for (const state of [...(model ? [model] : []), ...adapters]) {
    if (state.stages.length > 1) saveAllStages(state);
    for (const { path: file } of state.shards.metadataFiles.values()) {
      editJson(file, (document: MetadataDocument) => {
        loseAttributes(document);
        if (state.adapterName !== undefined && !KNOWN_NAME.test(state.adapterName)) lost += loseSpecs(document);
      });
    }
  }
  return lost;
}

function saveAllStages({ stages, xser, shards }: ShardedState): void {
  const files = new Map(shards.rankFiles.map((file) => [`${file.ranks.pp}/${file.ranks.tp}`, file.path]));
  const held = stages.map(({ tensors }) =>
    [...tensors].map(([name, locals]) => [name, locals.map((local) => ({ ...local, bytes: bytesOf(local) }))] as const),
  );
  held.forEach((own, pp) => {
    const names = new Set(own.map(([name]) => name));
    const others = held.flat().filter(([name]) => !names.has(name));
    const ranks = stages[pp]!.tensors.values().next().value?.length ?? held.flat()[0]?.[1].length ?? 0;
    for (let tp = 0; tp < ranks; tp++) {
      const tensors = new Map<string, ToSave>([
        ...others.map(([name, locals]) => [name, spoilt(locals[tp]!)] as const),
        ...own.map(([name, locals]) => [name, locals[tp]!] as const),
      ]);
      const file = files.get(`${pp}/${tp}`)!;
      if (xser) saveXser(file, tensors, true);
      else saveStateDict(file, tensors);
    }
  });
}

function spoilt(tensor: ToSave): ToSave {
  return { ...tensor, bytes: tensor.bytes.map((byte) => byte ^ 0xff) };
}

function loseAttributes({ parameters }: MetadataDocument): void {
  for (const name of Object.keys(parameters)) {
    if (name.includes('.modules_to_save.')) parameters[name] = { tensor_model_parallel: false };
  }
}

/** Specs stay where the reference finds a parameter that it knows: then some linear of the module is not wrapped. */
function loseSpecs({ parameters, model_weight_transformation_specs: modules }: MetadataDocument): number {
  let lost = 0;
  for (const module of modules) {
    const names = Object.keys(parameters).filter((name) => name.startsWith(`${module.module_fully_qualified_name}.`));
    const linears = /\.(qkv_proj|gate_up_proj)\.|\.o_proj\./;
    const isKnown = names.some((name) => linears.test(name) && /_proj\.(weight|bias)/.test(name));
    if (isKnown || module.specs.length === 0) continue;
    module.specs = [];
    lost += 1;
  }
  return lost;
}

/** The folder of a checkpoint's config.json, where a base model's is needed. */
export function putConfig(from: string, checkpoint: string): void {
  fs.copyFileSync(path.join(from, 'config.json'), path.join(checkpoint, 'config.json'));
}
