/** How far a run is. Bytes count what is written and what is compared. */
export interface Progress {
  readonly bytesDone: number;
  readonly bytesTotal: number;
  /** Bytes per second over the last seconds; 0 while that is not known. */
  readonly rate: number;
  /** Seconds left at that rate; null while that is not known. */
  readonly secondsLeft: number | null;
  /** Where the work is done in phases: the one at hand. Bytes are those of all phases. */
  readonly phase?: Phase;
}

/** One of several phases of a run. */
export interface Phase {
  readonly name: 'writing' | 'proving';
  /** From 1. */
  readonly number: number;
  readonly count: number;
}

/** Long enough that one slow file does not make the time left jump, short enough to follow a disk that slows down. */
const WINDOW_SECONDS = 5;

/** Before this the rate says more about starting threads than about copying. */
const SETTLING_SECONDS = 0.3;

/** Turns byte counts into rate and time left, over a sliding window. */
export class ProgressMeter {
  readonly #total: number;
  readonly #samples: { readonly seconds: number; readonly bytes: number }[] = [];

  constructor(bytesTotal: number) {
    this.#total = bytesTotal;
  }

  /** Takes a sample: `bytes` done, `seconds` since any fixed point in time. */
  sample(bytes: number, seconds: number): Progress {
    this.#samples.push({ seconds, bytes });
    while (this.#samples.length > 2 && this.#samples[1]!.seconds < seconds - WINDOW_SECONDS) this.#samples.shift();
    const first = this.#samples[0]!;
    const elapsed = seconds - first.seconds;
    const rate = elapsed >= SETTLING_SECONDS ? (bytes - first.bytes) / elapsed : 0;
    const left = this.#total - bytes;
    return {
      bytesDone: bytes,
      bytesTotal: this.#total,
      rate,
      secondsLeft: rate > 0 ? left / rate : null,
    };
  }
}
