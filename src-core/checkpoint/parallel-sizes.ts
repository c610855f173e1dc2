import path from 'node:path';
import { z } from 'zod';
import type { Finding } from '../errors.ts';
import type { TrnConfig } from './configs.ts';
import type { RankFile, ShardFolder } from './discover.ts';
import type { StageMetadata } from './metadata.ts';
import { MAX_MODEL_RANKS } from '../limits.ts';
import { rankFileName } from './rank-names.ts';

export interface ParallelSizes {
  readonly tensorParallelSize: number;
  readonly pipelineParallelSize: number;
}

interface Evidence {
  readonly size: number;
  readonly source: string;
}

/**
 * The parallel sizes that the configuration and the metadata name, held against the files that are there. What they name
 * wins over what is there, so that a missing rank is missed. Disagreements and missing ranks are findings.
 */
export function checkParallelSizes(
  shards: ShardFolder,
  metadata: readonly StageMetadata[],
  trnConfig: TrnConfig | undefined,
): ParallelSizes & { readonly findings: Finding[] } {
  const findings: Finding[] = [];
  const onDisk = (axis: 'tp' | 'pp'): number => largest(shards.rankFiles.map(({ ranks }) => ranks[axis] + 1));
  const tp = agree('tensor', tensorParallelEvidence(metadata, trnConfig), onDisk('tp'), shards, findings);
  const stages = largest([...shards.metadataFiles.keys()].map((rank) => rank + 1));
  const ppEvidence: Evidence[] = [];
  if (trnConfig?.pipelineParallelSize) {
    ppEvidence.push({ size: trnConfig.pipelineParallelSize, source: 'trn_config.json' });
  }
  // The highest metadata file may itself be missing, so its count is only believed where nothing else speaks.
  if (ppEvidence.length === 0 && stages > 0) ppEvidence.push({ size: stages, source: 'mp_metadata files' });
  const pp = agree('pipeline', ppEvidence, onDisk('pp'), shards, findings);
  if (tp * pp > MAX_MODEL_RANKS) {
    findings.push(tooManyRanks(shards, tp, pp));
    return { tensorParallelSize: 1, pipelineParallelSize: 1, findings };
  }
  findings.push(...ranksWithTwoFiles(shards));
  if (!findings.some((finding) => finding.severity === 'error')) findings.push(...missingRanks(shards, tp, pp));
  return { tensorParallelSize: tp, pipelineParallelSize: pp, findings };
}

/** The largest of the numbers, or 0. There may be more of them than a call takes arguments. */
function largest(numbers: readonly number[]): number {
  return numbers.reduce((most, number) => Math.max(most, number), 0);
}

/** Each rank has a line in what is shown: a number from a file must not make millions of them. */
function tooManyRanks(shards: ShardFolder, tp: number, pp: number): Finding {
  return {
    severity: 'error',
    tag: 'over-limit',
    what: 'The parallel sizes that the checkpoint names are larger than any cluster.',
    file: shards.modelFolder,
    isFolder: true,
    found: `TP ${tp} × PP ${pp}`,
    expected: `at most ${MAX_MODEL_RANKS} ranks`,
    advice: 'Check where trn_config.json and the metadata come from.',
  };
}

/**
 * The file of each rank: that of data parallel rank 0, or of the lowest that there is, because the others hold the same weights.
 */
export function rankFilesToRead(shards: ShardFolder): {
  readonly files: readonly RankFile[];
  readonly ignored: number;
} {
  const chosen = new Map<string, RankFile>();
  for (const file of shards.rankFiles) {
    const { pp, tp, ep, dp } = file.ranks;
    const rank = `${pp}/${tp}/${ep}`;
    const before = chosen.get(rank);
    if (!before || dp < before.ranks.dp) chosen.set(rank, file);
  }
  return { files: [...chosen.values()], ignored: shards.rankFiles.length - chosen.size };
}

/** `tp_rank_0` and `tp_rank_00` are one rank: which file is the right one nobody knows. */
function ranksWithTwoFiles(shards: ShardFolder): Finding[] {
  const files = new Map<string, string>();
  const findings: Finding[] = [];
  for (const { path: file, ranks } of shards.rankFiles) {
    const rank = `${ranks.pp}/${ranks.tp}/${ranks.ep}/${ranks.dp}`;
    const before = files.get(rank);
    files.set(rank, file);
    if (before === undefined || findings.length >= MAX_RANKS_TOLD) continue;
    findings.push({
      severity: 'error',
      tag: 'parallel-size-mismatch',
      what: `Two files are the shard of TP rank ${ranks.tp}, pipeline rank ${ranks.pp}.`,
      file,
      found: `${path.basename(before)} and ${path.basename(file)}`,
      expected: 'one file for each rank',
      advice: 'Keep the one that training wrote.',
    });
  }
  return findings;
}

const specEntry = z.looseObject({ specs: z.array(z.tuple([z.string(), z.looseObject({ tp_size: z.number() })])) });

function tensorParallelEvidence(metadata: readonly StageMetadata[], trnConfig: TrnConfig | undefined): Evidence[] {
  const evidence: Evidence[] = [];
  if (trnConfig?.tensorParallelSize) {
    evidence.push({ size: trnConfig.tensorParallelSize, source: 'tensor_parallel_size in trn_config.json' });
  }
  for (const stage of metadata) {
    const file = path.basename(stage.file);
    const partitions = new Set([...stage.parameters.values()].flatMap((parameter) => parameter.numPartitions ?? []));
    for (const size of partitions) evidence.push({ size, source: `num_partitions in ${file}` });
    const specs = stage.transformationSpecs.flatMap((entry) => specEntry.safeParse(entry).data?.specs ?? []);
    for (const size of new Set(specs.map(([, fields]) => fields.tp_size))) {
      evidence.push({ size, source: `tp_size of the specs in ${file}` });
    }
  }
  return evidence;
}

/** The size that all evidence names; a disagreement, or more ranks on disk than that, is an error. */
function agree(
  kind: 'tensor' | 'pipeline',
  evidence: readonly Evidence[],
  onDisk: number,
  shards: ShardFolder,
  findings: Finding[],
): number {
  const named = evidence[0]?.size ?? Math.max(onDisk, 1);
  const other = evidence.find(({ size }) => size !== named);
  if (other ?? onDisk > named) {
    const found = other ? `${other.size} (${other.source})` : `${onDisk} ranks in the names of the files`;
    findings.push({
      severity: 'error',
      tag: 'parallel-size-mismatch',
      what: `The checkpoint does not agree with itself on the ${kind} parallel size.`,
      file: shards.modelFolder,
      isFolder: true,
      found: `${found}; the shards have ${onDisk}`,
      expected: `${named} (${evidence[0]?.source ?? 'rank files'})`,
      advice: 'Files of two training runs are mixed: put the shards, metadata and trn_config.json of one run together.',
    });
  }
  return named;
}

/** How many missing ranks are told one by one: where more are missing, it is the folder that is not the right one. */
const MAX_RANKS_TOLD = 1_000;

function missingRanks(shards: ShardFolder, tpSize: number, ppSize: number): Finding[] {
  const there = new Set(shards.rankFiles.map(({ ranks }) => `${ranks.pp}/${ranks.tp}`));
  const findings: Finding[] = [];
  for (let pp = 0; pp < ppSize && findings.length < MAX_RANKS_TOLD; pp++) {
    for (let tp = 0; tp < tpSize && findings.length < MAX_RANKS_TOLD; tp++) {
      if (there.has(`${pp}/${tp}`)) continue;
      const name = rankFileName(tp, pp, shards.layout);
      const stage = ppSize > 1 ? `, pipeline rank ${pp}` : '';
      findings.push({
        severity: 'error',
        tag: 'missing-rank',
        what: `Shard for TP rank ${tp}${stage} is missing.`,
        file: path.join(shards.modelFolder, name),
        found: `${there.size} of ${tpSize * ppSize} rank files`,
        expected: `${name} in ${path.basename(shards.modelFolder)}`,
        advice: 'Copy it from the training machine and open the folder again.',
      });
    }
  }
  return findings;
}
