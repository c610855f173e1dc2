/** Types of what is looked at in an open checkpoint or a comparison, as both sides see them. Part of channels.ts, which passes them on. */
import type {
  Descendant,
  HistogramBar,
  LineagePiece,
  ParameterRow,
  PartName,
  Rank,
  Slice,
  TensorStatistics,
  TensorTarget,
} from '../src-core/app-door.ts';
import type { CheckpointId } from './channels.ts';
import type { JobId } from './job-types.ts';

export interface ParameterPageRequest {
  readonly checkpoint: CheckpointId;
  readonly offset: number;
  readonly limit: number;
}

export interface ParameterPage {
  readonly rows: readonly ParameterRow[];
  readonly total: number;
}

export interface ParameterRequest {
  readonly checkpoint: CheckpointId;
  readonly part: PartName;
  readonly name: string;
}

export interface RankRequest {
  readonly checkpoint: CheckpointId;
  readonly part: PartName;
  readonly rank: Rank;
}

export interface TensorRequest {
  readonly checkpoint: CheckpointId;
  readonly target: TensorTarget;
}

export interface HeatmapRequest extends TensorRequest, PictureRequest {}

/** A tensor of a finished comparison. */
export interface DifferenceName {
  readonly job: JobId;
  readonly name: string;
}

export interface DifferenceRequest extends DifferenceName, PictureRequest {}

/** What of a tensor is drawn, and how finely. */
export interface PictureRequest {
  readonly slice: Slice;
  /** Cells, at most; the picture has no more than the slice has elements. */
  readonly width: number;
  readonly height: number;
  /** From a few rows only, for a picture at once. */
  readonly firstOnly: boolean;
}

export interface StatisticsWithHistogram {
  readonly statistics: Omit<TensorStatistics, 'counts'>;
  /** Equal bars from the smallest to the largest finite value. */
  readonly histogram: readonly HistogramBar[];
}

export interface ElementLineage {
  /** What consolidation takes first, then the copies; each with Python that reads just its bytes. */
  readonly pieces: readonly (LineagePiece & { readonly python: string })[];
}

export interface StoredElement {
  readonly file: string;
  /** Of its first byte in the file. */
  readonly offset: number;
  readonly bytes: number;
  readonly becomes: readonly Descendant[];
}

export interface AdapterRequest {
  readonly checkpoint: CheckpointId;
  readonly part: PartName;
}
