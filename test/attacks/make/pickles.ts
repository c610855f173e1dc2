/** Pickles: inside a rank's file, as the info beside xser references, and as metadata of older versions. */
import {
  archive,
  global,
  integer,
  opcodes,
  pickle,
  tensor,
  text,
  tuple,
  type Part,
  type TensorParts,
} from '../../formats/torch/builders.ts';

type Files = Readonly<Record<string, Uint8Array>>;

const EMPTY_DICT = Buffer.from('}');
const WHOLE: TensorParts = { size: [4], stride: [1] };

/** A dict of these entries. */
function dict(...entries: readonly (readonly [Uint8Array, Uint8Array])[]): Buffer {
  return opcodes('}', '(', ...entries.flat(), 'u');
}

/** A state dict of one tensor under these names. */
function named(...names: readonly string[]): Buffer {
  return pickle(dict(...names.map((name) => [text(name), tensor(WHOLE)] as const)));
}

function oneTensor(parts: Partial<TensorParts>): Buffer {
  return pickle(dict([text('a.weight'), tensor({ ...WHOLE, ...parts })]));
}

function calls(module: string, name: string, ...args: readonly Uint8Array[]): Buffer {
  return pickle(global(module, name), tuple(...args), 'R');
}

/** Lists of the list before, level upon level: each level is written down once and means ten times as much. */
function laughs(levels: number, first: Part = ']'): Part[] {
  const parts: Part[] = [first, 'q', 0];
  for (let level = 1; level <= levels; level++) {
    parts.push(']', 'q', level, '(', ...Array<Buffer>(10).fill(opcodes('h', level - 1)), 'e');
  }
  // The last one stands on those before it.
  return [...parts, ...Array<number>(levels).fill(0x86)];
}

/** One call, remembered with its arguments, again and again. */
function again(times: number, module: string, name: string, args: Uint8Array): Part[] {
  const call = opcodes('h', 0, 'h', 1, 'R');
  return ['(', global(module, name), 'q', 0, args, 'q', 1, ...Array<Buffer>(times).fill(call), 't'];
}

const PAIRS = opcodes('(', ...Array.from({ length: 250 }, (_, index) => opcodes('K', index, 'N', 0x86)));

export const pickles: Files = {
  'forbidden-pickle--os-system.pkl': calls('os', 'system', text('touch /tmp/owned')),
  'forbidden-pickle--builtins-eval.pkl': calls('builtins', 'eval', text('1/0')),
  'forbidden-pickle--name-with-escape-codes.pkl': calls('os\u001b]0;owned\u0007\u001b[2J', 'system\r\u202e', text('x')),
  'forbidden-pickle--constructor-of-constructor.pkl': calls('constructor', 'constructor', text('return process')),
  'forbidden-pickle--proto.pkl': pickle(global('__proto__', 'polluted'), EMPTY_DICT, 'b'),
  'forbidden-pickle--unused-in-the-memo.pkl': pickle(global('subprocess', 'Popen'), 'q', 0, 'N', 0x86),
  'forbidden-pickle--load-from-bytes.pkl': calls('torch.storage', '_load_from_bytes', text('more')),
  'bad-pickle--stack-global.pkl': pickle(text('os'), text('system'), 0x93),
  'bad-pickle--inst.pkl': pickle('(ios\nsystem\n'),
  'bad-pickle--long4-of-2-gb.pkl': pickle(0x8b, 0xff, 0xff, 0xff, 0x7f),
  'bad-pickle--text-of-4-gb.pkl': pickle('X', 0xff, 0xff, 0xff, 0xff),
  'bad-pickle--build-on-a-type.pkl': pickle(
    global('torch', 'FloatStorage'),
    dict([text('dtype'), Buffer.from('N')]),
    'b',
  ),
  'bad-pickle--append-to-a-tuple.pkl': pickle(')', 'N', 'a'),
  'bad-pickle--pop-below-the-mark.pkl': pickle('N', '(', 0x85),
  'bad-pickle--memo-that-is-not-there.pkl': pickle('j', 255, 255, 255, 255),
  'bad-pickle--two-entries-of-one-name.pkl': named('a.weight', 'a.weight'),
  'bad-pickle--dict-as-a-key.pkl': pickle(dict([EMPTY_DICT, tensor(WHOLE)])),
  'bad-pickle--name-that-is-a-number.pkl': pickle(dict([integer(7), tensor(WHOLE)])),
  'bad-pickle--name-that-is-empty.pkl': named(''),
  'bad-pickle--text-that-is-not-utf8.pkl': pickle('U', 3, 0xed, 0xa0, 0x80),
  'bad-pickle--bytes-behind-the-end.pkl': Buffer.concat([named('a.weight'), Buffer.from('N.')]),
  'bad-pickle--cut.pkl': named('a.weight').subarray(0, 60),
  'bad-pickle--nothing.pkl': Buffer.alloc(0),
  'bad-pickle--reference-without-a-number.pkl': pickle(
    dict([text('a'), opcodes(global('torch_xla.utils.serialization', 'TensorReference'), ')', 0x81)]),
  ),
  'bad-pickle--negative-size.pkl': oneTensor({ size: [-4] }),
  'bad-pickle--negative-stride.pkl': oneTensor({ stride: [-1] }),
  'bad-pickle--shape-that-overflows.pkl': oneTensor({ size: [2 ** 40, 2 ** 40], stride: [0, 0] }),
  'bad-pickle--empty-shape-that-overflows.pkl': oneTensor({ size: [0, 2 ** 40, 2 ** 40], stride: [0, 0, 0] }),
  'bad-pickle--out-of-the-storage.pkl': oneTensor({ offset: 1 }),
  'bad-pickle--offset-near-2-to-53.pkl': oneTensor({ offset: 2 ** 53 - 1, size: [2], stride: [2 ** 53 - 1] }),
  'bad-pickle--a-thousand-axes.pkl': oneTensor({
    size: Array<number>(1000).fill(1),
    stride: Array<number>(1000).fill(1),
  }),
  'bad-archive--storage-climbs-out.pkl': oneTensor({ key: '../data.pkl' }),
  'bad-archive--storage-longer-than-it-is.pkl': oneTensor({ count: 2 ** 50 }),
  'unsupported--complex-double.pkl': oneTensor({ kind: 'ComplexDoubleStorage', count: 1 }),
  'unsupported--lazily-negated.pkl': oneTensor({ more: [dict([text('neg'), Buffer.from([0x88])])] }),
  'unsupported--code-among-weights.pkl': pickle(dict([text('a'), global('torch', 'Size')], [text('b'), tensor(WHOLE)])),
  'unsupported--list-that-holds-itself.pkl': pickle(
    dict([text('a'), opcodes(']', 'q', 0, 'h', 0, 'a')], [text('b'), tensor(WHOLE)]),
  ),
  'missing-tensor--no-weights.pkl': pickle(dict([text('step'), integer(7)])),
  'missing-tensor--billion-laughs.pkl': pickle(...laughs(200)),
  'over-limit--nested-marks.pkl': pickle('('.repeat(2000)),
  'over-limit--dicts-made-again-and-again.pkl': pickle(
    ...again(9000, 'collections', 'OrderedDict', opcodes(']', PAIRS, 'e', 0x85)),
  ),
  'over-limit--name-of-5000-characters.pkl': named('n'.repeat(5000)),
  // Odd, and valid: names are data, and nothing else.
  'ok--names-of-object-prototype.pkl': named('__proto__', 'constructor', 'hasOwnProperty', 'toString'),
  'ok--names-with-control-characters.pkl': named('a\u001b[31m\r\nb', '\u202egnol', '\u009b2J', 'line\u2028'),
  'ok--names-like-paths.pkl': named('../../etc/passwd', '/abs', 'C:\\windows', 'con', '.', '..'),
  'ok--name-of-a-byte-order-mark.pkl': named('\ufeffa', 'a'),
  'unsupported--name-of-the-safetensors-metadata.pkl': named('__metadata__', 'a'),
  'ok--expanded-tensor.pkl': oneTensor({ size: [1000, 4], stride: [0, 1] }),
  'ok--scalar-and-empty.pkl': pickle(
    dict([text('scalar'), tensor({ size: [], stride: [] })], [text('empty'), tensor({ size: [0, 7], stride: [1, 1] })]),
  ),
  'ok--one-storage-under-many-names.pkl': named(...Array.from({ length: 50 }, (_, index) => `alias.${index}`)),
};

const XLA = 'torch_xla.utils.serialization';

function reference(tid: Uint8Array): Buffer {
  return opcodes(global(XLA, 'TensorReference'), ')', 0x81, dict([text('tid'), tid]), 'b');
}

export const references: Files = {
  'missing-file--number-of-no-file.pt': archive(pickle(dict([text('a'), reference(integer(4_000_000_000))]))),
  'bad-pickle--number-that-is-a-path.pt': archive(pickle(dict([text('a'), reference(text('../../../../etc/passwd'))]))),
  'bad-pickle--negative-number.pt': archive(pickle(dict([text('a'), reference(integer(-1))]))),
  'bad-pickle--number-that-is-a-fraction.pt': archive(
    pickle(dict([text('a'), reference(opcodes('G', 0x3f, 0xe0, 0, 0, 0, 0, 0, 0))])),
  ),
  'bad-pickle--more-than-a-number.pt': archive(
    pickle(
      dict([
        text('a'),
        opcodes(
          global(XLA, 'TensorReference'),
          ')',
          0x81,
          dict([text('tid'), integer(0)], [text('__class__'), integer(1)]),
          'b',
        ),
      ]),
    ),
  ),
};

function info(dtype: Uint8Array, shape: Uint8Array, more: readonly (readonly [Uint8Array, Uint8Array])[] = []): Buffer {
  return pickle(dict([integer(0), dict([text('dtype'), dtype], [text('shape'), shape], ...more)]));
}

const BF16 = global('torch', 'bfloat16');

export const tensorInfos: Files = {
  'shape-mismatch--other-shape.pkl': info(BF16, tuple(integer(2 ** 40))),
  'dtype-mismatch--other-dtype.pkl': info(global('torch', 'float32'), tuple(integer(4), integer(8))),
  'unsupported--quantized.pkl': info(global('torch', 'qint8'), tuple(integer(4))),
  'bad-pickle--shape-that-overflows.pkl': info(BF16, tuple(...Array<Buffer>(3).fill(integer(2 ** 40)))),
  'bad-pickle--shape-with-infinity.pkl': info(BF16, tuple(opcodes('G', 0x7f, 0xf0, 0, 0, 0, 0, 0, 0))),
  'bad-pickle--dtype-as-text.pkl': info(text('bfloat16'), tuple(integer(4))),
  'bad-pickle--not-a-dict.pkl': pickle(']'),
  'bad-pickle--dict-that-holds-itself.pkl': pickle('}', 'q', 0, 'K', 0, 'h', 0, 's'),
};

export const pickledMetadata: Files = {
  'over-limit--billion-laughs-of-dicts.pkl': pickle('(', ...laughs(9, '}'), 't'),
  'over-limit--dict-that-holds-itself.pkl': pickle('}', 'q', 0, text('parameters'), 'h', 0, 's'),
  'bad-metadata--tensor-in-it.pkl': pickle(dict([text('parameters'), global('torch', 'Size')])),
  'bad-metadata--keys-that-read-the-same.pkl': pickle(
    dict([text('parameters'), dict([text('1'), EMPTY_DICT], [integer(1), EMPTY_DICT])]),
  ),
  'bad-metadata--number-above-2-to-53.pkl': pickle(
    dict([text('parameters'), EMPTY_DICT], [text('version'), opcodes(0x8a, 8, 255, 255, 255, 255, 255, 255, 255, 127)]),
  ),
  'bad-metadata--partition-dim-that-is-not-a-number.pkl': pickle(
    dict([
      text('parameters'),
      dict([
        text('model.norm.weight'),
        dict(
          [text('tensor_model_parallel'), Buffer.from([0x88])],
          [text('partition_dim'), opcodes('G', 0x7f, 0xf8, 0, 0, 0, 0, 0, 0)],
        ),
      ]),
    ]),
  ),
};
