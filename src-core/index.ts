/** The engine's public door. What is not here may change without notice. */
export type { Checkpoint, KvPlacementFound, ShardedState, Stage } from './checkpoint/checkpoint.ts';
export { openCheckpoint, type OpenOptions } from './models/open-checkpoint.ts';
export { realPathOf } from './bytes/file.ts';
export { checkpointFingerprint } from './checkpoint/fingerprint.ts';
export {
  isShardloomError,
  ShardloomError,
  toProblem,
  type ErrorTag,
  type Finding,
  type Problem,
  type Severity,
} from './errors.ts';
export { DIGESTS, type DigestName } from './execute/digest.ts';
export { freeBytes, keptOf } from './execute/execute.ts';
export { bytesLeftIn, releaseLeftIn, removeLeftIn } from './execute/left.ts';
export type { Phase, Progress } from './execute/progress.ts';
export { KEEP } from './execute/watch.ts';
export { readViews } from './execute/view-reader.ts';
export { readSafetensors } from './formats/safetensors/index.ts';
export { FileSource, withFile } from './bytes/file.ts';
export {
  adapterDetail,
  updateNorms,
  type AdapterDetail,
  type AdapterModule,
  type UpdateNorm,
} from './inspect/adapter.ts';
export { differenceHeatmapOf, type DifferenceHeatmap } from './inspect/difference-heatmap.ts';
export type { ElementPlace, Placement } from './inspect/drawing/placement.ts';
export { factsLine } from './inspect/facts.ts';
export { heatmapOf, type Heatmap } from './inspect/heatmap.ts';
export type { HeadLayout } from './inspect/head-layout.ts';
export { parameterLayout, type LayoutBlock, type OtherBlock, type ParameterLayout } from './inspect/layout.ts';
export { lineagePython } from './inspect/lineage-python.ts';
export {
  descendantsOf,
  lineageOf,
  storedTensorOf,
  type Descendant,
  type Lineage,
  type LineagePiece,
} from './inspect/lineage.ts';
export { parameterDetail, type ParameterDetail } from './inspect/parameter-detail.ts';
export { parameterRows, type ParameterRow } from './inspect/parameters.ts';
export { partsOf, type CheckpointPart } from './inspect/parts.ts';
export { rankContent, type HeldTensor, type RankContent } from './inspect/rank-content.ts';
export type { RankSummary } from './inspect/ranks.ts';
export type { Slice } from './inspect/slice.ts';
export { histogramOf, statisticsOf, type HistogramBar, type TensorStatistics } from './inspect/statistics.ts';
export { summarize, type AdapterSummary, type CheckpointSummary, type PartSummary } from './inspect/summary.ts';
export { viewOfTarget, type TensorTarget } from './inspect/target.ts';
export { valuesOf, type SliceValues } from './inspect/values.ts';
export {
  consolidateCommandLine,
  diffCommandLine,
  mergeCommandLine,
  shardCommandLine,
  verifyCommandLine,
  type CommandLineOptions,
} from './jobs/command-line.ts';
export {
  consolidate,
  prepareConsolidation,
  type ConsolidateOptions,
  type ConsolidateResult,
  type PreparedConsolidation,
} from './jobs/consolidate.ts';
export { isComparable, openComparison, placementIn, type ComparableMatch, type Comparison } from './jobs/comparison.ts';
export { diagnose, faultOf, type Diagnosis, type Fault } from './jobs/diagnosis.ts';
export { BUNDLE_FILES, diagnosticsBundle, type BundleFile, type Diagnostics } from './jobs/diagnostics-bundle.ts';
export { pathShortener, userName, type FolderRole, type NamedFolder, type Shorten } from './jobs/shorten-paths.ts';
export { diff, type DiffPlace, type DiffResult, type DiffRow, type DiffStatus, type DiffValues } from './jobs/diff.ts';
export { diffReportHtml } from './jobs/diff-report.ts';
export { merge, prepareMerge, type ChosenAdapter, type MergeResult } from './jobs/merge.ts';
export { planShard, reshard, shard, type ShardResult } from './jobs/shard.ts';
export { openShardInput, type ShardSourceKind } from './jobs/shard-inputs.ts';
export type { ShardingOptions } from './plan/sharding.ts';
export { roundTripPhases } from './jobs/round-trip-phases.ts';
export { verifyRoundTrip, type RoundTrip } from './jobs/verify-round-trip.ts';
export {
  createParameterMetadata,
  getTensorModelParallelAttributes,
  specializeTransformationSpecsForModel,
  type ModelDescription,
  type StageDescription,
} from './models/description.ts';
export { describeModel, MODEL_FAMILIES, type ModelFamily } from './models/family.ts';
export { verifyDigests, type DigestCheck, type DigestFault } from './jobs/verify-digests.ts';
export { verifyReplicas, type Replica, type ReplicaCheck } from './jobs/verify-replicas.ts';
export { adaptPeftConfigForModel, toOriginalPeftConfigForModel } from './peft/config-for-model.ts';
export { isPartName, partNameOf, type PartKvPlacement, type PartName } from './plan/part-name.ts';
export { originalWeightsOf } from './plan/original-weights.ts';
export type { Plan } from './plan/plan.ts';
export { validatePlan } from './plan/validate.ts';
export { makeSample, type Sample, type SampleOptions } from './sample/sample.ts';
export { getAdapterName, isBaseLayer, removeAdapterName } from './specs/adapter-names.ts';
export { adaptStateDict } from './specs/adapt-state-dict.ts';
export { CustomModule, type ModelStage } from './specs/custom-module.ts';
export { FusedLinearsSpec } from './specs/fused-linears.ts';
export { computeQueryIndicesForRank } from './specs/gqa-heads.ts';
export { GQAQKVColumnParallelLinearSpec } from './specs/gqa-qkv.ts';
export { createLocalFusedWeight, createLocalWeightWithPadding } from './specs/local-weights.ts';
export { ModelWeightTransformationSpec, type OriginalWeight, type ShardedStateDicts } from './specs/spec.ts';
export { ModelWeightTransformationSpecs } from './specs/specs.ts';
export { toOriginalWeights } from './specs/to-original-weights.ts';
export { DTYPES, type DType } from './tensor/dtype.ts';
export type { KvPlacement } from './tensor/parallel.ts';
export { byteRuns } from './tensor/byte-runs.ts';
export * from './tensor/operations.ts';
export type { ParameterMetadata, ParametersMetadata } from './tensor/parallel.ts';
export { makeView, viewOf, type Region, type View } from './tensor/view.ts';
export type { Rank, StoredTensor } from './tensor/stored.ts';
