import type { ShardingRequest, ShardSource } from '../../electron/channels.ts';

/** What the form holds: numbers as they were typed, so that a half-typed one is not an error yet. */
export interface FormState {
  readonly source: ShardSource | null;
  readonly out: string;
  readonly tensorParallelSize: number | string;
  readonly pipelineParallelSize: number | string;
  /** Chunks of layers on each stage. */
  readonly virtualPipelineParallelSize: number | string;
  /** Empty: as often as needed. */
  readonly kvSizeMultiplier: number | string;
  readonly fuseQkv: boolean;
  readonly xser: boolean;
  readonly config: string | null;
  readonly replace: boolean;
}

export const EMPTY_FORM: FormState = {
  source: null,
  out: '',
  tensorParallelSize: 8,
  pipelineParallelSize: 1,
  virtualPipelineParallelSize: 1,
  kvSizeMultiplier: '',
  fuseQkv: false,
  xser: false,
  config: null,
  replace: false,
};

/** The request to send, or null where something is missing or no number. */
export function requestOf(form: FormState): ShardingRequest | null {
  const { source, out, fuseQkv, xser, config, replace } = form;
  const tensorParallelSize = sizeOf(form.tensorParallelSize);
  const pipelineParallelSize = sizeOf(form.pipelineParallelSize);
  const virtualPipelineParallelSize = sizeOf(form.virtualPipelineParallelSize);
  const kvSizeMultiplier = form.kvSizeMultiplier === '' ? null : sizeOf(form.kvSizeMultiplier);
  if (!source || tensorParallelSize === undefined || pipelineParallelSize === undefined) return null;
  if (virtualPipelineParallelSize === undefined || kvSizeMultiplier === undefined) return null;
  return {
    from: source.from,
    folder: source.folder,
    out,
    sizes: {
      tensorParallelSize,
      pipelineParallelSize,
      virtualPipelineParallelSize,
      kvSizeMultiplier,
      fuseQkv,
      xser,
    },
    config: source.from === 'hugging-face' ? config : null,
    replace,
  };
}

/** A parallel size: a whole number from 1 on. */
function sizeOf(typed: number | string): number | undefined {
  const size = typed === '' ? NaN : Number(typed);
  return Number.isSafeInteger(size) && size >= 1 ? size : undefined;
}
