import { ShardloomError } from '../errors.ts';
import { DIGESTS, type DigestName } from '../execute/digest.ts';
import type { ConsolidateOptions } from '../jobs/consolidate.ts';
import { MAX_BAND_BYTES, MAX_WORKERS, MIN_BAND_BYTES } from '../limits.ts';
import type { WeightsFormat } from '../plan/plan.ts';
import { parseSize } from '../plan/split.ts';
import { dtypeFromTorchName, isCastable, torchName, DTYPES, type DType } from '../tensor/dtype.ts';
import { formatBytes } from '../units.ts';

/** The options for how weights are written, as the command line gives them. */
export interface OutputFlags {
  readonly format: string;
  readonly maxShardSize: string;
  readonly dtype?: string;
  readonly digest: string;
  readonly workers?: string;
  readonly bandSize?: string;
  readonly force?: boolean;
  readonly sync?: boolean;
}

/** The dtypes that weights can be written as, by torch's names. */
export const OUTPUT_DTYPES = DTYPES.filter(isCastable).map((dtype) => torchName(dtype)!);
export const FORMATS: readonly WeightsFormat[] = ['safetensors', 'pytorch'];

/** How weights are written. Throws `usage`, naming the option. */
export function outputOptionsOf(flags: OutputFlags): Omit<ConsolidateOptions, 'parts' | 'part'> {
  const workers = wholeNumber('--workers', flags.workers, 0, MAX_WORKERS);
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

function oneOf<Value extends string>(flag: string, value: string, allowed: readonly Value[]): Value {
  const found = allowed.find((candidate) => candidate === value);
  if (found === undefined) throw usage(flag, value, allowed.join(', '));
  return found;
}

function wholeNumber(flag: string, value: string | undefined, min: number, max: number): number | undefined {
  if (value === undefined) return undefined;
  const number = Number(value);
  if (!/^\d+$/.test(value) || number < min || number > max)
    throw usage(flag, value, `a whole number from ${min} to ${max}`);
  return number;
}

/** The error for an option that does not take a value. */
export function usage(flag: string, found: string, expected: string): ShardloomError {
  return new ShardloomError({ tag: 'usage', what: `${flag} does not take this value.`, found, expected });
}
