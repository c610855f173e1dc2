/** Types of what a job is asked for and would write, as both sides see them. Part of channels.ts, which passes them on. */
import type {
  ChosenAdapter,
  DType,
  DigestName,
  Finding,
  PartName,
  Problem,
  ShardSourceKind,
} from '../src-core/app-door.ts';
import type { CheckpointId } from './channels.ts';

export interface ConsolidationChoices {
  readonly format: 'safetensors' | 'pytorch';
  readonly maxShardBytes: number;
  /** Null: as stored. */
  readonly dtype: DType | null;
  readonly digest: DigestName;
  readonly parts: readonly PartName[];
  /** Replace files of the same names. */
  readonly replace: boolean;
  /** Afterwards shard the result again and compare it with what every rank has stored. */
  readonly verify: boolean;
}

export interface ConsolidationRequest {
  readonly checkpoint: CheckpointId;
  /** A folder that a dialog gave, or the suggested one; others are refused. */
  readonly out: string;
  readonly choices: ConsolidationChoices;
}

/** Where weights that are to be sharded come from. */
export interface ShardSource {
  readonly from: ShardSourceKind;
  readonly folder: string;
  /** Where the result would be written if nobody chooses: a new folder beside it. */
  readonly suggestedOutput: string;
}

export interface ShardingRequest {
  readonly from: ShardSourceKind;
  /** A folder that a dialog gave, or an open checkpoint; others are refused. */
  readonly folder: string;
  /** A folder that a dialog gave, or a suggested one; others are refused. */
  readonly out: string;
  readonly sizes: {
    readonly tensorParallelSize: number;
    readonly pipelineParallelSize: number;
    readonly virtualPipelineParallelSize: number;
    /** Null: as often as needed. */
    readonly kvSizeMultiplier: number | null;
    readonly fuseQkv: boolean;
    readonly xser: boolean;
  };
  /** Folder of the base model; null: its config.json stands beside the weights. */
  readonly config: string | null;
  /** Replace files of the same names. */
  readonly replace: boolean;
}

export interface MergeRequest {
  /** The checkpoint that holds the adapters. */
  readonly checkpoint: CheckpointId;
  /** A folder that a dialog gave; null for the checkpoint's own model. */
  readonly base: string | null;
  readonly adapters: readonly ChosenAdapter[];
  /** A folder that a dialog gave, or a suggested one; others are refused. */
  readonly out: string;
  /** Null: as the base model is stored. */
  readonly dtype: DType | null;
  /** Replace files of the same names. */
  readonly replace: boolean;
}

export type FolderPurpose = 'output' | 'base-model' | 'weights';

/** What a job would write. */
export interface OutputPreview {
  /** Files with weights, with their sizes. */
  readonly files: readonly { readonly path: string; readonly bytes: number; readonly tensors: number }[];
  /** Small files beside them. */
  readonly companions: readonly string[];
  readonly bytes: number;
  /** Free on the output's disk; null where the system does not tell. */
  readonly freeBytes: number | null;
  /** Of the bytes, those that a run which was cut off has left there: they are used where they are what would be written. */
  readonly leftBytes: number;
  /** Of the files that would be written, those that are there already. */
  readonly existing: readonly string[];
  /** The same on the command line, quoted for the platform's shell. */
  readonly command: string;
  readonly findings: readonly Finding[];
  /** Why it cannot be started, if it cannot. */
  readonly problem: Problem | null;
}
