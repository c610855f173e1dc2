import { DIGESTS, type DigestName } from '../execute/digest.ts';
import type { ConsolidateOptions } from '../jobs/consolidate.ts';
import { MAX_BAND_BYTES, MIN_BAND_BYTES } from '../limits.ts';
import type { WeightsFormat } from '../plan/plan.ts';
import { parseSize } from '../plan/split.ts';
import { dtypeFromTorchName, isCastable, torchName, DTYPES, type DType } from '../tensor/dtype.ts';
import { formatBytes } from '../units.ts';
import { oneOf, usage, workersOf, type WorkersFlag } from './values.ts';

/** The options for how weights are written, as the command line gives them. */
export interface OutputFlags extends WorkersFlag {
  readonly format: string;
  readonly maxShardSize: string;
  readonly dtype?: string;
  readonly digest: string;
  readonly bandSize?: string;
  readonly force?: boolean;
  readonly sync?: boolean;
}

/** The dtypes that weights can be written as, by torch's names. */
export const OUTPUT_DTYPES = DTYPES.filter(isCastable).map((dtype) => torchName(dtype)!);
export const FORMATS: readonly WeightsFormat[] = ['safetensors', 'pytorch'];

/** How weights are written. Throws `usage`, naming the option. */
export function outputOptionsOf(flags: OutputFlags): Omit<ConsolidateOptions, 'parts' | 'part'> {
  const workers = workersOf(flags);
  const bandBytes = flags.bandSize === undefined ? undefined : parseSize(flags.bandSize);
  if (bandBytes !== undefined && !(bandBytes >= MIN_BAND_BYTES && bandBytes <= MAX_BAND_BYTES)) {
    throw usage('--band-size', flags.bandSize!, `${MIN_BAND_BYTES} bytes to ${formatBytes(MAX_BAND_BYTES)}`);
  }
  const dtype = outputDtype(flags.dtype);
  return {
    format: oneOf('--format', flags.format, FORMATS),
    maxShardBytes: parseSize(flags.maxShardSize),
    digest: oneOf<DigestName>('--digest', flags.digest, DIGESTS),
    replace: flags.force ?? false,
    sync: flags.sync ?? false,
    ...(dtype && { dtype }),
    ...(workers !== undefined && { workers }),
    ...(bandBytes !== undefined && { bandBytes }),
  };
}

function outputDtype(name: string | undefined): DType | undefined {
  if (name === undefined) return undefined;
  const dtype = dtypeFromTorchName(oneOf('--dtype', name.replace(/^torch\./, ''), OUTPUT_DTYPES));
  return dtype ?? undefined;
}
