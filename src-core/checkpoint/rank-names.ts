import { MAX_RANKS } from '../limits.ts';

/** The ranks in the name of a shard file. */
export interface RankNumbers {
  readonly dp: number;
  readonly ep: number;
  readonly tp: number;
  readonly pp: number;
}

/** `dp_rank_00[_ep_rank_00]_tp_rank_00_pp_rank_00.pt`; ranks have at least two digits and may have more. */
const NXD_FILE = /^dp_rank_(\d+)(?:_ep_rank_(\d+))?_tp_rank_(\d+)_pp_rank_(\d+)\.pt$/;

/** `tp_rank_00_pp_rank_00[_dp_rank_00]`: a folder with `checkpoint.pt`, or an xser reference file. */
const LEGACY_ENTRY = /^tp_rank_(\d+)_pp_rank_(\d+)(?:_dp_rank_(\d+))?$/;

/** The metadata of one pipeline stage; older versions pickled it. */
const METADATA_FILE = /^mp_metadata_pp_rank_(\d+)\.(json|pt)$/;

/** Ranks are numbers: reading them as text, or as two digits, mixes them up from 100 on. */
function rank(digits: string | undefined): number {
  const value = Number(digits ?? 0);
  return value < MAX_RANKS ? value : NaN;
}

function valid(ranks: RankNumbers): RankNumbers | null {
  return Object.values(ranks).some(Number.isNaN) ? null : ranks;
}

/** The ranks in a file name of NxD's trainer, or null for another file. */
export function parseRankFile(name: string): RankNumbers | null {
  const match = NXD_FILE.exec(name);
  return match && valid({ dp: rank(match[1]), ep: rank(match[2]), tp: rank(match[3]), pp: rank(match[4]) });
}

/** The ranks in an entry name of NxD's older `parallel_layers.checkpointing`, or null for another entry. */
export function parseLegacyEntry(name: string): RankNumbers | null {
  const match = LEGACY_ENTRY.exec(name);
  return match && valid({ tp: rank(match[1]), pp: rank(match[2]), dp: rank(match[3]), ep: 0 });
}

/** The pipeline rank of a metadata file, or null for another file. */
export function parseMetadataFile(name: string): { readonly pp: number; readonly format: 'json' | 'pt' } | null {
  const match = METADATA_FILE.exec(name);
  if (!match) return null;
  const pp = rank(match[1]);
  return Number.isNaN(pp) ? null : { pp, format: match[2] as 'json' | 'pt' };
}

/** The name under which a rank's file is expected, to tell a user what to look for. */
export function rankFileName(tp: number, pp: number, layout: 'nxd' | 'legacy'): string {
  const two = (value: number): string => String(value).padStart(2, '0');
  return layout === 'nxd'
    ? `dp_rank_00_tp_rank_${two(tp)}_pp_rank_${two(pp)}.pt`
    : `tp_rank_${two(tp)}_pp_rank_${two(pp)}`;
}

/** The tensor id in `tensor_<tid>.pt`, or null for another file. */
export function parseTensorFile(name: string): number | null {
  const match = /^tensor_(\d{1,9})\.pt$/.exec(name);
  return match ? Number(match[1]) : null;
}
