import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';

/** One run of a command as a whole process. */
export interface Run {
  readonly seconds: number;
  /** Processor time, all threads and the kernel's work for them together; NaN where the system does not tell. */
  readonly processorSeconds: number;
  /** Peak resident memory in bytes; 0 where the system does not tell. */
  readonly peakBytes: number;
  /** Most file handles that were seen open at once; 0 where the system does not tell. */
  readonly peakHandles: number;
}

/**
 * Runs a command to its end and measures it from outside: wall time, and the largest resident memory of the process, read
 * from /proc while it runs. Throws if it ends with another code than expected.
 */
export async function measure(
  command: string,
  args: readonly string[],
  expected: readonly number[] = [0],
): Promise<Run> {
  const started = performance.now();
  const processorBefore = processorSecondsOfChildren();
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  let [peakBytes, peakHandles] = [0, 0];
  const timer = setInterval(() => {
    peakBytes = Math.max(peakBytes, peakOf(child.pid));
    peakHandles = Math.max(peakHandles, handlesOf(child.pid));
  }, 10);
  const [code] = (await once(child, 'exit')) as [number | null];
  const seconds = (performance.now() - started) / 1000;
  clearInterval(timer);
  if (code === null || !expected.includes(code))
    throw new Error(`${command} ${args.join(' ')} ended with ${String(code)}`);
  return { seconds, processorSeconds: processorSecondsOfChildren() - processorBefore, peakBytes, peakHandles };
}

/** Linux counts in hundredths of a second what children that have ended took. */
function processorSecondsOfChildren(): number {
  try {
    const stat = fs.readFileSync('/proc/self/stat', 'utf8');
    // The second field, a name in parentheses, may have spaces in it. cutime and cstime are fields 16 and 17.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[13]) + Number(fields[14])) / 100;
  } catch {
    return NaN;
  }
}

/** VmHWM is the kernel's own high-water mark, so that sampling misses nothing but the last moments. */
function peakOf(pid: number | undefined): number {
  try {
    const status = fs.readFileSync(`/proc/${String(pid)}/status`, 'utf8');
    return Number(/VmHWM:\s+(\d+) kB/.exec(status)?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}

function handlesOf(pid: number | undefined): number {
  try {
    return fs.readdirSync(`/proc/${String(pid)}/fd`).length;
  } catch {
    return 0;
  }
}

/** The middle value. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** Minimum, median and maximum of ratios, as text. */
export function spread(values: readonly number[]): string {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  return `${median(values).toFixed(2)} (${low.toFixed(2)} to ${high.toFixed(2)})`;
}
