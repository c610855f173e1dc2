import type { CheckpointSummary, RankSummary } from '../../src-core/index.ts';
import { familyName } from '../../src-core/inspect/facts.ts';
import { formatBytes } from '../../src-core/units.ts';

/** What kind of model it is. A folder of adapters alone has no config.json that would say it. */
export function modelName({ modelType, model, adapters }: CheckpointSummary): string {
  if (modelType !== null) return familyName(modelType);
  if (model || adapters.length === 0) return 'unknown';
  return adapters.length === 1 ? 'LoRA adapter' : 'LoRA adapters';
}

/** The model that adapters were trained on, where there is nothing but adapters and all name the same one. */
export function baseModelOf({ model, adapters }: CheckpointSummary): string | null {
  const bases = new Set(adapters.map(({ baseModel }) => baseModel));
  return model || bases.size !== 1 ? null : [...bases][0]!;
}

/** How much ranks hold; null where that is not known of any. */
export function heldText(ranks: readonly RankSummary[]): string | null {
  const held = ranks.flatMap(({ state, bytes }) => (state === 'missing' || bytes === null ? [] : [bytes]));
  if (held.length === 0) return null;
  const [least, most] = [Math.min(...held), Math.max(...held)];
  if (least === most) return `Each rank holds ${formatBytes(most)}.`;
  const [from, to] = [formatBytes(least), formatBytes(most)];
  // A few bytes more or less are nothing that bars could show.
  if (from === to) return `Each rank holds about ${to}.`;
  return `Ranks hold ${from} to ${to}; the height of a bar is its share of the fullest rank.`;
}

/** A file's path from the folder on that was opened; whole where it is not in there. */
export function insideFolder(file: string, folder: string): string {
  const rest = file.startsWith(folder) ? file.slice(folder.length) : '';
  return /^[\\/]/.test(rest) ? rest.slice(1) : file;
}
