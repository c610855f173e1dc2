import { printable, printableJson } from '../errors.ts';
import { keptOf } from '../execute/execute.ts';
import { createPool, usualWorkers } from '../execute/pool.ts';
import { reshard, shard, type ShardResult, type ShardRunOptions } from '../jobs/shard.ts';
import type { ShardingOptions } from '../plan/sharding.ts';
import { formatBytes, formatDuration, formatPlural } from '../units.ts';
import { continuedText } from './continued.ts';
import { EXIT } from './exit-codes.ts';
import { kvPlacementOf } from './opening.ts';
import { partOfArgument, partResultText } from './parts.ts';
import { parallelConfigOf, type SizeFlags } from './sizes.ts';
import { findingsText, ProgressLine, styled } from './terminal.ts';
import { workersOf, type WorkersFlag } from './values.ts';

/** The options of `shardloom shard` and `shardloom reshard`, as the command line gives them. */
export interface ShardFlags extends SizeFlags, WorkersFlag {
  readonly xser?: boolean;
  readonly config?: string;
  readonly fromKvPlacement?: string;
  readonly part?: string;
  readonly force?: boolean;
  readonly sync?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** `shardloom shard HF_FOLDER OUT`. Returns the exit code. */
export function shardCommand(folder: string, out: string, flags: ShardFlags, signal: AbortSignal): Promise<number> {
  return run('Sharded', (sharding, options) => shard(folder, out, sharding, options), flags, signal);
}

/** `shardloom reshard FOLDER OUT`. Returns the exit code. */
export function reshardCommand(folder: string, out: string, flags: ShardFlags, signal: AbortSignal): Promise<number> {
  return run('Resharded', (sharding, options) => reshard(folder, out, sharding, options), flags, signal);
}

async function run(
  done: string,
  start: (sharding: ShardingOptions, options: ShardRunOptions) => Promise<ShardResult>,
  flags: ShardFlags,
  signal: AbortSignal,
): Promise<number> {
  const sharding = shardingOf(flags);
  const part = flags.part === undefined ? undefined : partOfArgument(flags.part);
  const workers = workersOf(flags);
  const line = new ProgressLine();
  const showsProgress = !flags.json && !flags.quiet;
  // Threads take a moment to start: they do so while the input is opened.
  const pool = createPool(workers ?? usualWorkers());
  let result: ShardResult;
  try {
    result = await start(sharding, {
      signal,
      pool,
      replace: flags.force ?? false,
      sync: flags.sync ?? false,
      ...(part && { part }),
      ...(flags.config !== undefined && { config: flags.config }),
      ...(flags.fromKvPlacement !== undefined && {
        fromKvPlacement: kvPlacementOf('--from-kv-placement', flags.fromKvPlacement),
      }),
      ...(showsProgress && { onProgress: (progress) => line.update(progress) }),
    });
  } finally {
    line.end();
    await pool.close();
  }
  if (flags.json) process.stdout.write(`${printableJson(documentOf(result))}\n`);
  else if (!flags.quiet) process.stdout.write(part ? partResultText(part, result) : textOf(done, result, sharding));
  return EXIT.done;
}

function shardingOf(flags: ShardFlags): ShardingOptions {
  return { ...parallelConfigOf(flags), xser: flags.xser ?? false };
}

function textOf(
  done: string,
  result: ShardResult,
  { tensorParallelSize, pipelineParallelSize }: ShardingOptions,
): string {
  const { plan, bytesWritten, seconds, out, findings } = result;
  const rate = seconds > 0 ? ` (${formatBytes(bytesWritten / seconds)}/s)` : '';
  return [
    `${styled('bold', done)} for TP ${tensorParallelSize} × PP ${pipelineParallelSize}: ${formatBytes(bytesWritten)} in ${formatPlural(plan.outputs.length, 'file')}, ${formatDuration(seconds)}${rate}`,
    `  into ${printable(out)}`,
    ...continuedText(result),
    ...(findings.length > 0 ? ['', findingsText(findings)] : []),
    '',
  ].join('\n');
}

function documentOf({ out, written, bytesWritten, seconds, workers, findings }: ShardResult): unknown {
  return {
    out,
    files: written.map(({ output }) => ({ path: output.path, bytes: output.size })),
    bytes: bytesWritten,
    kept: keptOf(written),
    seconds,
    workers,
    findings,
  };
}
