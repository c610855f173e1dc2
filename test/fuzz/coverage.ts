import { Session, type Profiler } from 'node:inspector';

/** Only what is fuzzed counts: the engine, from its sources in tests and from the bundle in tools. */
const OURS = /\/src-core\/|\/dist-tools\//;

/** Which blocks of the engine have been reached, as V8 counts them. */
export class Coverage {
  readonly #session = new Session();
  readonly #seen = new Set<number>();
  readonly #scripts = new Map<string, number>();

  constructor() {
    this.#session.connect();
    this.#session.post('Profiler.enable');
    this.#session.post('Profiler.startPreciseCoverage', { callCount: true, detailed: true });
  }

  get blocks(): number {
    return this.#seen.size;
  }

  /** The blocks that were reached since the last call and never before. */
  take(): Set<number> {
    const fresh = new Set(this.reached().filter((block) => !this.#seen.has(block)));
    for (const block of fresh) this.#seen.add(block);
    return fresh;
  }

  /** All blocks that were reached since the last call. */
  reached(): number[] {
    const blocks: number[] = [];
    // In the thread that it looks at, the session answers at once.
    this.#session.post('Profiler.takePreciseCoverage', (error, { result }) => {
      if (error) throw error;
      for (const script of result) this.#blocksOf(script, blocks);
    });
    return blocks;
  }

  close(): void {
    this.#session.disconnect();
  }

  #blocksOf({ scriptId, url, functions }: Profiler.ScriptCoverage, blocks: number[]): void {
    if (!OURS.test(url)) return;
    const script = this.#scripts.get(scriptId) ?? this.#scripts.size;
    this.#scripts.set(scriptId, script);
    for (const { ranges } of functions) {
      for (const { startOffset, endOffset, count } of ranges) {
        if (count > 0) blocks.push((script * 2 ** 21 + startOffset) * 2 ** 21 + endOffset);
      }
    }
  }
}
