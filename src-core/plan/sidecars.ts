import path from 'node:path';
import type { ModelConfig } from '../checkpoint/configs.ts';
import type { Checkpoint, ShardedState } from '../checkpoint/checkpoint.ts';
import { torchName, type DType } from '../tensor/dtype.ts';
import type { PlanSidecar, PlanText } from './plan.ts';

/** What Hugging Face libraries load beside weights: configuration, tokenizer, chat templates, processors. */
const SIDECAR_PATTERNS = [
  /^config\.json$/,
  /^generation_config\.json$/,
  /^tokenizer[^/]*$/,
  /^(special_tokens_map|added_tokens|vocab|merges)\.(json|txt)$/,
  /^(spiece|sentencepiece\.bpe)\.model$/,
  /^chat_template\.(jinja|json)$/,
  /^(preprocessor|processor|video_preprocessor)_config\.json$/,
];

/** Files beside the weights: copied as they are, or written because something in them changes. */
export interface Companions {
  readonly sidecars: readonly PlanSidecar[];
  readonly texts: readonly PlanText[];
}

/** Of the files in a folder those that a loader needs beside weights, to be copied as they are. */
export function companionFiles(root: string, files: readonly string[]): PlanSidecar[] {
  return files
    .filter((name) => SIDECAR_PATTERNS.some((pattern) => pattern.test(name)))
    .map((name) => sidecar(root, name));
}

/**
 * The files beside weights that a loader needs, for the model's folder. config.json is the one that was opened, wherever it is; it is
 * written anew where something in it was corrected, or with the dtype that is written.
 */
export function modelCompanions(
  root: string,
  files: readonly string[],
  config: ModelConfig | undefined,
  dtype: DType | undefined,
): Companions {
  const sidecars = companionFiles(root, files);
  if (!config) return { sidecars, texts: [] };
  const others = sidecars.filter(({ path: name }) => name !== CONFIG);
  if (dtype === undefined && !config.isCorrected)
    return { sidecars: [{ from: config.file, path: CONFIG }, ...others], texts: [] };
  return { sidecars: others, texts: [{ path: CONFIG, text: configText(config.document, dtype) }] };
}

const CONFIG = 'config.json';

/** An adapter's config and the checkpoint's model card, for the adapter's folder. */
export function adapterCompanions(checkpoint: Checkpoint, adapter: ShardedState, prefix: string): Companions {
  const { root, rootFiles } = checkpoint.found;
  const sidecars: PlanSidecar[] = [];
  if (adapter.adapterConfig) sidecars.push({ from: adapter.adapterConfig.file, path: `${prefix}adapter_config.json` });
  sidecars.push(...modelCard(root, rootFiles, prefix));
  return { sidecars, texts: [] };
}

/** The model card that stands in a folder, to be copied. */
export function modelCard(root: string, files: readonly string[], prefix: string): PlanSidecar[] {
  return files.includes('README.md') ? [{ from: path.join(root, 'README.md'), path: `${prefix}README.md` }] : [];
}

function sidecar(root: string, name: string): PlanSidecar {
  return { from: path.join(root, name), path: name };
}

/** config.json as transformers writes it; a dtype under the name that the file already uses. */
function configText(document: Readonly<Record<string, unknown>>, dtype: DType | undefined): string {
  const field = 'dtype' in document && !('torch_dtype' in document) ? 'dtype' : 'torch_dtype';
  return `${JSON.stringify({ ...document, ...(dtype && { [field]: torchName(dtype) }) }, null, 2)}\n`;
}
