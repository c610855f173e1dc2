import type { Random } from './random.ts';

/** Makes another input of one, given others to take parts from. */
export type Mutate = (input: Uint8Array, random: Random, others: readonly Uint8Array[]) => Uint8Array;

/** Inputs do not grow above this: what larger ones find, smaller ones find sooner. */
export const MAX_INPUT_BYTES = 64 * 1024;

/** Values at which counts, lengths and offsets turn. */
const NUMBERS = [
  0,
  1,
  2,
  4,
  7,
  8,
  16,
  127,
  128,
  255,
  256,
  1023,
  32767,
  65535,
  65536,
  2 ** 31 - 1,
  2 ** 31,
  2 ** 32 - 1,
];
const LONG_NUMBERS = [2n ** 32n, 2n ** 53n - 1n, 2n ** 53n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n];

const CHANGES: readonly ((bytes: Buffer, random: Random) => Uint8Array)[] = [
  (bytes, random) => at(bytes, random, (index) => (bytes[index]! ^= 1 << random.below(8))),
  (bytes, random) => at(bytes, random, (index) => (bytes[index] = random.below(256))),
  (bytes, random) => at(bytes, random, (index) => (bytes[index]! += random.below(33) - 16)),
  (bytes, random) => number(bytes, random),
  // Cut out, doubled, put elsewhere.
  (bytes, random) => {
    const [from, to] = range(bytes, random);
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)]);
  },
  (bytes, random) => {
    const [from, to] = range(bytes, random);
    const where = random.below(bytes.length + 1);
    return Buffer.concat([bytes.subarray(0, where), bytes.subarray(from, to), bytes.subarray(where)]);
  },
  (bytes, random) => {
    const [from, to] = range(bytes, random);
    bytes.copy(bytes, random.below(bytes.length + 1), from, to);
    return bytes;
  },
  (bytes, random) => bytes.subarray(0, random.below(bytes.length + 1)),
];

/** Bytes changed without knowing what they mean. */
export function mutateBytes(dictionary: readonly Uint8Array[]): Mutate {
  return (input, random, others) => {
    let bytes: Buffer = Buffer.from(input);
    for (let left = random.size(8); left > 0; left--) {
      const kind = random.below(CHANGES.length + 3);
      if (kind < CHANGES.length) bytes = Buffer.from(CHANGES[kind]!(bytes, random));
      else if (kind === CHANGES.length) bytes = spliced(bytes, random.pick(others), random);
      else if (dictionary.length > 0) bytes = withWord(bytes, random.pick(dictionary), random);
    }
    return bytes.subarray(0, MAX_INPUT_BYTES);
  };
}

function at(bytes: Buffer, random: Random, change: (index: number) => void): Buffer {
  if (bytes.length > 0) change(random.below(bytes.length));
  return bytes;
}

function range(bytes: Buffer, random: Random): [from: number, to: number] {
  const from = random.below(bytes.length + 1);
  return [from, Math.min(bytes.length, from + random.size(256))];
}

function number(bytes: Buffer, random: Random): Buffer {
  const width = random.pick([2, 4, 8]);
  if (bytes.length < width) return bytes;
  const where = random.below(bytes.length - width + 1);
  if (width === 2) bytes.writeUInt16LE(random.pick(NUMBERS) & 0xffff, where);
  else if (width === 4) bytes.writeUInt32LE(random.pick(NUMBERS), where);
  else bytes.writeBigUInt64LE(random.pick([...LONG_NUMBERS, BigInt(random.pick(NUMBERS))]), where);
  return bytes;
}

function spliced(bytes: Buffer, other: Uint8Array, random: Random): Buffer {
  const [from, to] = range(Buffer.from(other), random);
  const where = random.below(bytes.length + 1);
  const behind = random.oneIn(2) ? where : Math.min(bytes.length, where + to - from);
  return Buffer.concat([bytes.subarray(0, where), other.subarray(from, to), bytes.subarray(behind)]);
}

function withWord(bytes: Buffer, word: Uint8Array, random: Random): Buffer {
  const where = random.below(bytes.length + 1);
  const behind = random.oneIn(2) ? where : Math.min(bytes.length, where + word.length);
  return Buffer.concat([bytes.subarray(0, where), word, bytes.subarray(behind)]);
}
