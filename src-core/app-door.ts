/** The app's door to the engine: the library, and what only a window with jobs in the background needs. Not in the package. */
export * from './index.ts';

export { realPathOf } from './bytes/file.ts';
export { checkpointFingerprint } from './checkpoint/fingerprint.ts';
export { toProblem } from './errors.ts';
export { freeBytes, keptOf } from './execute/execute.ts';
export { bytesLeftIn, releaseLeftIn, removeLeftIn } from './execute/left.ts';
export { differenceHeatmapOf, type DifferenceHeatmap } from './inspect/difference-heatmap.ts';
export type { Placement } from './inspect/drawing/placement.ts';
export { factsLine } from './inspect/facts.ts';
export { heatmapOf, type Heatmap } from './inspect/heatmap.ts';
export { byteRuns } from './tensor/byte-runs.ts';
export { histogramOf, type HistogramBar } from './inspect/statistics.ts';
export { viewOfTarget, type TensorTarget } from './inspect/target.ts';
export {
  consolidateCommandLine,
  diffCommandLine,
  mergeCommandLine,
  shardCommandLine,
  verifyCommandLine,
  type CommandLineOptions,
} from './jobs/command-line.ts';
export { isComparable, openComparison, placementIn, type ComparableMatch, type Comparison } from './jobs/comparison.ts';
export { diagnose, faultOf, type Diagnosis, type Fault } from './jobs/diagnosis.ts';
export { BUNDLE_FILES, diagnosticsBundle, type BundleFile, type Diagnostics } from './jobs/diagnostics-bundle.ts';
export { diffReportHtml } from './jobs/diff-report.ts';
export { prepareMerge } from './jobs/merge.ts';
export { openShardInput, type ShardSourceKind } from './jobs/shard-inputs.ts';
export { planShard } from './jobs/shard.ts';
export { roundTripPhases } from './jobs/round-trip-phases.ts';
export { pathShortener, userName, type FolderRole, type NamedFolder, type Shorten } from './jobs/shorten-paths.ts';
export { isPartName } from './plan/part-name.ts';
