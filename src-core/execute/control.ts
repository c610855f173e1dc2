import { ShardloomError } from '../errors.ts';

/** 64-bit each: bytes done (written and compared), and 1 once the run is cancelled. */
const FIELDS = { done: 0, cancelled: 1 } as const;

/** What the threads of a run share: how far it is, and whether it is to stop. */
export class RunControl {
  /** To be sent to other threads, and wrapped anew there. */
  readonly buffer: SharedArrayBuffer;
  readonly #fields: BigInt64Array;

  constructor(buffer = new SharedArrayBuffer(8 * Object.keys(FIELDS).length)) {
    this.buffer = buffer;
    this.#fields = new BigInt64Array(buffer);
  }

  get bytesDone(): number {
    return Number(Atomics.load(this.#fields, FIELDS.done));
  }

  add(bytes: number): void {
    Atomics.add(this.#fields, FIELDS.done, BigInt(bytes));
  }

  cancel(): void {
    Atomics.store(this.#fields, FIELDS.cancelled, 1n);
  }

  /** Throws `cancelled` once the run is to stop. */
  check(): void {
    if (Atomics.load(this.#fields, FIELDS.cancelled) !== 0n) throw cancelled();
  }
}

export function cancelled(): ShardloomError {
  return new ShardloomError({ tag: 'cancelled', what: 'The run was cancelled.' });
}
