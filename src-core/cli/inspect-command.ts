import { openCheckpoint } from '../models/open-checkpoint.ts';
import { printable, printableJson } from '../errors.ts';
import { kvPlacementInWords } from '../inspect/facts.ts';
import { summarize, type AdapterSummary, type CheckpointSummary, type PartSummary } from '../inspect/summary.ts';
import { formatBytes, formatCount, formatParameters, formatPlural } from '../units.ts';
import { EXIT } from './exit-codes.ts';
import { openOptionsOf, type OpeningFlags } from './opening.ts';
import { findingsText, styled } from './terminal.ts';

export interface InspectFlags extends OpeningFlags {
  readonly json?: boolean;
}

/** `shardloom inspect FOLDER`: what a checkpoint is. Returns the exit code. */
export function inspectCommand(folder: string, { json = false, ...opening }: InspectFlags): number {
  const summary = summarize(openCheckpoint(folder, openOptionsOf(opening)));
  process.stdout.write(json ? `${printableJson(summary)}\n` : summaryText(summary));
  return summary.health === 'damaged' ? EXIT.input : EXIT.done;
}

const HEALTH = {
  sound: ['green', 'sound'],
  look: ['yellow', 'look at the warnings'],
  damaged: ['red', 'damaged'],
} as const;

function summaryText(summary: CheckpointSummary): string {
  const lines = [row('Checkpoint', printable(summary.folder))];
  if (summary.modelType !== null) lines.push(row('Model', printable(summary.modelType)));
  if (summary.model) lines.push(...partRows(summary.model));
  for (const adapter of summary.adapters) lines.push('', ...adapterRows(adapter));
  const [style, health] = HEALTH[summary.health];
  lines.push('', row('Health', styled(style, health)));
  if (summary.findings.length > 0) lines.push('', findingsText(summary.findings));
  return `${lines.join('\n')}\n`;
}

function adapterRows(adapter: AdapterSummary): string[] {
  const lora = adapter.rank === null ? '' : ` (LoRA rank ${adapter.rank}, alpha ${adapter.alpha ?? '?'})`;
  return [row('Adapter', `${printable(adapter.name)}${lora}`), ...partRows(adapter)];
}

function partRows(part: PartSummary): string[] {
  const rows = [
    row('Dtype', part.dtypes.join(', ') || 'unknown'),
    row('Parallel', `TP ${part.tensorParallelSize} × PP ${part.pipelineParallelSize}`),
    row('Layers', formatCount(part.layers)),
  ];
  if (part.parameters !== null && part.tensors !== null && part.consolidatedBytes !== null) {
    const tensors = formatPlural(part.tensors, 'tensor');
    rows.push(
      row('Parameters', `${formatParameters(part.parameters)} in ${tensors}, ${formatBytes(part.consolidatedBytes)}`),
    );
  }
  const form = part.xser ? 'xser' : 'plain';
  rows.push(row('Shards', `${formatPlural(part.shardFiles, 'file')} (${form}), ${formatBytes(part.shardBytes)}`));
  if (part.kvPlacement !== null) rows.push(row('KV heads', `replicated, ${kvPlacementInWords(part.kvPlacement)}`));
  return rows;
}

function row(label: string, value: string): string {
  return `${styled('bold', label.padEnd(12))}${value}`;
}
