/**
 * Writes pickles of protocol 2 as Python's pickler does: what Python holds once is written once and fetched from the
 * memo afterwards, so that torch.save's own bytes come out. Knows pickle and nothing of torch.
 */
import { view } from './zip-tail.ts';

/** Entries of a dict that Python's pickler writes at a time (`BATCHSIZE` in `Modules/_pickle.c`). */
const BATCH = 1000;

const FIRST_BYTES = 4096;

/** A pickle in the making. Methods write values one behind the other; what they mean together is up to the caller. */
export class Pickler {
  #bytes = new Uint8Array(FIRST_BYTES);
  #length = 0;
  #memoized = 0;
  readonly #shared = new Map<string, number>();

  constructor() {
    this.#write(0x80, 2);
  }

  /** The finished pickle. */
  finish(): Uint8Array {
    this.#write(0x2e);
    return this.#bytes.slice(0, this.#length);
  }

  /** A text object that stands here alone, as names from a dict. */
  text(text: string): void {
    const encoded = new TextEncoder().encode(text);
    const length = new Uint8Array(4);
    view(length).setUint32(0, encoded.byteLength, true);
    this.#write(0x58, ...length);
    this.#append(encoded);
    this.memoize();
  }

  /** A text that is a constant of the program that writes: one object wherever it occurs. */
  constant(text: string): void {
    this.#once(`text ${text}`, () => this.text(text));
  }

  /** A class, function or dtype by its name. */
  global(module: string, name: string): void {
    this.#once(`global ${module}\n${name}`, () => {
      this.#write(0x63);
      this.#append(new TextEncoder().encode(`${module}\n${name}\n`));
      this.memoize();
    });
  }

  boolean(value: boolean): void {
    this.#write(value ? 0x88 : 0x89);
  }

  /** An integer from 0 to 2^53 - 1. */
  integer(value: number): void {
    if (value < 0x100) {
      this.#write(0x4b, value);
    } else if (value < 0x1_0000) {
      this.#write(0x4d, value % 0x100, Math.floor(value / 0x100));
    } else {
      const little: number[] = [];
      for (let rest = value; rest > 0; rest = Math.floor(rest / 0x100)) little.push(rest % 0x100);
      // Signed: a set highest bit would read as a negative number.
      if (little.at(-1)! >= 0x80) little.push(0);
      if (little.length <= 4) this.#write(0x4a, ...little, ...new Array<number>(4 - little.length).fill(0));
      else this.#write(0x8a, little.length, ...little);
    }
  }

  /** A tuple of integers. */
  integers(values: readonly number[]): void {
    if (values.length > 3) this.mark();
    for (const value of values) this.integer(value);
    this.tuple(values.length);
  }

  mark(): void {
    this.#write(0x28);
  }

  /** Makes a tuple of the last `count` values; above three of them a mark must stand before them. */
  tuple(count: number): void {
    const opcode = [0x29, 0x85, 0x86, 0x87][count] ?? 0x74;
    this.#write(opcode);
    // Python has only one empty tuple and does not memoize it.
    if (count > 0) this.memoize();
  }

  /** Calls the function with the tuple of arguments behind it. */
  reduce(): void {
    this.#write(0x52);
    this.memoize();
  }

  /** Makes an object of the class and the tuple of arguments behind it. */
  newObject(): void {
    this.#write(0x81);
    this.memoize();
  }

  /** Gives the object the state behind it. */
  build(): void {
    this.#write(0x62);
  }

  /** Replaces the value by what it names outside of the pickle. */
  persistentId(): void {
    this.#write(0x51);
  }

  emptyDict(): void {
    this.#write(0x7d);
    this.memoize();
  }

  /** Entries of a dict that was written just before. `write` writes key and value. */
  dictEntries<Entry>(entries: readonly Entry[], write: (entry: Entry) => void): void {
    if (entries.length === 1) return this.iteratedEntries(entries, write);
    for (let at = 0; at < entries.length; at += BATCH) this.#batch(entries.slice(at, at + BATCH), write);
    // After a full batch Python's pickler looks for the next one and writes it though it is empty.
    if (entries.length > 0 && entries.length % BATCH === 0) this.#batch([], write);
  }

  /** Entries of an OrderedDict, which Python iterates and so sees the end of. */
  iteratedEntries<Entry>(entries: readonly Entry[], write: (entry: Entry) => void): void {
    for (let at = 0; at < entries.length; at += BATCH) {
      const batch = entries.slice(at, at + BATCH);
      if (batch.length > 1) {
        this.#batch(batch, write);
      } else {
        write(batch[0]!);
        this.#write(0x73);
      }
    }
  }

  memoize(): void {
    const index = this.#memoized++;
    if (index < 0x100) {
      this.#write(0x71, index);
    } else {
      const bytes = new Uint8Array(4);
      view(bytes).setUint32(0, index, true);
      this.#write(0x72, ...bytes);
    }
  }

  #batch<Entry>(entries: readonly Entry[], write: (entry: Entry) => void): void {
    this.mark();
    for (const entry of entries) write(entry);
    this.#write(0x75);
  }

  #once(key: string, write: () => void): void {
    const index = this.#shared.get(key);
    if (index === undefined) {
      this.#shared.set(key, this.#memoized);
      write();
    } else if (index < 0x100) {
      this.#write(0x68, index);
    } else {
      const bytes = new Uint8Array(4);
      view(bytes).setUint32(0, index, true);
      this.#write(0x6a, ...bytes);
    }
  }

  #write(...bytes: number[]): void {
    this.#append(bytes);
  }

  #append(bytes: ArrayLike<number>): void {
    const needed = this.#length + bytes.length;
    if (needed > this.#bytes.byteLength) {
      const larger = new Uint8Array(Math.max(needed, this.#bytes.byteLength * 2));
      larger.set(this.#bytes);
      this.#bytes = larger;
    }
    this.#bytes.set(bytes, this.#length);
    this.#length = needed;
  }
}
