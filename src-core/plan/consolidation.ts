import type { Checkpoint, ShardedState } from '../checkpoint/checkpoint.ts';
import { layoutSafetensors } from '../formats/safetensors/index.ts';
import { layoutTorchArchive } from '../formats/torch/index.ts';
import type { OriginalWeight } from '../specs/spec.ts';
import type { DType } from '../tensor/dtype.ts';
import { PlanBuilder, plannedWeights, type PlannedWeight } from './plan-builder.ts';
import type { Plan, PlanOutput, PlanPiece, PlanText, WeightsFormat } from './plan.ts';
import { adapterCompanions, modelCompanions, type Companions } from './sidecars.ts';
import { compareNames, indexJson, splitIntoFiles } from './split.ts';

export interface ConsolidationOptions {
  readonly format: WeightsFormat;
  /** A model's weights files are split so that none is larger, unless one tensor alone is. Adapters are never split. */
  readonly maxShardBytes: number;
  /** Floating point tensors are written as this dtype; absent: as they are stored. */
  readonly dtype?: DType;
}

/** File names of transformers and PEFT, by what is written and how. */
const BASE_NAMES = {
  model: { safetensors: 'model', pytorch: 'pytorch_model' },
  adapter: { safetensors: 'adapter_model', pytorch: 'adapter_model' },
} as const;
const EXTENSIONS = { safetensors: '.safetensors', pytorch: '.bin' } as const;

/**
 * The plan that writes a checkpoint's weights as Hugging Face files: the model and the default adapter into the output
 * folder itself, other adapters into folders of their names. Beside a model the default adapter gets a folder too: a loader
 * that finds adapter_config.json next to model weights takes the folder for an adapter.
 */
export function planConsolidation(
  checkpoint: Checkpoint,
  weights: ReadonlyMap<ShardedState, ReadonlyMap<string, OriginalWeight>>,
  options: ConsolidationOptions,
): Plan {
  const builder = new PlanBuilder();
  const outputs: PlanOutput[] = [];
  const texts: PlanText[] = [];
  const companions: Companions[] = [];
  const withModel = [...weights.keys()].some(({ adapterName }) => adapterName === undefined);
  for (const [state, ofState] of weights) {
    const { adapterName } = state;
    const atTop = adapterName === undefined || (adapterName === 'default' && !withModel);
    const prefix = atTop ? '' : `${adapterName}/`;
    const base = `${prefix}${BASE_NAMES[adapterName === undefined ? 'model' : 'adapter'][options.format]}`;
    // PEFT loads an adapter from one file only, whatever its size.
    const maxShardBytes = adapterName === undefined ? options.maxShardBytes : Infinity;
    const written = planWeightFiles(builder, base, ofState, { ...options, maxShardBytes });
    outputs.push(...written.outputs);
    texts.push(...written.texts);
    companions.push(
      adapterName === undefined
        ? modelCompanions(checkpoint.found.root, checkpoint.found.rootFiles, checkpoint.config, options.dtype)
        : adapterCompanions(checkpoint, state, prefix),
    );
  }
  return {
    files: builder.files,
    sources: builder.sources,
    outputs,
    texts: [...texts, ...companions.flatMap((companion) => companion.texts)],
    sidecars: companions.flatMap((companion) => companion.sidecars),
  };
}

/** The weights files of a model in Hugging Face's form: its own names, with an index where there are several. */
export function planModelFiles(
  builder: PlanBuilder,
  weights: ReadonlyMap<string, OriginalWeight>,
  options: ConsolidationOptions,
): { readonly outputs: PlanOutput[]; readonly texts: PlanText[] } {
  return planWeightFiles(builder, BASE_NAMES.model[options.format], weights, options);
}

/** The weights files of one model or adapter, and their index where there are several. */
function planWeightFiles(
  builder: PlanBuilder,
  base: string,
  weights: ReadonlyMap<string, OriginalWeight>,
  options: ConsolidationOptions,
): { readonly outputs: PlanOutput[]; readonly texts: PlanText[] } {
  const sorted = [...weights].sort(([a], [b]) => compareNames(a, b));
  const planned = plannedWeights(sorted, options.dtype);
  const byName = new Map(planned.map((weight) => [weight.name, weight]));
  const pattern = `${base}{suffix}${EXTENSIONS[options.format]}`;
  const split = splitIntoFiles(planned, options.maxShardBytes, pattern);
  const outputs = split.files.map((file) => {
    const ofFile = file.tensors.map((name) => byName.get(name)!);
    return options.format === 'safetensors'
      ? safetensorsOutput(builder, file.path, ofFile)
      : torchOutput(builder, file.path, ofFile);
  });
  if (split.files.length < 2) return { outputs, texts: [] };
  return { outputs, texts: [{ path: `${base}${EXTENSIONS[options.format]}.index.json`, text: indexJson(split) }] };
}

function safetensorsOutput(builder: PlanBuilder, path: string, weights: readonly PlannedWeight[]): PlanOutput {
  const layout = layoutSafetensors(weights.map(headerEntry), new Map([['format', 'pt']]));
  return { ...placed(builder, weights, layout), path, format: 'safetensors' };
}

function torchOutput(builder: PlanBuilder, path: string, weights: readonly PlannedWeight[]): PlanOutput {
  // torch.save names the archive's root folder after the file.
  const root = path.slice(path.lastIndexOf('/') + 1).replace(/\.bin$/, '');
  const entries = new Map(weights.map((weight) => [weight.name, { kind: 'tensor' as const, ...headerEntry(weight) }]));
  const archive = layoutTorchArchive(root, entries);
  return { ...placed(builder, weights, archive), path, format: 'pytorch', archive };
}

function headerEntry({ name, dtype, weight }: PlannedWeight): {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: readonly number[];
} {
  return { name, dtype, shape: weight.view.shape };
}

/** Where a format's layout puts each tensor. */
function placed(
  builder: PlanBuilder,
  weights: readonly PlannedWeight[],
  layout: {
    readonly size: number;
    readonly pieces: readonly PlanPiece[];
    readonly tensors: readonly { readonly name: string; readonly at: number }[];
  },
): Pick<PlanOutput, 'size' | 'pieces' | 'tensors'> {
  const byName = new Map(weights.map((weight) => [weight.name, weight]));
  const tensors = layout.tensors.map(({ name, at }) => builder.tensor(byName.get(name)!, at));
  return { size: layout.size, pieces: layout.pieces, tensors };
}
