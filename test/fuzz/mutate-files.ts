/** Files with an outer form that has to hold for a change inside to be reached. */
import { MemorySource } from '../../src-core/bytes/source.ts';
import { ZipArchive } from '../../src-core/formats/torch/zip.ts';
import { TailWindow } from '../../src-core/formats/torch/zip-tail.ts';
import { zip, type EndSpec, type MemberSpec } from '../formats/torch/builders.ts';
import { MAX_INPUT_BYTES, mutateBytes, type Mutate } from './mutate-bytes.ts';
import { mutateJson } from './mutate-json.ts';
import { mutatePickle } from './mutate-pickle.ts';
import type { Random } from './random.ts';

const bytes = mutateBytes(
  ['PK\x01\x02', 'PK\x03\x04', 'PK\x05\x06', 'PK\x06\x06', 'PK\x06\x07'].map((word) => Buffer.from(word)),
);

/** What an archive holds, or null for what is none. */
function membersOf(input: Uint8Array): MemberSpec[] | null {
  try {
    const source = new MemorySource(input);
    const archive = ZipArchive.open(new TailWindow(source));
    return [...archive.members.values()].map((member) => ({
      name: member.name,
      data: archive.read(member, MAX_INPUT_BYTES),
    }));
  } catch {
    return null;
  }
}

const NUMBERS = [0, 1, 8, 16, 64, 0xffff, 0x7fffffff, 0xfffffffe, 0xffffffff];
const NUMERIC = ['size', 'storedSize', 'headerAt', 'flags', 'localFlags', 'method', 'localMethod', 'disk'] as const;
const SIXTEEN_BITS: ReadonlySet<string> = new Set(['flags', 'localFlags', 'method', 'localMethod', 'disk']);

/** A member of which one thing is told wrongly. */
function lie(member: MemberSpec, random: Random): MemberSpec {
  if (random.oneIn(4)) {
    const extra = Buffer.alloc(4 + 8 * random.below(4));
    if (extra.length > 0) {
      extra.writeUInt16LE(random.pick([1, 1, 1, 2]), 0);
      extra.writeUInt16LE(random.oneIn(4) ? random.below(40) : extra.length - 4, 2);
    }
    for (let at = 4; at < extra.length; at += 8) extra.writeBigUInt64LE(BigInt(random.pick(NUMBERS)), at);
    return { ...member, [random.pick(['extra', 'localExtra'])]: extra };
  }
  if (random.oneIn(4))
    return { ...member, [random.pick(['name', 'localName'])]: random.pick(['root/data/0', 'root/version', '', '..']) };
  const field = random.pick(NUMERIC);
  const number = random.pick(NUMBERS);
  return { ...member, [field]: SIXTEEN_BITS.has(field) ? number & 0xffff : number };
}

function lyingEnd(random: Random): EndSpec {
  const number = random.pick(NUMBERS);
  return random.pick<EndSpec>([
    { comment: Buffer.alloc(random.below(100), 0x50) },
    { entries: number & 0xffff },
    { directoryBytes: number },
    { directoryAt: number },
    { gap: Buffer.alloc(random.below(80)) },
    { zip64: {} },
    { entries: 0xffff, zip64: { entries: number } },
    { directoryAt: 0xffffffff, zip64: { directoryAt: number } },
    { zip64: { recordAt: number } },
  ]);
}

/** An archive with its pickle changed, or with its directory telling lies; whole otherwise. */
export const mutateArchive: Mutate = (input, random, others) => {
  const members = random.oneIn(6) ? null : membersOf(input);
  if (!members) return bytes(input, random, others);
  const at = random.below(members.length + 1);
  const member = members[at];
  switch (random.below(5)) {
    case 0:
      if (member) members[at] = lie(member, random);
      break;
    case 1:
      return zip(members, lyingEnd(random)).subarray(0, MAX_INPUT_BYTES);
    case 2:
      members.splice(at, 1);
      break;
    case 3:
      if (member) members[at] = { ...member, data: bytes(member.data, random, others) };
      break;
    default:
      members.forEach((one, index) => {
        if (one.name.endsWith('.pkl')) members[index] = { ...one, data: mutatePickle(one.data, random, [one.data]) };
      });
  }
  return zip(members).subarray(0, MAX_INPUT_BYTES);
};

const header = mutateJson(['dtype', 'shape', 'data_offsets', '__metadata__', 'F32', 'BF16', 'F4', 'BOOL', 'a', 'b']);

/** A safetensors file with its header changed and its length right again, mostly. */
export const mutateSafetensors: Mutate = (input, random, others) => {
  const file = Buffer.from(input);
  const length = file.length < 8 ? 0 : Number(file.readBigUInt64LE(0));
  if (random.oneIn(6) || length > file.length - 8) return bytes(input, random, others);
  const text = header(
    file.subarray(8, 8 + length),
    random,
    others.map((other) => other.subarray(8)),
  );
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([prefix, text, file.subarray(8 + length)]).subarray(0, MAX_INPUT_BYTES);
};
