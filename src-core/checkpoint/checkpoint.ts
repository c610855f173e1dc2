import path from 'node:path';
import { isShardloomError, toFinding, type Finding } from '../errors.ts';
import type { DType } from '../tensor/dtype.ts';
import { dtypeBytes } from '../tensor/dtype.ts';
import type { KvPlacement } from '../tensor/parallel.ts';
import { elementCount } from '../tensor/shape.ts';
import type { StoredTensor } from '../tensor/stored.ts';
import {
  findModelConfig,
  readAdapterConfig,
  readModelConfig,
  readTrnConfig,
  type AdapterConfig,
  type ModelConfig,
  type TrnConfig,
} from './configs.ts';
import { discover, type DiscoveredCheckpoint, type RankFile, type ShardFolder } from './discover.ts';
import { readStageMetadata, type StageMetadata } from './metadata.ts';
import { checkParallelSizes, rankFilesToRead, type ParallelSizes } from './parallel-sizes.ts';
import { readRank, type RankTensors } from './rank-tensors.ts';
import { namesOfOtherStages, tiedNames, withSavedModules, withTied, type LocalKinds } from './stage-parameters.ts';

/** One pipeline stage: what its metadata says and what its ranks hold. */
export interface Stage {
  readonly ppRank: number;
  /** As the file has it, but for attributes that training lost while saving: those are put right. */
  readonly metadata?: StageMetadata;
  /** By saved name, the tensors of all TP ranks in rank order. Names that some rank lacks are not here but a finding. */
  readonly tensors: ReadonlyMap<string, readonly StoredTensor[]>;
  /** How copies of KV heads are placed. Absent: tiled, which is the metadata's rule. */
  readonly kvPlacement?: KvPlacement;
}

/** How copies of KV heads are placed over the ranks, and how that is known. */
export interface KvPlacementFound {
  readonly placement: KvPlacement;
  /**
   * `copies`: they are equal in this placement only. `chosen`: the caller said so. `base-model`: an adapter's copies do not tell, and its
   * base model beside it does. Where nothing tells, the metadata's rule is taken: `equal-both-ways` where the copies are equal in either
   * placement, `not-shown` where no KV head was saved.
   */
  readonly by: 'copies' | 'chosen' | 'base-model' | 'equal-both-ways' | 'not-shown';
}

/** The shards of a full model, or of one adapter. */
export interface ShardedState extends ParallelSizes {
  readonly shards: ShardFolder;
  /** Absent for a full model. */
  readonly adapterName?: string;
  /** Absent for a full model, and where the adapter has none that can be read (then that is a finding). */
  readonly adapterConfig?: AdapterConfig;
  readonly stages: readonly Stage[];
  /** Absent where no KV head has a copy, or where there is only one, and where it could not be found out (then that is a finding). */
  readonly kvPlacement?: KvPlacementFound;
  /** Parameters that are others under a second name, by their own name: each pair is consolidated once. */
  readonly tied: ReadonlyMap<string, string>;
  readonly xser: boolean;
  /** Bytes of all tensors of all ranks, copies included. */
  readonly bytes: number;
  /** Files that hold tensors. */
  readonly fileCount: number;
  readonly dtypes: readonly DType[];
  readonly findings: readonly Finding[];
}

/** A checkpoint folder that has been opened: everything but the weights is in memory. */
export interface Checkpoint {
  readonly found: DiscoveredCheckpoint;
  readonly config?: ModelConfig;
  readonly trnConfig?: TrnConfig;
  readonly model?: ShardedState;
  readonly adapters: readonly ShardedState[];
  /** Everything that was noticed, those of the shards included. */
  readonly findings: readonly Finding[];
}

/**
 * Reads a checkpoint folder: names, metadata, configs, and where every tensor of every rank is stored. Throws only if there is
 * no checkpoint; what is wrong with one is in its findings, so that a damaged one can still be looked at. A full model without any
 * metadata has no finding here: `models/` may be able to stand in for it. `namedConfig` is the config.json of the model, or its folder,
 * instead of the one beside the shards; throws `missing-file` where that is not there.
 */
export function readCheckpoint(folder: string, namedConfig?: string): Checkpoint {
  const found = discover(folder);
  const findings: Finding[] = [];
  const config =
    namedConfig === undefined
      ? attempt(findings, () => readModelConfig(found))
      : findModelConfig(found.root, namedConfig, []);
  const trnConfig = attempt(findings, () => readTrnConfig(found));
  const configs = { ...(config && { config }), ...(trnConfig && { trnConfig }) };
  const model = found.model && describeShards(found.model, configs);
  const adapters = found.adapters.map((adapter) => {
    return describeShards(adapter.shards, configs, { name: adapter.name, folder: adapter.folder });
  });
  return withStates({ found, ...configs, adapters: [], findings }, model, adapters);
}

/** The checkpoint with these states; `checkpoint.findings` are those of the folder as a whole. */
export function withStates(
  checkpoint: Checkpoint,
  model: ShardedState | undefined,
  adapters: readonly ShardedState[],
): Checkpoint {
  const before = new Set([checkpoint.model, ...checkpoint.adapters].flatMap((state) => state?.findings ?? []));
  const states = [...(model ? [model] : []), ...adapters];
  const ofFolder = checkpoint.findings.filter((finding) => !before.has(finding));
  const findings = [...ofFolder, ...states.flatMap((state) => state.findings)];
  return { ...checkpoint, ...(model && { model }), adapters, findings };
}

function describeShards(
  shards: ShardFolder,
  { config, trnConfig }: Pick<Checkpoint, 'config' | 'trnConfig'>,
  adapter?: { readonly name: string; readonly folder: string },
): ShardedState {
  const findings: Finding[] = [];
  const adapterConfig = adapter && attemptAdapterConfig(findings, adapter.folder);
  const metadata = new Map<number, StageMetadata>();
  for (const [pp, file] of shards.metadataFiles) {
    const read = attempt(findings, () => readStageMetadata(file));
    if (read) metadata.set(pp, read);
  }
  const { findings: sizeFindings, ...sizes } = checkParallelSizes(shards, [...metadata.values()], trnConfig);
  findings.push(...sizeFindings);
  if (!shards.done) findings.push(interruptedSave(shards));
  const { files, ignored } = rankFilesToRead(shards);
  if (ignored > 0) findings.push(otherReplicas(shards, ignored));
  const ofOtherStages = namesOfOtherStages(metadata, adapter?.name);
  const ranks = files.map((file) => ({ file, ...readRank(file, ofOtherStages(file.ranks.pp)) }));
  for (const rank of ranks) findings.push(...rank.findings);
  findings.push(...leftAsideFindings(shards, ranks));
  findings.push(...expertParallelFindings(ranks));
  const stages: Stage[] = [];
  for (let ppRank = 0; ppRank < sizes.pipelineParallelSize; ppRank++) {
    const tensors = stageOf(ppRank, sizes.tensorParallelSize, ranks, findings);
    const described = metadata.get(ppRank);
    // Of a full model all of it may be missing: then what stands in for it decides.
    const mayBeInferred = !adapter && shards.metadataFiles.size === 0;
    if (!described && !mayBeInferred && !shards.metadataFiles.has(ppRank)) {
      findings.push(missingMetadata(shards, ppRank));
    }
    stages.push({ ppRank, tensors, ...(described && { metadata: described }) });
  }
  const tied = adapter ? new Map<string, string>() : tiedNamesOf(stages, config);
  const all = ranks.flatMap(({ tensors }) => [...tensors.values()]);
  return {
    shards,
    ...sizes,
    ...(adapter && { adapterName: adapter.name }),
    ...(adapterConfig && { adapterConfig }),
    stages: stages.map((stage) => withLostAttributes(stage, tied, config)),
    tied,
    xser: files.some((file) => file.tensors !== undefined),
    bytes: all.reduce((sum, { dtype, shape }) => sum + elementCount(shape) * dtypeBytes(dtype), 0),
    fileCount: new Set(all.map(({ file }) => file)).size,
    dtypes: [...new Set(all.map(({ dtype }) => dtype))],
    findings,
  };
}

/** Which parameters are others under a second name: by what the shards hold and the metadata lists, or by config.json. */
function tiedNamesOf(stages: readonly Stage[], config: ModelConfig | undefined): ReadonlyMap<string, string> {
  const parameters = new Map(stages.flatMap(({ metadata }) => [...(metadata?.parameters ?? [])]));
  const kinds = new Map(stages.flatMap((stage) => [...kindsOf(stage)]));
  return tiedNames(parameters, kinds, config?.tieWordEmbeddings);
}

function kindsOf({ tensors }: Stage): LocalKinds {
  return new Map([...tensors].map(([name, locals]) => [name, locals[0]!]));
}

function withLostAttributes(stage: Stage, tied: ReadonlyMap<string, string>, config: ModelConfig | undefined): Stage {
  const { metadata } = stage;
  if (!metadata) return stage;
  const own = new Map([...tied].filter(([name]) => stage.tensors.has(name)));
  const parameters = withSavedModules(withTied(metadata.parameters, own), kindsOf(stage), config?.vocabSize);
  return { ...stage, metadata: { ...metadata, parameters } };
}

type ReadRank = RankTensors & { readonly file: RankFile };

/** The tensors of one stage by name. A name that only some ranks hold is a finding. */
function stageOf(
  ppRank: number,
  tpSize: number,
  ranks: readonly ReadRank[],
  findings: Finding[],
): Map<string, readonly StoredTensor[]> {
  const ofStage = ranks.filter(({ file }) => file.ranks.pp === ppRank && file.ranks.ep === 0 && file.ranks.tp < tpSize);
  const byName = new Map<string, StoredTensor[]>();
  for (const { tensors } of ofStage) {
    for (const [name, tensor] of tensors) {
      const locals = byName.get(name);
      if (locals) locals.push(tensor);
      else byName.set(name, [tensor]);
    }
  }
  // A rank that could not be read at all has its own finding; its names would only repeat it.
  const complete = ofStage.filter((rank) => rank.findings.length === 0);
  for (const [name, locals] of byName) {
    const without = complete.filter(({ tensors }) => !tensors.has(name));
    if (without.length > 0) findings.push(missingTensor(name, without));
    if (locals.length !== tpSize) byName.delete(name);
  }
  return byName;
}

function expertParallelFindings(ranks: readonly ReadRank[]): Finding[] {
  const expert = ranks.find(({ file, expertParallel }) => expertParallel.size > 0 && file.ranks.ep > 0);
  if (!expert) return [];
  return [
    {
      severity: 'error',
      tag: 'unsupported',
      what: 'This checkpoint spreads experts over expert parallel ranks, which Shardloom does not join yet.',
      file: expert.file.path,
      tensor: [...expert.expertParallel][0]!,
      found: `expert parallel rank ${expert.file.ranks.ep}`,
      expected: 'a checkpoint without expert parallelism',
    },
  ];
}

function missingTensor(name: string, without: readonly ReadRank[]): Finding {
  return {
    severity: 'error',
    tag: 'missing-tensor',
    what: `A parameter is missing on TP rank ${without.map(({ file }) => file.ranks.tp).join(', ')} while other ranks hold it.`,
    file: without[0]!.file.path,
    tensor: name,
    advice: 'The shards are not from the same save: copy these ranks again.',
  };
}

function interruptedSave(shards: ShardFolder): Finding {
  return {
    severity: 'warning',
    tag: 'interrupted-save',
    what: 'The checkpoint is not marked as done: the save may have been interrupted.',
    file: path.join(shards.folder, 'done'),
    advice: 'If all files below are whole, the weights are usable; otherwise take the checkpoint before it.',
  };
}

/** Named once for all ranks: each of them holds the same names. */
function leftAsideFindings(shards: ShardFolder, ranks: readonly ReadRank[]): Finding[] {
  const holding = ranks.filter(({ leftAside }) => leftAside > 0);
  const most = holding.reduce((count, { leftAside }) => Math.max(count, leftAside), 0);
  if (most === 0) return [];
  return [
    {
      severity: 'note',
      tag: 'other-stages',
      what: 'The shards hold parameters of other pipeline stages, too, as training saves them. They were left aside.',
      file: shards.modelFolder,
      isFolder: true,
      found: `up to ${most} parameters in each of ${holding.length} rank files`,
      expected: 'only what the metadata of a stage lists is its own',
    },
  ];
}

export function missingMetadata(shards: ShardFolder, ppRank: number): Finding {
  return {
    severity: 'error',
    tag: 'missing-file',
    what: `The metadata of pipeline stage ${ppRank} is missing: without it nothing says how its tensors are joined.`,
    file: path.join(shards.folder, `mp_metadata_pp_rank_${ppRank}.json`),
    advice:
      'Copy it from the training machine. For a script that writes none, put the config.json of the model beside shards/, or name it: --config FILE.',
  };
}

function otherReplicas(shards: ShardFolder, ignored: number): Finding {
  return {
    severity: 'note',
    tag: 'inferred',
    what: `${ignored} files of other data parallel ranks were left aside: they hold the same weights.`,
    file: shards.modelFolder,
    isFolder: true,
  };
}

/** Without its config an adapter's weights are still worth having: a missing one is a warning, a damaged one an error. */
function attemptAdapterConfig(findings: Finding[], folder: string): AdapterConfig | undefined {
  try {
    return readAdapterConfig(folder);
  } catch (error) {
    const missing = isShardloomError(error, 'missing-file');
    const finding = toFinding(error, missing ? 'warning' : 'error');
    findings.push(
      missing ? { ...finding, advice: 'PEFT cannot load the adapter without it: copy it from the run.' } : finding,
    );
    return undefined;
  }
}

export function attempt<Result>(findings: Finding[], read: () => Result): Result | undefined {
  try {
    return read();
  } catch (error) {
    findings.push(toFinding(error, 'error'));
    return undefined;
  }
}
