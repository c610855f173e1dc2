import { printable, printableJson } from '../errors.ts';
import { keptOf } from '../execute/execute.ts';
import { createPool, usualWorkers } from '../execute/pool.ts';
import { merge, prepareMerge, type ChosenAdapter, type MergeOptions, type MergeResult } from '../jobs/merge.ts';
import { planDocument, planText } from '../plan/print.ts';
import { formatBytes, formatDuration, formatPlural } from '../units.ts';
import { continuedText } from './continued.ts';
import { EXIT } from './exit-codes.ts';
import { openOptionsOf, type OpeningFlags } from './opening.ts';
import { outputOptionsOf, type OutputFlags } from './output-options.ts';
import { findingsText, ProgressLine, styled } from './terminal.ts';
import { usage } from './values.ts';

export interface MergeFlags extends OutputFlags, OpeningFlags {
  readonly adapter?: readonly string[];
  readonly dryRun?: boolean;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** `shardloom merge BASE ADAPTER OUT`. Returns the exit code. */
export async function mergeCommand(
  base: string,
  adapter: string,
  out: string,
  flags: MergeFlags,
  context: { readonly version: string; readonly signal: AbortSignal },
): Promise<number> {
  const options: MergeOptions = {
    ...outputOptionsOf(flags),
    ...openOptionsOf(flags),
    ...context,
    ...(flags.adapter && { adapters: flags.adapter.map(chosenAdapter) }),
  };
  if (flags.dryRun) {
    const { plan } = prepareMerge(base, adapter, options);
    process.stdout.write(flags.json ? `${printableJson(planDocument(plan))}\n` : planText(plan));
    return EXIT.done;
  }
  const line = new ProgressLine();
  const showsProgress = !flags.json && !flags.quiet;
  // Threads take a moment to start: they do so while the folders are opened.
  const pool = createPool(options.workers ?? usualWorkers());
  let result: MergeResult;
  try {
    result = await merge(base, adapter, out, {
      ...options,
      pool,
      ...(showsProgress && { onProgress: (progress) => line.update(progress) }),
    });
  } finally {
    line.end();
    await pool.close();
  }
  if (flags.json) process.stdout.write(`${printableJson(documentOf(result))}\n`);
  else if (!flags.quiet) process.stdout.write(textOf(result));
  else if (result.findings.length > 0) process.stderr.write(`${findingsText(result.findings, process.stderr)}\n`);
  return EXIT.done;
}

/** `NAME` or `NAME=WEIGHT`. Throws `usage`. */
function chosenAdapter(text: string): ChosenAdapter {
  const at = text.lastIndexOf('=');
  if (at < 0) return { name: text, weight: 1 };
  const weight = Number(text.slice(at + 1));
  if (at > 0 && text.length > at + 1 && Number.isFinite(weight)) return { name: text.slice(0, at), weight };
  throw usage('--adapter', text, 'NAME, or NAME=WEIGHT such as default=0.5');
}

function textOf({ out, plan, written, modules, bytesWritten, seconds, findings }: MergeResult): string {
  const tensors = plan.outputs.reduce((sum, output) => sum + output.tensors.length, 0);
  const rate = seconds > 0 ? ` (${formatBytes(bytesWritten / seconds)}/s)` : '';
  const adapters = [...new Set(modules.map(({ adapter }) => adapter))];
  return [
    `${styled('bold', 'Merged')} ${adapters.map(printable).join(', ')} into ${formatPlural(modules.length, 'weight')} of ${formatPlural(tensors, 'tensor')}: ${formatBytes(bytesWritten)} in ${formatDuration(seconds)}${rate}`,
    `  into ${printable(out)}`,
    ...plan.outputs.map(({ path, size }) => `    ${printable(path)}  ${formatBytes(size)}`),
    ...continuedText({ written }),
    ...scales({ modules }),
    ...(findings.length > 0 ? ['', findingsText(findings)] : []),
    '',
  ].join('\n');
}

/** Ranks and scales, each kind once. */
function scales({ modules }: Pick<MergeResult, 'modules'>): string[] {
  const kinds = new Map<string, number>();
  for (const { adapter, rank, alpha, scale } of modules) {
    const kind = `${printable(adapter)}: rank ${rank}, alpha ${alpha}, added times ${Number(scale.toPrecision(6))}`;
    kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  }
  return [...kinds].map(([kind, count]) => `  ${kind} (${formatPlural(count, 'weight')})`);
}

function documentOf({ out, written, modules, bytesWritten, seconds, workers, findings }: MergeResult): unknown {
  return {
    out,
    files: written.map(({ output, tensors }) => ({
      path: output.path,
      bytes: output.size,
      tensors: tensors.map(({ name, digest }) => ({ name, digest })),
    })),
    merged: modules,
    bytes: bytesWritten,
    kept: keptOf(written),
    seconds,
    workers,
    findings,
  };
}
