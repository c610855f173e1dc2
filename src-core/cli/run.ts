import { CommanderError } from 'commander';
import { isShardloomError, printableJson, toProblem } from '../errors.ts';
import { KEEP } from '../execute/watch.ts';
import { EXIT, exitCodeOf } from './exit-codes.ts';
import { styled } from './terminal.ts';

/**
 * Ctrl-C stops the run and cleans up: somebody changed their mind. SIGTERM comes from a scheduler or a machine that shuts down: what was
 * written is kept for the next run. Either one a second time ends the program at once.
 */
export function cancelOnInterrupt(): AbortSignal {
  const controller = new AbortController();
  const signals = {
    SIGINT: { reason: undefined, code: EXIT.cancelled },
    SIGTERM: { reason: KEEP, code: EXIT.stopped },
  };
  for (const [name, { reason, code }] of Object.entries(signals)) {
    process.once(name, () => {
      controller.abort(reason);
      process.once(name, () => process.exit(code));
    });
  }
  return controller.signal;
}

/** Prints an error where the user asked for it and gives its exit code. */
export function report(error: unknown, json: boolean): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
  if (!isShardloomError(error)) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    process.stderr.write(
      `shardloom failed because of a fault of its own. Please report this, with the file that "shardloom diagnose FOLDER" writes:\n${text}\n`,
    );
    return EXIT.fault;
  }
  if (json) process.stdout.write(`${printableJson({ error: toProblem(error) })}\n`);
  else process.stderr.write(`${styled('red', 'error:', process.stderr)} ${error.message}\n`);
  return exitCodeOf(error.tag);
}

/** Runs a command's action and leaves with its exit code; `trouble` takes the place of all exit codes of errors. */
export async function run(
  json: boolean | undefined,
  action: () => number | Promise<number>,
  trouble?: number,
): Promise<void> {
  try {
    process.exitCode = await action();
  } catch (error) {
    const code = report(error, json ?? false);
    process.exitCode = trouble ?? code;
  }
}
