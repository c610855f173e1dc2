/**
 * The state of an unpickler: the bytes, the stack with its marks, the memo, and how much may still be built. It knows
 * no opcode and no name; {@link OPCODES} drives it.
 */
import { ShardloomError } from '../../errors.ts';
import { MAX_PICKLE_DEPTH, MAX_PICKLE_SLOTS, MAX_PICKLE_STACK } from '../../limits.ts';
import { fault, overLimit, FETCH_AGAIN, type FaultDetails } from './faults.ts';
import { describeValue, type PickleKey, type PickleValue, type TorchStorage } from './values.ts';
import { formatPlural } from '../../units.ts';

/** What surrounds a pickle: how errors call it, and where its storages are. */
export interface PickleContext {
  readonly file: string;
  /** Finds the storage that a persistent id names. Throws where there is none. */
  storage(id: readonly PickleValue[]): TorchStorage;
}

/** The error for a pickle that goes on behind its last byte: who holds more bytes can try again with them. */
export class PickleEnd extends ShardloomError {
  constructor(file: string, length: number) {
    super({
      tag: 'bad-pickle',
      what: 'The pickle ends in the middle.',
      file,
      found: formatPlural(length, 'byte'),
      expected: 'a stop sign at its end',
      advice: FETCH_AGAIN,
    });
  }
}

/** A tensor reference between NEWOBJ, which makes it, and BUILD, which tells its number. */
export interface UnbuiltReference {
  readonly kind: 'tensor-reference';
  tid: number;
}

/** Slots (see MAX_PICKLE_SLOTS) that an empty container takes. */
const CONTAINER_SLOTS = 4;

/** A byte order mark is a part of the text: otherwise two names could come out as one. */
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * The state of one run over a pickle. Every method throws rather than leave the bounds of the pickle or of limits.ts.
 */
export class Machine {
  readonly context: PickleContext;
  readonly #bytes: Uint8Array;
  readonly #data: DataView;
  readonly #stack: PickleValue[] = [];
  /** Heights of the stack at which marks stand. */
  readonly #marks: number[] = [];
  /** A Map and not an array: an index is any 32-bit number that the file likes. */
  readonly #memo = new Map<number, PickleValue>();
  readonly #lists = new WeakSet<object>();
  readonly unbuilt = new Set<PickleValue>();
  #slots = MAX_PICKLE_SLOTS;
  /** The next byte to read. */
  at: number;

  constructor(bytes: Uint8Array, start: number, context: PickleContext) {
    this.#bytes = bytes;
    this.#data = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.at = start;
    this.context = context;
  }

  /** An error about the pickle at the current place. */
  fault(what: string, details: FaultDetails = {}): ShardloomError {
    return fault('bad-pickle', this.context.file, what, { found: `byte ${this.at} of the pickle`, ...details });
  }

  /** Takes `length` bytes and returns where they begin. */
  take(length: number): number {
    const begin = this.at;
    if (length > this.#bytes.byteLength - begin) throw new PickleEnd(this.context.file, this.#bytes.byteLength);
    this.at = begin + length;
    return begin;
  }

  uint8(): number {
    return this.#bytes[this.take(1)]!;
  }

  uint16(): number {
    return this.#data.getUint16(this.take(2), true);
  }

  uint32(): number {
    return this.#data.getUint32(this.take(4), true);
  }

  int32(): number {
    return this.#data.getInt32(this.take(4), true);
  }

  /** A float64, which pickles hold in big endian. */
  float64(): number {
    return this.#data.getFloat64(this.take(8), false);
  }

  /** A two's complement integer of `length` bytes, little endian; a bigint where a number would not be exact. */
  long(length: number): number | bigint {
    const begin = this.take(length);
    let value = 0n;
    for (let index = begin + length - 1; index >= begin; index--) value = (value << 8n) | BigInt(this.#bytes[index]!);
    const signed = BigInt.asIntN(length * 8, value);
    const number = Number(signed);
    return Number.isSafeInteger(number) ? number : signed;
  }

  /** UTF-8 text of `length` bytes. */
  text(length: number): string {
    const begin = this.take(length);
    try {
      return UTF8.decode(this.#bytes.subarray(begin, begin + length));
    } catch {
      throw this.fault('A text in the pickle is not UTF-8.');
    }
  }

  /** Text up to the next line feed, at most `limit` bytes. */
  line(limit: number): string {
    const end = this.#bytes.subarray(this.at, this.at + limit + 1).indexOf(0x0a);
    if (end < 0) {
      if (this.#bytes.byteLength - this.at <= limit) throw new PickleEnd(this.context.file, this.#bytes.byteLength);
      throw this.fault('A name in the pickle is too long.', { expected: `at most ${limit} bytes` });
    }
    const line = this.text(end);
    this.at++;
    return line;
  }

  push(value: PickleValue): void {
    if (this.#stack.length >= MAX_PICKLE_STACK) {
      const found = `more than ${MAX_PICKLE_STACK}`;
      throw overLimit(this.context.file, 'The pickle stacks up too many values.', found, MAX_PICKLE_STACK);
    }
    this.#stack.push(value);
  }

  /** The topmost value above the last mark. */
  top(): PickleValue {
    if (this.#stack.length <= (this.#marks.at(-1) ?? 0))
      throw this.fault('The pickle takes a value that is not there.');
    return this.#stack.at(-1)!;
  }

  pop(): PickleValue {
    const value = this.top();
    this.#stack.pop();
    return value;
  }

  mark(): void {
    if (this.#marks.length >= MAX_PICKLE_DEPTH) {
      const found = `more than ${MAX_PICKLE_DEPTH} levels`;
      throw overLimit(this.context.file, 'The pickle is nested too deeply.', found, MAX_PICKLE_DEPTH);
    }
    this.#marks.push(this.#stack.length);
  }

  /** Everything above the last mark, and removes both. */
  popMark(): PickleValue[] {
    const mark = this.#marks.pop();
    if (mark === undefined) throw this.fault('The pickle closes a mark that is not there.');
    return this.#stack.splice(mark);
  }

  remember(index: number): void {
    this.spend(1);
    this.#memo.set(index, this.top());
  }

  recall(index: number): void {
    const value = this.#memo.get(index);
    if (value === undefined) throw this.fault('The pickle refers to a value that it did not store.');
    this.push(value);
  }

  /** Counts what is about to be built: a container of `items` items. */
  spendContainer(items: number): void {
    this.spend(CONTAINER_SLOTS + items);
  }

  spend(slots: number): void {
    this.#slots -= slots;
    if (this.#slots >= 0) return;
    const { file } = this.context;
    throw overLimit(
      file,
      'The pickle builds too many values.',
      `more than ${MAX_PICKLE_SLOTS} slots`,
      MAX_PICKLE_SLOTS,
    );
  }

  pushList(): void {
    this.spendContainer(0);
    const list: PickleValue[] = [];
    this.#lists.add(list);
    this.push(list);
  }

  /** The list on top, which alone can be appended to; tuples cannot. */
  topList(): PickleValue[] {
    const list = this.top();
    if (typeof list === 'object' && list !== null && this.#lists.has(list)) return list as PickleValue[];
    throw this.fault('The pickle appends to what is no list.', { found: describeValue(list) });
  }

  /**
   * Puts an entry into a dict, as Python does, except that a second entry of one name would hide the first: refused.
   */
  setEntry(dict: Map<PickleKey, PickleValue>, key: PickleValue | undefined, value: PickleValue): void {
    if (key === undefined || (typeof key === 'object' && key !== null)) {
      throw this.fault('A dict of the pickle has a key that is neither text nor number.', {
        found: describeValue(key),
      });
    }
    if (dict.has(key)) {
      throw this.fault('A dict of the pickle has two entries of one name.', { tensor: String(key) });
    }
    this.spend(2);
    dict.set(key, value);
  }

  /** Ends the pickle: its one value. */
  finish(): PickleValue {
    const value = this.pop();
    if (this.#stack.length > 0 || this.#marks.length > 0) throw this.fault('The pickle ends before it is complete.');
    if (this.unbuilt.size > 0) throw this.fault('A tensor reference of the pickle has no number.');
    return value;
  }
}
