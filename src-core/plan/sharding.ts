import { layoutTorchArchive } from '../formats/torch/index.ts';
import {
  createParameterMetadata,
  savedNames,
  type ModelDescription,
  type ParallelConfig,
} from '../models/description.ts';
import { adaptStateDict } from '../specs/adapt-state-dict.ts';
import type { StateDict } from '../specs/spec.ts';
import type { View } from '../tensor/view.ts';
import { PlanBuilder, plannedWeights } from './plan-builder.ts';
import type { Plan, PlanOutput, PlanText } from './plan.ts';

export interface ShardingOptions extends ParallelConfig {
  /** One file per tensor, as `use_xser` saves. */
  readonly xser: boolean;
}

/** The model, or one adapter of it, and where its shards go. */
export interface ShardedPart {
  /** Folder of the shards below the output folder. */
  readonly folder: string;
  /** Absent for the model itself. */
  readonly adapterName?: string;
  readonly model: ModelDescription;
  readonly weights: StateDict;
}

/**
 * The plan that writes original weights as the checkpoint of a training run: a file per rank (or, xser, per tensor), the
 * stages' metadata, trn_config.json and the marks of a finished save. The other direction of a consolidation.
 */
export function planSharding(parts: readonly ShardedPart[], options: ShardingOptions): Plan {
  const builder = new PlanBuilder();
  const planned = parts.map((part) => planPart(builder, part, options));
  return {
    files: builder.files,
    sources: builder.sources,
    outputs: planned.flatMap(({ outputs }) => outputs),
    texts: [
      { path: 'trn_config.json', text: json(trnConfig(options)) },
      ...planned.flatMap(({ texts }) => texts),
      ...parts.flatMap(({ folder }) =>
        ['checkpoint', 'done'].map((name) => ({ path: `${folder}/${name}`, text: '1' })),
      ),
    ],
    sidecars: [],
  };
}

function planPart(
  builder: PlanBuilder,
  { folder, adapterName, model, weights }: ShardedPart,
  options: ShardingOptions,
): { readonly outputs: PlanOutput[]; readonly texts: PlanText[] } {
  const outputs: PlanOutput[] = [];
  const texts: PlanText[] = [];
  model.stages.forEach((stage, ppRank) => {
    const stateDict = new Map([...stage.originalParameters.keys()].map((name) => [name, weights.get(name)!]));
    // Weights that were saved under both names keep what is there: nothing says that it is equal.
    for (const [name, first] of stage.tied) {
      const view = weights.get(name) ?? weights.get(first);
      if (view) stateDict.set(name, view);
    }
    texts.push({ path: `${folder}/mp_metadata_pp_rank_${ppRank}.json`, text: json(createParameterMetadata(stage)) });
    for (let tpRank = 0; tpRank < options.tensorParallelSize; tpRank++) {
      const rank = { tpSize: options.tensorParallelSize, tpRank };
      const local = adaptStateDict(stage, stateDict, rank, adapterName);
      // In the order of the model's parameters, as a state dict has them.
      const ordered = new Map(savedNames(stage, adapterName).map((name) => [name, local.get(name)!]));
      const root = `dp_rank_00_tp_rank_${two(tpRank)}_pp_rank_${two(ppRank)}`;
      outputs.push(...(options.xser ? xserOutputs : plainOutputs)(builder, `${folder}/model`, root, ordered));
    }
  });
  return { outputs, texts };
}

function plainOutputs(
  builder: PlanBuilder,
  folder: string,
  root: string,
  local: ReadonlyMap<string, View>,
): PlanOutput[] {
  const entries = [...local].map(
    ([name, { dtype, shape }]) => [name, { kind: 'tensor' as const, dtype, shape }] as const,
  );
  return [archiveOutput(builder, `${folder}/${root}.pt`, root, new Map(entries), local)];
}

/** References in the rank's file, dtypes and shapes beside it, and each tensor in a file of its own. */
function xserOutputs(
  builder: PlanBuilder,
  folder: string,
  root: string,
  local: ReadonlyMap<string, View>,
): PlanOutput[] {
  const names = [...local.keys()];
  const path = `${folder}/${root}.pt`;
  const references = new Map(names.map((name, tid) => [name, { kind: 'tensor-reference' as const, tid }]));
  const info = names.map((name, tid) => {
    const { dtype, shape } = local.get(name)!;
    return [tid, { dtype, shape, expertModelParallel: false }] as const;
  });
  return [
    archiveOutput(builder, path, root, references, new Map()),
    archiveOutput(
      builder,
      `${path}.info.pt`,
      `${root}.pt.info`,
      { kind: 'tensor-info', entries: new Map(info) },
      new Map(),
    ),
    ...names.map((name, tid) => {
      const { dtype, shape } = local.get(name)!;
      const file = `tensor_${tid}`;
      return archiveOutput(builder, `${path}.tensors/${file}.pt`, file, { kind: 'tensor', dtype, shape }, [
        local.get(name)!,
      ]);
    }),
  ];
}

function archiveOutput(
  builder: PlanBuilder,
  path: string,
  root: string,
  value: Parameters<typeof layoutTorchArchive>[1],
  tensors: ReadonlyMap<string, View> | readonly View[],
): PlanOutput {
  const archive = layoutTorchArchive(root, value);
  const views = [...tensors.values()];
  const planned = archive.tensors.map(({ name, at }, index) => {
    const weight = { view: views[index]!, transformation: 'sharded' as const, from: [], copies: [] };
    return builder.tensor(plannedWeights([[name, weight]], undefined)[0]!, at);
  });
  return { path, format: 'pytorch', size: archive.size, pieces: archive.pieces, tensors: planned, archive };
}

/** The fields of trn_config.json that say how the checkpoint is laid out. */
function trnConfig(options: ShardingOptions): unknown {
  return {
    tensor_parallel_size: options.tensorParallelSize,
    pipeline_parallel_size: options.pipelineParallelSize,
    virtual_pipeline_parallel_size: options.virtualPipelineParallelSize ?? 1,
    kv_size_multiplier: options.kvSizeMultiplier ?? null,
    fuse_qkv: options.fuseQkv,
    use_xser: options.xser,
  };
}

function json(value: unknown): string {
  return JSON.stringify(value, null, 4);
}

function two(rank: number): string {
  return String(rank).padStart(2, '0');
}
