import { global, integer, text } from '../formats/torch/builders.ts';
import { MAX_INPUT_BYTES, mutateBytes, type Mutate } from './mutate-bytes.ts';
import type { Random } from './random.ts';

/** How many bytes follow an opcode: a number of them, a length of so many bytes before them, or lines. */
const ARGUMENTS: Readonly<
  Record<number, { readonly bytes?: number; readonly length?: 1 | 4; readonly lines?: number }>
> = {
  0x80: { bytes: 1 },
  0x63: { lines: 2 },
  0x4a: { bytes: 4 },
  0x4b: { bytes: 1 },
  0x4d: { bytes: 2 },
  0x8a: { length: 1 },
  0x47: { bytes: 8 },
  0x58: { length: 4 },
  0x55: { length: 1 },
  0x68: { bytes: 1 },
  0x6a: { bytes: 4 },
  0x71: { bytes: 1 },
  0x72: { bytes: 4 },
};

const INTEGERS = [
  0,
  1,
  2,
  3,
  4,
  5,
  8,
  16,
  255,
  256,
  65_535,
  65_536,
  -1,
  -4,
  2 ** 31,
  2 ** 32,
  2 ** 40,
  2 ** 53 - 1,
  2 ** 53,
];
const TEXTS = [
  '',
  'storage',
  '0',
  '1',
  'cpu',
  'model',
  'state_dict',
  '__proto__',
  '__metadata__',
  'tid',
  'dtype',
  'shape',
];
const GLOBALS: readonly (readonly [module: string, name: string])[] = [
  ['collections', 'OrderedDict'],
  ['torch', 'Size'],
  ['torch', 'device'],
  ['torch', 'FloatStorage'],
  ['torch', 'HalfStorage'],
  ['torch', 'BoolStorage'],
  ['torch', 'ComplexFloatStorage'],
  ['torch', 'bfloat16'],
  ['torch', 'uint4'],
  ['torch.storage', 'UntypedStorage'],
  ['torch._utils', '_rebuild_tensor'],
  ['torch._utils', '_rebuild_tensor_v2'],
  ['torch._utils', '_rebuild_tensor_v3'],
  ['torch._utils', '_rebuild_parameter'],
  ['torch._utils', '_rebuild_parameter_with_state'],
  ['torch_xla.utils.serialization', 'TensorReference'],
  ['os', 'system'],
];
const PLAIN = Buffer.from('cRbQaesu(tN)]}.\x81\x85\x86\x87\x88\x89', 'latin1');

/** A pickle as its instructions; what follows bytes that are none stays one piece. */
export function instructionsOf(pickle: Uint8Array): Uint8Array[] {
  const bytes = Buffer.from(pickle);
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length;) {
    const end = Math.min(bytes.length, at + lengthAt(bytes, at));
    parts.push(bytes.subarray(at, end));
    at = end;
  }
  return parts;
}

function lengthAt(bytes: Buffer, at: number): number {
  const kind = ARGUMENTS[bytes[at]!];
  if (!kind) return 1;
  if (kind.bytes !== undefined) return 1 + kind.bytes;
  if (kind.length === 1) return 2 + (bytes[at + 1] ?? 0);
  if (kind.length === 4) return at + 5 <= bytes.length ? 5 + bytes.readUInt32LE(at + 1) : 5;
  let end = at;
  for (let line = 0; line < kind.lines!; line++) {
    const next = bytes.indexOf(0x0a, end + 1);
    if (next < 0) return bytes.length - at;
    end = next;
  }
  return end + 1 - at;
}

function instruction(random: Random): Uint8Array {
  switch (random.below(6)) {
    case 0:
      return integer(random.pick(INTEGERS));
    case 1:
      return text(random.pick(TEXTS));
    case 2:
      return global(...random.pick(GLOBALS));
    case 3:
      return Uint8Array.of(random.pick([0x68, 0x71]), random.below(16));
    default:
      return Uint8Array.of(random.pick([...PLAIN]));
  }
}

const bytes = mutateBytes([...TEXTS.map((word) => text(word)), ...GLOBALS.map((name) => global(...name))]);

/** A pickle changed by whole instructions, so that what follows is still understood. */
export const mutatePickle: Mutate = (input, random, others) => {
  if (random.oneIn(8)) return bytes(input, random, others);
  const parts = instructionsOf(input);
  for (let left = random.size(6); left > 0; left--) {
    const at = random.below(parts.length + 1);
    const count = random.size(8);
    switch (random.below(6)) {
      case 0:
        parts.splice(at, 1, instruction(random));
        break;
      case 1:
        parts.splice(at, 0, instruction(random));
        break;
      case 2:
        parts.splice(at, count);
        break;
      case 3:
        parts.splice(random.below(parts.length + 1), 0, ...parts.slice(at, at + count));
        break;
      case 4: {
        const other = instructionsOf(random.pick(others));
        const from = random.below(other.length + 1);
        parts.splice(at, random.oneIn(2) ? count : 0, ...other.slice(from, from + count));
        break;
      }
      default: {
        // Memo indexes and small numbers.
        const part = parts[at];
        if (part && part.length === 2) parts[at] = Uint8Array.of(part[0]!, random.below(256));
      }
    }
  }
  return Buffer.concat(parts).subarray(0, MAX_INPUT_BYTES);
};
