/** Safetensors files whose header lies. */

type Files = Readonly<Record<string, Uint8Array>>;

function file(header: unknown, data: Uint8Array = new Uint8Array(8)): Buffer {
  return withText(JSON.stringify(header), data);
}

function withText(header: string, data: Uint8Array = new Uint8Array(8)): Buffer {
  return withLength(BigInt(Buffer.byteLength(header)), header, data);
}

function withLength(length: bigint, header: string, data: Uint8Array = new Uint8Array(8)): Buffer {
  const prefix = Buffer.alloc(8);
  prefix.writeBigUInt64LE(length);
  return Buffer.concat([prefix, Buffer.from(header), data]);
}

const tensor = (from = 0, to = 8, more: Record<string, unknown> = {}): Record<string, unknown> => {
  return { dtype: 'F32', shape: [(to - from) / 4], data_offsets: [from, to], ...more };
};
const one = (more: Record<string, unknown>): Buffer => file({ a: tensor(0, 8, more) });
const deep = '['.repeat(20_000) + ']'.repeat(20_000);
const VALID = JSON.stringify({ a: tensor() });

export const safetensorsFiles: Files = {
  'ok--one-tensor.safetensors': file({ a: tensor() }),
  'ok--names-of-object-prototype.safetensors': withText(
    '{"__proto__":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"constructor":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}',
  ),
  'ok--names-with-escape-codes.safetensors': file({
    '\u001b[2J\r\u009b\u202ea': tensor(0, 4),
    '../../b': tensor(4, 8),
  }),
  'ok--empty-tensors-anywhere.safetensors': file({
    a: tensor(0, 8),
    b: { dtype: 'I64', shape: [0, 9_007_199_254_740_991], data_offsets: [8, 8] },
  }),
  'over-limit--header-of-2-to-63.safetensors': withLength(2n ** 63n, VALID),
  'over-limit--header-of-100-mb-and-one.safetensors': withLength(100_000_001n, VALID),
  'cut-file--header-of-100-mb.safetensors': withLength(100_000_000n, VALID),
  'cut-file--seven-bytes.safetensors': Buffer.alloc(7),
  'cut-file--empty.safetensors': Buffer.alloc(0),
  'cut-file--ends-before-its-tensor.safetensors': file({ a: tensor(0, 4096) }),
  'cut-file--tensor-of-9-terabytes.safetensors': file({ a: tensor(0, 2 ** 43) }),
  'bad-safetensors--no-header.safetensors': withLength(0n, ''),
  'bad-safetensors--header-begins-with-space.safetensors': withText(` ${VALID}`),
  'bad-safetensors--header-is-a-list.safetensors': withText('[]'),
  'bad-safetensors--header-is-cut.safetensors': withText(VALID.slice(0, -1)),
  'bad-safetensors--text-behind-the-header.safetensors': withText(`${VALID}{}`),
  'bad-safetensors--not-utf8.safetensors': withText('{"\u00ff":1}').map((byte) => (byte === 0xc3 ? 0xff : byte)),
  'bad-safetensors--one-name-twice.safetensors': withText(
    `${VALID.slice(0, -1)},"\\u0061":${JSON.stringify(tensor())}}`,
  ),
  'bad-safetensors--one-field-twice.safetensors': withText(
    '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"dtype":"I8"}}',
  ),
  'bad-safetensors--hole.safetensors': file({ a: tensor(0, 4), b: tensor(8, 12) }, new Uint8Array(12)),
  'bad-safetensors--overlap.safetensors': file({ a: tensor(0, 8), b: tensor(4, 8) }),
  'bad-safetensors--begins-late.safetensors': file({ a: tensor(4, 8) }),
  'bad-safetensors--bytes-behind-the-last-tensor.safetensors': file({ a: tensor(0, 4) }),
  'bad-safetensors--offsets-backwards.safetensors': one({ data_offsets: [8, 0] }),
  'bad-safetensors--offsets-fraction.safetensors': one({ data_offsets: [0.5, 8.5] }),
  'bad-safetensors--offsets-1e308.safetensors': one({ data_offsets: [0, 1e308] }),
  'bad-safetensors--offsets-negative.safetensors': one({ data_offsets: [-8, 0] }),
  'bad-safetensors--three-offsets.safetensors': one({ data_offsets: [0, 4, 8] }),
  'bad-safetensors--shape-overflows.safetensors': one({ shape: [2 ** 32, 2 ** 32] }),
  'bad-safetensors--shape-overflows-behind-a-zero.safetensors': one({
    shape: [0, 2 ** 32, 2 ** 32],
    data_offsets: [0, 0],
  }),
  'bad-safetensors--shape-negative.safetensors': one({ shape: [-1, -2] }),
  'bad-safetensors--shape-of-20000-axes.safetensors': one({ shape: Array<number>(20_000).fill(1) }),
  'bad-safetensors--shape-does-not-fit.safetensors': one({ shape: [3] }),
  'bad-safetensors--dtype-of-object-prototype.safetensors': one({ dtype: 'constructor' }),
  'bad-safetensors--dtype-with-escape-codes.safetensors': one({ dtype: '\u001b[2J\u202e' }),
  'bad-safetensors--unknown-field.safetensors': one({ toString: 1 }),
  'bad-safetensors--metadata-with-numbers.safetensors': file({ __metadata__: { a: 1 }, a: tensor() }),
  'over-limit--nested-offsets.safetensors': withText(`{"a":{"dtype":"F32","shape":[2],"data_offsets":${deep}}}`),
  'over-limit--name-of-5000-characters.safetensors': file({ ['n'.repeat(5000)]: tensor() }),
  'bad-safetensors--name-with-half-a-character.safetensors': withText(
    `{"\\ud800":${JSON.stringify(tensor(0, 4))},"\\udc00":${JSON.stringify(tensor(4, 8))}}`,
  ),
};

const MODULE = 'base_model.model.model.layers.0.';

/** float32 tensors of these shapes, one behind the other. */
function shapes(entries: Readonly<Record<string, readonly number[]>>): Buffer {
  let at = 0;
  const tensors = Object.entries(entries).map(([name, shape]) => {
    const from = at;
    at += 4 * shape.reduce((count, size) => count * size, 1);
    return [name, { dtype: 'F32', shape, data_offsets: [from, at] }];
  });
  return file(Object.fromEntries(tensors), new Uint8Array(at));
}

function lora(module: string, a: readonly number[], b: readonly number[]): Record<string, readonly number[]> {
  return { [`${MODULE}${module}.lora_A.weight`]: a, [`${MODULE}${module}.lora_B.weight`]: b };
}

const MLP = { ...lora('mlp.gate_proj', [2, 8], [8, 2]), ...lora('mlp.up_proj', [2, 8], [8, 2]) };

export const adapterWeights: Files = {
  'ok--fused-linears.safetensors': shapes(MLP),
  'shape-mismatch--rows-that-no-rank-count-divides.safetensors': shapes({
    ...MLP,
    ...lora('mlp.up_proj', [2, 8], [7, 2]),
  }),
  'shape-mismatch--columns-of-another-model.safetensors': shapes(lora('mlp.down_proj', [2, 9], [8, 2])),
  'shape-mismatch--vectors.safetensors': shapes({
    ...lora('mlp.gate_proj', [16], [16]),
    ...lora('mlp.up_proj', [16], [16]),
  }),
  'shape-mismatch--scalars.safetensors': shapes(lora('self_attn.q_proj', [], [])),
  'shape-mismatch--other-rank-on-one-side.safetensors': shapes(lora('self_attn.o_proj', [2, 8], [8, 3])),
  'shape-mismatch--nothing-in-them.safetensors': shapes(lora('self_attn.q_proj', [0, 8], [8, 0])),
  'missing-tensor--half-of-a-pair.safetensors': shapes({ [`${MODULE}self_attn.q_proj.lora_A.weight`]: [2, 8] }),
  'unsupported--modules-of-another-model.safetensors': shapes(lora('mlp.experts.0.w1', [2, 8], [8, 2])),
  'unsupported--names-like-paths.safetensors': shapes({ '../../../../etc/passwd': [2], '\u001b[2J': [2] }),
};
