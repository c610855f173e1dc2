import type { DigestName } from '../execute/digest.ts';
import type { PartName } from '../plan/part-name.ts';
import type { WeightsFormat } from '../plan/plan.ts';
import type { ShardingOptions } from '../plan/sharding.ts';
import { torchName, type DType } from '../tensor/dtype.ts';
import { DEFAULT_MAX_SHARD_BYTES } from './consolidate.ts';
import type { ChosenAdapter } from './merge.ts';
import type { ShardSourceKind } from './shard-inputs.ts';

/** What a consolidation's command line says; what is absent is the default. */
export interface CommandLineOptions {
  readonly format?: WeightsFormat;
  readonly maxShardBytes?: number;
  readonly dtype?: DType | null;
  readonly digest?: DigestName;
  readonly parts?: readonly PartName[];
  readonly replace?: boolean;
  readonly verify?: boolean;
}

/**
 * The `shardloom consolidate` that does the same, to be pasted into a shell: options that are the defaults are left out, and
 * everything is quoted for POSIX shells, or for PowerShell on Windows.
 */
export function consolidateCommandLine(
  folder: string,
  out: string,
  options: CommandLineOptions,
  platform: NodeJS.Platform,
): string {
  const words = ['shardloom', 'consolidate', folder, out];
  if (options.format && options.format !== 'safetensors') words.push('--format', options.format);
  const { maxShardBytes } = options;
  if (maxShardBytes !== undefined && maxShardBytes !== DEFAULT_MAX_SHARD_BYTES) {
    words.push('--max-shard-size', sizeText(maxShardBytes));
  }
  if (options.dtype) words.push('--dtype', torchName(options.dtype) ?? options.dtype);
  if (options.digest && options.digest !== 'xxh64') words.push('--digest', options.digest);
  if (options.parts) words.push('--only', ...options.parts);
  if (options.verify) words.push('--verify');
  if (options.replace) words.push('--force');
  return commandLine(words, platform);
}

/** The `shardloom shard` (of Hugging Face weights) or `shardloom reshard` (of a checkpoint) that does the same. */
export function shardCommandLine(
  from: ShardSourceKind,
  folder: string,
  out: string,
  sharding: ShardingOptions,
  { replace = false, config }: { readonly replace?: boolean; readonly config?: string },
  platform: NodeJS.Platform,
): string {
  const words = ['shardloom', from === 'checkpoint' ? 'reshard' : 'shard', folder, out];
  words.push('--tp', String(sharding.tensorParallelSize), '--pp', String(sharding.pipelineParallelSize));
  const { virtualPipelineParallelSize: virtual = 1 } = sharding;
  if (virtual > 1) words.push('--virtual-pp', String(virtual));
  if (sharding.kvSizeMultiplier !== undefined) words.push('--kv-size-multiplier', String(sharding.kvSizeMultiplier));
  if (sharding.fuseQkv) words.push('--fuse-qkv');
  if (sharding.xser) words.push('--xser');
  if (config !== undefined) words.push('--config', config);
  if (replace) words.push('--force');
  return commandLine(words, platform);
}

/** The `shardloom merge` that does the same. */
export function mergeCommandLine(
  base: string,
  adapterFolder: string,
  out: string,
  options: { readonly adapters: readonly ChosenAdapter[]; readonly dtype?: DType | null; readonly replace?: boolean },
  platform: NodeJS.Platform,
): string {
  const words = ['shardloom', 'merge', base, adapterFolder, out];
  const named = options.adapters.map(({ name, weight }) => (weight === 1 ? name : `${name}=${weight}`));
  words.push('--adapter', ...named);
  if (options.dtype) words.push('--dtype', torchName(options.dtype) ?? options.dtype);
  if (options.replace) words.push('--force');
  return commandLine(words, platform);
}

/** The `shardloom diff` that does the same. */
export function diffCommandLine(left: string, right: string, platform: NodeJS.Platform): string {
  return commandLine(['shardloom', 'diff', left, right], platform);
}

/** The `shardloom verify` that compares the same copies. */
export function verifyCommandLine(folder: string, platform: NodeJS.Platform): string {
  return commandLine(['shardloom', 'verify', folder, '--replicas'], platform);
}

function commandLine(words: readonly string[], platform: NodeJS.Platform): string {
  return words.map(platform === 'win32' ? quotedForPowerShell : quotedForPosix).join(' ');
}

/** The shortest form that `--max-shard-size` reads as the same number. */
function sizeText(bytes: number): string {
  const units = [
    ['TB', 1e12],
    ['GB', 1e9],
    ['MB', 1e6],
    ['KB', 1e3],
  ] as const;
  const unit = units.find(([, size]) => bytes % size === 0);
  return unit ? `${bytes / unit[1]}${unit[0]}` : String(bytes);
}

function quotedForPosix(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

function quotedForPowerShell(word: string): string {
  return /^[\w+=:./\\-]+$/.test(word) ? word : `'${word.replaceAll("'", "''")}'`;
}
