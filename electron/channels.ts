/**
 * Everything that the page and the main process say to each other: one map from channel to signature, shared by both
 * sides. Types only. Arguments are checked on arrival against the schemas in requests.ts.
 */
import type {
  AdapterDetail,
  CheckpointSummary,
  DifferenceHeatmap,
  Heatmap,
  ParameterDetail,
  ParameterLayout,
  Placement,
  Problem,
  RankContent,
  Slice,
  SliceValues,
  UpdateNorm,
} from '../src-core/app-door.ts';
import type {
  ConsolidationRequest,
  FolderPurpose,
  MergeRequest,
  OutputPreview,
  ShardingRequest,
  ShardSource,
} from './job-request-types.ts';
import type { DiffPage, DiffSides, DigestPage, Job, JobId, KeptReplicaCheck } from './job-types.ts';
import type {
  AdapterRequest,
  DifferenceName,
  DifferenceRequest,
  ElementLineage,
  HeatmapRequest,
  ParameterPage,
  ParameterPageRequest,
  ParameterRequest,
  RankRequest,
  StatisticsWithHistogram,
  StoredElement,
  TensorRequest,
} from './looking-types.ts';

export type * from './job-request-types.ts';
export type * from './job-types.ts';
export type * from './looking-types.ts';

/** What the page asks and the main process answers. */
export interface Requests {
  /** Once, when the page has loaded: what to show first. */
  'app:start': () => StartState;
  'app:change-settings': (changes: Partial<Settings>) => Settings;
  'app:copy-text': (text: string) => void;
  /** What went wrong in the app itself has been read. */
  'app:dismiss-trouble': () => void;

  /** What a diagnostics bundle would hold. */
  'diagnostics:outline': (about: DiagnosticsAbout) => DiagnosticsOutline;
  /** Asks where, and writes the bundle there; null if nobody chose a place. */
  'diagnostics:export': (request: DiagnosticsRequest) => string | null;
  /** Shows the bundle that was written last in the system's file manager. */
  'diagnostics:reveal': () => void;

  /** The folder dialog; null if it was closed without a choice. */
  'checkpoint:choose': () => OpenedCheckpoint | null;
  /** A folder that was dropped on the window. The preload script takes its path from the dropped file itself. */
  'checkpoint:open-dropped': (folder: string) => OpenedCheckpoint;
  /** A folder of the recent list, or a checkpoint in the folder that was none, by its path; others are refused. */
  'checkpoint:open-recent': (folder: string) => OpenedCheckpoint;
  'checkpoint:forget-recent': (folder: string) => readonly RecentCheckpoint[];
  /** Makes the sample in a temporary folder and opens it. */
  'checkpoint:open-sample': () => OpenedCheckpoint;
  /** Reads the folder again: for a checkpoint that was mended meanwhile. */
  'checkpoint:reopen': (checkpoint: CheckpointId) => OpenedCheckpoint;
  'checkpoint:close': (checkpoint: CheckpointId) => void;
  /** Rows `offset` to `offset + limit` of the mapping table. */
  'checkpoint:parameters': (request: ParameterPageRequest) => ParameterPage;
  'checkpoint:parameter': (request: ParameterRequest) => ParameterDetail;
  /** How a parameter is spread over the ranks. */
  'checkpoint:layout': (request: ParameterRequest) => ParameterLayout;
  /** Where one element of an original parameter lies on disk, in all copies. */
  'checkpoint:lineage': (request: ParameterRequest & { readonly index: readonly number[] }) => ElementLineage;
  /** What one rank has stored. */
  'checkpoint:rank': (request: RankRequest) => RankContent;
  /** The numbers of a window on a tensor. */
  'tensor:values': (request: TensorRequest & { readonly slice: Slice }) => SliceValues;
  /** A picture of a window on a tensor. A new request ends the one before it, which then fails as cancelled. */
  'tensor:heatmap': (request: HeatmapRequest) => Heatmap;
  /** What the values of a tensor are like. A new request ends the one before it, which then fails as cancelled. */
  'tensor:statistics': (request: TensorRequest) => StatisticsWithHistogram;
  /** What an element that a rank has stored becomes in the original model. */
  'tensor:descendants': (request: TensorRequest & { readonly index: readonly number[] }) => StoredElement;
  /** Shows the checkpoint's folder, or a file of its findings, in the system's file manager. */
  'checkpoint:reveal': (request: { readonly checkpoint: CheckpointId; readonly file?: string }) => void;

  /** The folder dialog for the output; null if it was closed without a choice. */
  'consolidation:choose-output': (checkpoint: CheckpointId) => string | null;
  /** What a consolidation would write, and whether it could. */
  'consolidation:preview': (request: ConsolidationRequest) => OutputPreview;
  /** Puts it into the queue. */
  'consolidation:start': (request: ConsolidationRequest) => Job;

  /** What the open checkpoint is as a source of sharding. */
  'sharding:from-checkpoint': (checkpoint: CheckpointId) => ShardSource;
  /** The folder dialog for Hugging Face weights or adapters; null if it was closed without a choice. */
  'sharding:choose-source': () => ShardSource | null;
  /** What sharding would write, and whether it could. */
  'sharding:preview': (request: ShardingRequest) => OutputPreview;
  /** Puts it into the queue. */
  'sharding:start': (request: ShardingRequest) => Job;

  /** What an adapter is. */
  'adapter:detail': (request: AdapterRequest) => AdapterDetail;
  /** How far it moves each weight. A new request ends the one before it, which then fails as cancelled. */
  'adapter:norms': (request: AdapterRequest) => readonly UpdateNorm[];
  /** Where merging the open checkpoint's adapters would be written if nobody chooses. */
  'merge:suggest': (checkpoint: CheckpointId) => string;
  /** What merging would write, and whether it could. */
  'merge:preview': (request: MergeRequest) => OutputPreview;
  /** Puts it into the queue. */
  'merge:start': (request: MergeRequest) => Job;

  /** Puts a comparison of two folders into the queue. */
  'diff:start': (sides: DiffSides) => Job;
  /** Rows of what it found, `offset` to `offset + limit`; those that moved most first. */
  'diff:rows': (request: { readonly job: JobId; readonly offset: number; readonly limit: number }) => DiffPage;
  /** Where ranks and heads are in a tensor that it compared. */
  'diff:placement': (request: DifferenceName) => Placement;
  /** A picture of where the two sides of a tensor differ. A new request ends the one before it, which then fails as cancelled. */
  'diff:heatmap': (request: DifferenceRequest) => DifferenceHeatmap;
  /** Asks where, and writes the report there; null if nobody chose a place. */
  'diff:report': (job: JobId) => string | null;

  /** The folder dialog for something that a job needs; null if it was closed without a choice. */
  'folder:choose': (purpose: FolderPurpose) => string | null;

  /** Puts a comparison of all copies into the queue. */
  'replicas:start': (checkpoint: CheckpointId) => Job;
  /** What such a comparison found, if the checkpoint has not changed on disk since. */
  'replicas:result': (checkpoint: CheckpointId) => KeptReplicaCheck | null;

  'job:list': () => readonly Job[];
  'job:cancel': (job: JobId) => void;
  /** Takes an ended job off the list. */
  'job:dismiss': (job: JobId) => void;
  /** Puts a job that failed, was cancelled or was interrupted into the queue again. */
  'job:retry': (job: JobId) => Job;
  /** Shows a job's output in the system's file manager. */
  'job:reveal': (job: JobId) => void;
  /** The digests of a job's output, `offset` to `offset + limit`. */
  'job:digests': (request: { readonly job: JobId; readonly offset: number; readonly limit: number }) => DigestPage;
}

/** What the main process tells the page unasked. */
export interface Events {
  /** A checkpoint is being opened, whoever asked for it. */
  'checkpoint:opening': (folder: string) => void;
  /** One was opened from outside the page: menu, command line, a second start of the app. */
  'checkpoint:opened': (opened: OpenedCheckpoint) => void;
  'checkpoint:failed': (failure: { readonly folder: string; readonly problem: Problem }) => void;
  /** The whole list, at most about ten times a second. */
  'jobs:changed': (jobs: readonly Job[]) => void;
  /** From the native menu. */
  command: (command: MenuCommand) => void;
  'settings:changed': (settings: Settings) => void;
  'recents:changed': (recents: readonly RecentCheckpoint[]) => void;
  /** About every two seconds, where the system says it: private memory of all of the app's processes, in bytes. */
  memory: (bytes: number) => void;
  /** Something went wrong in the app itself, and it goes on; null when that has been read. */
  trouble: (problem: Problem | null) => void;
}

export type RequestChannel = keyof Requests;
/** What a page may ask by itself. Paths of dropped folders come from the preload script only. */
export type PageChannel = Exclude<RequestChannel, 'checkpoint:open-dropped'>;
export type EventChannel = keyof Events;

/** How an answer travels: a problem keeps all its fields, which an exception thrown across processes would not. */
export type Answer<Value> =
  { readonly ok: true; readonly value: Value } | { readonly ok: false; readonly problem: Problem };

/** Numbers a checkpoint while it is open. The page knows no other way to name a folder. */
export type CheckpointId = number;

/** Places of the window that the menu can lead to, and what else it can ask of the page. */
export type MenuCommand =
  | 'open'
  | 'open-sample'
  | 'palette'
  | 'filter'
  | 'about'
  | 'diagnostics'
  | 'go-overview'
  | 'go-parameters'
  | 'go-layout'
  | 'go-shards'
  | 'go-replicas'
  | 'go-adapters'
  | 'go-diff'
  | 'go-consolidate'
  | 'go-reshard'
  | 'go-jobs';

export interface StartState {
  readonly version: string;
  readonly platform: 'linux' | 'darwin' | 'win32' | 'other';
  readonly settings: Settings;
  readonly recents: readonly RecentCheckpoint[];
  readonly jobs: readonly Job[];
  /** The checkpoint that is open already: from the command line, or before the page was loaded again. */
  readonly opened: OpenedCheckpoint | null;
  /** What went wrong with the folder that the command line named. */
  readonly failure: { readonly folder: string; readonly problem: Problem } | null;
  /** A folder that is being opened at this moment. */
  readonly opening: string | null;
  /** What went wrong in the app itself and has not been read yet. */
  readonly trouble: Problem | null;
}

/** What a diagnostics bundle is about. */
export interface DiagnosticsAbout {
  readonly job: JobId | null;
  /** What the page shows as a problem. */
  readonly problem: Problem | null;
}

export interface DiagnosticsRequest extends DiagnosticsAbout {
  readonly shortenPaths: boolean;
}

export interface DiagnosticsOutline {
  /** The folder that it tells of; null where there is none. */
  readonly folder: string | null;
  /** Each file with what is in it. */
  readonly files: readonly { readonly file: string; readonly about: string }[];
}

export interface Settings {
  readonly theme: 'system' | 'light' | 'dark';
}

export interface RecentCheckpoint {
  readonly folder: string;
  /** The folder's own name. */
  readonly name: string;
  /** The one line of facts from when it was last open. */
  readonly facts: string;
  /** Milliseconds since 1970. */
  readonly openedAt: number;
}

export interface OpenedCheckpoint {
  readonly checkpoint: CheckpointId;
  /** The folder's own name. */
  readonly name: string;
  readonly folder: string;
  /** It was made by the app in a temporary folder. */
  readonly isSample: boolean;
  readonly summary: CheckpointSummary;
  /** Rows of the mapping table. */
  readonly parameterCount: number;
  /** From the request until the summary was there. */
  readonly openSeconds: number;
  /** Where a consolidation would be written if nobody chooses: a new folder beside the checkpoint. */
  readonly suggestedOutput: string;
}
