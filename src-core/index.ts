/**
 * The library's public door: what the package exports, with every type that its signatures name. What is not here may change
 * without notice.
 */

// Checkpoints: opening one, and what it is made of.
export { openCheckpoint, type OpenOptions } from './models/open-checkpoint.ts';
export type { Checkpoint, KvPlacementFound, ShardedState, Stage } from './checkpoint/checkpoint.ts';
export type { AdapterConfig, ModelConfig, TrnConfig } from './checkpoint/configs.ts';
export type { AdapterFolder, DiscoveredCheckpoint, RankFile, ShardFolder } from './checkpoint/discover.ts';
export type { StageMetadata } from './checkpoint/metadata.ts';
export type { ParallelSizes } from './checkpoint/parallel-sizes.ts';
export type { RankNumbers } from './checkpoint/rank-names.ts';
export { openWeightsFolder, weightsOfFile, type WeightsFolder } from './checkpoint/weights-folder.ts';
export { originalWeightsOf } from './plan/original-weights.ts';
export type { PartKvPlacement, PartName } from './plan/part-name.ts';

// Looking at a checkpoint.
export {
  adapterDetail,
  updateNorms,
  type AdapterDetail,
  type AdapterModule,
  type UpdateNorm,
} from './inspect/adapter.ts';
export type { ElementPlace } from './inspect/drawing/placement.ts';
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
export { parameterDetail, type DetailRegion, type ParameterDetail } from './inspect/parameter-detail.ts';
export { parameterRows, type ParameterRow } from './inspect/parameters.ts';
export { partsOf, type CheckpointPart } from './inspect/parts.ts';
export { rankContent, type HeldTensor, type RankContent, type RankContentFile } from './inspect/rank-content.ts';
export type { RankSummary } from './inspect/ranks.ts';
export type { Slice } from './inspect/slice.ts';
export { statisticsOf, type StatisticsOptions, type TensorStatistics, type ValueCounts } from './inspect/statistics.ts';
export { summarize, type AdapterSummary, type CheckpointSummary, type PartSummary } from './inspect/summary.ts';
export { valuesOf, type SliceValues } from './inspect/values.ts';

// Jobs.
export {
  consolidate,
  prepareConsolidation,
  type ConsolidateOptions,
  type ConsolidateResult,
  type PreparedConsolidation,
} from './jobs/consolidate.ts';
export {
  diff,
  type DiffOptions,
  type DiffPlace,
  type DiffResult,
  type DiffRow,
  type DiffSideTensor,
  type DiffStatus,
  type DiffValues,
} from './jobs/diff.ts';
export type { ComparisonOptions, RenameRule } from './jobs/comparison.ts';
export type { ValueDifference } from './execute/diff-tensors.ts';
export type { Sums as ValueDifferenceSums } from './execute/difference-sums.ts';
export { merge, type ChosenAdapter, type MergeOptions, type MergeResult } from './jobs/merge.ts';
export type { MergedModule } from './peft/merge.ts';
export { reshard, shard, type ShardResult, type ShardRunOptions } from './jobs/shard.ts';
export { verifyDigests, type DigestCheck, type DigestFault } from './jobs/verify-digests.ts';
export {
  verifyReplicas,
  type CopyDifference,
  type DifferentPlace,
  type Replica,
  type ReplicaCheck,
  type ReplicaKind,
} from './jobs/verify-replicas.ts';
export { verifyRoundTrip, type RoundTrip, type RoundTripDifference } from './jobs/verify-round-trip.ts';
export type { ReplicaSummary } from './verify/replicas.ts';
export type { CompareOptions } from './execute/compare-copies.ts';
export type { Difference } from './execute/compare.ts';
export { makeSample, type Sample, type SampleOptions } from './sample/sample.ts';
export type { ShardingOptions } from './plan/sharding.ts';
export type {
  PartOf,
  Plan,
  PlanContent,
  PlanCopy,
  PlanOperand,
  PlanOutput,
  PlanPiece,
  PlanRegion,
  PlanSidecar,
  PlanSource,
  PlanSourceFile,
  PlanTensor,
  PlanText,
  PlanUpdate,
  WeightsFormat,
} from './plan/plan.ts';
export type { ArchiveLayout, Piece as ArchivePiece, PlacedMember, PlacedTensor } from './formats/torch/writer.ts';
export { validatePlan } from './plan/validate.ts';
export type { ConsolidationOptions } from './plan/consolidation.ts';
export type { ExecuteOptions, ExecuteResult, WrittenOutput } from './execute/execute.ts';
export type { CopiedTensor } from './execute/copy-tensors.ts';
export { createPool, type CopyPool } from './execute/pool.ts';
export { DIGESTS, type DigestName } from './execute/digest.ts';
export type { Phase, Progress } from './execute/progress.ts';
export { KEEP, type WatchOptions } from './execute/watch.ts';

// The transformation specs, and models described by them: see docs/api-names.md.
export { CustomModule, type ModelStage } from './specs/custom-module.ts';
export {
  ModelWeightTransformationSpec,
  type OriginalWeight,
  type OriginalWeights,
  type ShardedStateDicts,
  type SpecMetadata,
  type SpecOfModule,
  type StateDict,
  type TensorParallelRank,
  type Transformation,
  type WeightCopy,
  type WeightUpdate,
} from './specs/spec.ts';
export { ModelWeightTransformationSpecs, type SpecsMetadata } from './specs/specs.ts';
export type { FusedModule, Fusion } from './specs/peft-config/adapt.ts';
export { FusedLinearsSpec, type FusedLinearsFields } from './specs/fused-linears.ts';
export { GQAQKVColumnParallelLinearSpec } from './specs/gqa-qkv.ts';
export type { GQAQKVFields } from './specs/gqa-sharding.ts';
export { computeQueryIndicesForRank } from './specs/gqa-heads.ts';
export { adaptStateDict } from './specs/adapt-state-dict.ts';
export { toOriginalWeights } from './specs/to-original-weights.ts';
export { createLocalFusedWeight, createLocalWeightWithPadding } from './specs/local-weights.ts';
export { getAdapterName, isBaseLayer, removeAdapterName } from './specs/adapter-names.ts';
export {
  createParameterMetadata,
  getTensorModelParallelAttributes,
  specializeTransformationSpecsForModel,
  type ModelDescription,
  type ParallelAttributes,
  type ParallelConfig,
  type StageDescription,
  type StageMetadataDocument,
} from './models/description.ts';
export { describeModel, MODEL_FAMILIES, type ModelFamily } from './models/family.ts';
export type { DecoderConfig } from './models/decoder.ts';
export {
  adaptPeftConfigForModel,
  toOriginalPeftConfigForModel,
  type PeftConfigs,
  type SpecsOfModel,
} from './peft/config-for-model.ts';
export type { PeftConfig } from './specs/peft-config/peft-config.ts';

// Tensors as views.
export { DTYPES, type DType } from './tensor/dtype.ts';
export type { Shape } from './tensor/shape.ts';
export type { Box } from './execute/bands.ts';
export { cat, chunk, gatherBlocks, mean, narrow, repeat, split } from './tensor/operations.ts';
export type { KvPlacement, ParameterMetadata, ParametersMetadata } from './tensor/parallel.ts';
export type { ByteRun } from './tensor/byte-runs.ts';
export type { Rank, StoredTensor } from './tensor/stored.ts';
export { makeView, viewOf, type Region, type View } from './tensor/view.ts';
export { readViews } from './execute/view-reader.ts';

// Errors.
export {
  isShardloomError,
  ShardloomError,
  type ErrorTag,
  type Finding,
  type Problem,
  type Severity,
} from './errors.ts';
