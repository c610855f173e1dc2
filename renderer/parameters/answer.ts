import type { OpenedCheckpoint } from '../../electron/channels.ts';
import type { ParameterRow } from '../../src-core/index.ts';
import { formatBytes, formatPlural } from '../../src-core/units.ts';
import { tagCounts } from './arrange.ts';
import { TAGS, type Tag } from './tags.ts';

const WORDS: Readonly<Record<Tag, string>> = {
  split: 'joined from parts',
  fused: 'cut out of fused ones',
  query: 'with heads put back in order',
  kv: 'taken from KV replicas',
  lora: 'copied from a shared lora_A',
  copied: 'copied',
};

/** The mapping in a line: how many parameters, how large, from how many Neuron ones, and what was done to them. */
export function answerOf(rows: readonly ParameterRow[], { parameterCount }: OpenedCheckpoint): string {
  if (rows.length < parameterCount) return `${formatPlural(parameterCount, 'parameter')}, being read`;
  const bytes = rows.reduce((sum, row) => sum + row.bytes, 0);
  const neuron = new Set(rows.flatMap(({ part, from }) => from.map((name) => `${part} ${name}`))).size;
  const counts = tagCounts(rows);
  const done = TAGS.flatMap((tag) => (counts.has(tag) ? [`${counts.get(tag)!} ${WORDS[tag]}`] : []));
  return `${formatPlural(rows.length, 'parameter')}, ${formatBytes(bytes)}, from ${formatPlural(neuron, 'Neuron parameter')}: ${done.join(', ')}.`;
}
