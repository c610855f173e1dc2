import type { ConsolidationChoices } from '../../electron/channels.ts';
import type { CheckpointSummary, DType, PartName } from '../../src-core/index.ts';

/** Hugging Face's default for a weights file. */
const DEFAULT_GIGABYTES = 5;

/** What the form holds: as it was typed, so that a half-typed number is not an error yet. */
export interface FormState {
  readonly out: string;
  readonly format: ConsolidationChoices['format'];
  readonly gigabytes: number | string;
  readonly dtype: DType | null;
  readonly digest: ConsolidationChoices['digest'];
  readonly parts: readonly PartName[];
  readonly replace: boolean;
  readonly verify: boolean;
}

/** Everything the checkpoint holds, in the default form. */
export function defaultForm(out: string, summary: CheckpointSummary): FormState {
  return {
    out,
    format: 'safetensors',
    gigabytes: DEFAULT_GIGABYTES,
    dtype: null,
    digest: 'xxh64',
    parts: partsOfSummary(summary).map(({ part }) => part),
    replace: false,
    verify: false,
  };
}

/** The model and the adapters, as the form offers them. */
export function partsOfSummary({
  model,
  adapters,
}: CheckpointSummary): { readonly part: PartName; readonly name: string }[] {
  return [
    ...(model ? [{ part: model.part, name: 'Model' }] : []),
    ...adapters.map(({ part, name }) => ({ part, name: `Adapter ${name}` })),
  ];
}

/** The choices to send, or null where something is missing or no number. */
export function choicesOf({
  format,
  gigabytes,
  dtype,
  digest,
  parts,
  replace,
  verify,
}: FormState): ConsolidationChoices | null {
  const maxShardBytes = Math.round(Number(gigabytes) * 1e9);
  const isSize = gigabytes !== '' && Number.isSafeInteger(maxShardBytes) && maxShardBytes >= 1;
  return isSize && parts.length > 0
    ? { format, maxShardBytes, dtype, digest, parts, replace, verify: verify && canVerify({ dtype }) }
    : null;
}

/** The round trip can be proved for weights of the dtype that is stored. */
export function canVerify({ dtype }: Pick<FormState, 'dtype'>): boolean {
  return dtype === null;
}
