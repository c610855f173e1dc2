import { styleText } from 'node:util';
import type { Finding, Severity } from '../errors.ts';
import { formatProblem } from '../errors.ts';
import type { Progress } from '../execute/progress.ts';
import { formatBytes, formatDuration } from '../units.ts';

type Style = Parameters<typeof styleText>[0];

/** Text in colour where the stream is a terminal that wants it. */
export function styled(style: Style, text: string, stream: NodeJS.WriteStream = process.stdout): string {
  const wanted = stream.isTTY && process.env.NO_COLOR === undefined && process.env.TERM !== 'dumb';
  return wanted ? styleText(style, text) : text;
}

const SEVERITY_STYLE: Record<Severity, Style> = { error: 'red', warning: 'yellow', note: 'dim' };

/** How many findings are told in full; the rest is counted. */
const MAX_SHOWN = 20;

/** Findings, worst first, as text for a terminal. */
export function findingsText(findings: readonly Finding[], stream: NodeJS.WriteStream = process.stdout): string {
  const rank: Record<Severity, number> = { error: 0, warning: 1, note: 2 };
  const sorted = [...findings].sort((a, b) => rank[a.severity] - rank[b.severity]);
  const shown = sorted.slice(0, MAX_SHOWN).map((finding) => {
    return `${styled(SEVERITY_STYLE[finding.severity], `${finding.severity}:`, stream)} ${formatProblem(finding)}`;
  });
  if (sorted.length > MAX_SHOWN) shown.push(`and ${sorted.length - MAX_SHOWN} more (all with --json)`);
  return shown.join('\n');
}

const BAR_WIDTH = 24;

/** How often a log gets a line, in seconds. */
const QUIET_INTERVAL = 10;

/**
 * Progress on stderr: one line that is rewritten on a terminal; elsewhere (a log, a pipe) a line now and then, and none at
 * all for runs that are over before.
 */
export class ProgressLine {
  readonly #stream: NodeJS.WriteStream;
  readonly #started = performance.now();
  #lastLine = performance.now();
  #drawn = false;

  constructor(stream: NodeJS.WriteStream = process.stderr) {
    this.#stream = stream;
  }

  update(progress: Progress): void {
    const text = progressText(progress);
    if (this.#stream.isTTY) {
      const share = progress.bytesTotal === 0 ? 1 : progress.bytesDone / progress.bytesTotal;
      const full = Math.round(share * BAR_WIDTH);
      const bar = styled('cyan', '█'.repeat(full), this.#stream) + '░'.repeat(BAR_WIDTH - full);
      this.#stream.write(`\r${bar} ${text}\u001b[K`);
      this.#drawn = true;
    } else if (performance.now() - this.#lastLine > QUIET_INTERVAL * 1000) {
      this.#lastLine = performance.now();
      this.#stream.write(`${formatDuration((this.#lastLine - this.#started) / 1000)}: ${text}\n`);
    }
  }

  /** Takes the line away, so that what is printed next starts clean. */
  end(): void {
    if (this.#drawn) this.#stream.write('\r\u001b[K');
  }
}

function progressText({ bytesDone, bytesTotal, rate, secondsLeft, phase }: Progress): string {
  const percent = bytesTotal === 0 ? 100 : Math.floor((bytesDone / bytesTotal) * 100);
  const parts = [`${percent} %`, `${formatBytes(bytesDone)} of ${formatBytes(bytesTotal)}`];
  if (phase) parts.unshift(`${phase.number} of ${phase.count}: ${phase.name}`);
  if (rate > 0) parts.push(`${formatBytes(rate)}/s`);
  if (secondsLeft !== null && secondsLeft > 0) parts.push(`${formatDuration(secondsLeft)} left`);
  return parts.join(' · ');
}
