/** JSON beside the weights: valid documents of a base with one thing changed, and texts that are none. */
import fs from 'node:fs';
import path from 'node:path';
import { METADATA } from '../kinds.ts';

type Files = Readonly<Record<string, Uint8Array>>;
type Fields = Record<string, unknown>;

/** A document with a change: a function that edits a copy of it. */
function edited<Document>(document: Document, edit: (copy: Document) => void): Buffer {
  const copy = structuredClone(document);
  edit(copy);
  return Buffer.from(JSON.stringify(copy));
}

/** An object with one more field at its end, which may be there already, written as it stands. */
function withField(document: object, field: string): Buffer {
  return Buffer.from(`${JSON.stringify(document).slice(0, -1)},${field}}`);
}

function nested(depth: number): string {
  return '['.repeat(depth) + ']'.repeat(depth);
}

const PROTO = '"__proto__":{"polluted":true},"constructor":{"prototype":{"polluted":true}}';

interface Metadata {
  parameters: Record<string, Fields>;
  model_weight_transformation_specs: { module_fully_qualified_name: string; specs: [string, Fields][] }[];
}

const NORM = 'model.norm.weight';
const O_PROJ = 'model.layers.0.self_attn.o_proj.weight';

export function metadataFiles(bases: string): Files {
  const document = JSON.parse(fs.readFileSync(path.join(bases, 'gqa/checkpoint', METADATA), 'utf8')) as Metadata;
  const change = (edit: (copy: Metadata) => void): Buffer => edited(document, edit);
  const parameter = (name: string, fields: Fields): Buffer =>
    change(({ parameters }) => Object.assign(parameters[name]!, { tensor_model_parallel: true }, fields));
  const spec = (index: 0 | 1, fields: Fields): Buffer =>
    change((copy) => Object.assign(copy.model_weight_transformation_specs[index]!.specs[0]![1], fields));
  const gqa = (fields: Fields): Buffer => spec(0, fields);
  const fused = (fields: Fields): Buffer => spec(1, fields);
  return {
    'ok--fields-of-object-prototype.json': withField(document, PROTO),
    'ok--a-name-twice-the-last-one-counts.json': withField(
      document,
      `"parameters":${JSON.stringify(document.parameters)}`,
    ),
    'ok--unknown-fields-everywhere.json': change((copy) => {
      Object.assign(copy, { new_field: nested(3) });
      Object.assign(copy.model_weight_transformation_specs[0]!.specs[0]![1], {
        toString: 1,
        new_field: { deep: [{}] },
      });
      copy.parameters[NORM]!['valueOf'] = null;
    }),
    'over-limit--nested-20000-deep.json': withField(document, `"more":${nested(20_000)}`),
    'over-limit--nested-in-a-spec.json': Buffer.from(
      JSON.stringify(document).replace('"fuse_qkv":false', `"fuse_qkv":false,"more":${nested(20_000)}`),
    ),
    'bad-metadata--cut.json': withField(document, '"more":1').subarray(0, 1500),
    'bad-metadata--empty.json': Buffer.alloc(0),
    'bad-metadata--not-utf8.json': withField(document, '"more":"\u00ff"').map((byte) => (byte === 0xc3 ? 0xff : byte)),
    'bad-metadata--byte-order-of-utf16.json': Buffer.from(`\ufeff${JSON.stringify(document)}`, 'utf16le'),
    'bad-metadata--list.json': Buffer.from('[]'),
    'bad-metadata--null.json': Buffer.from('null'),
    'bad-metadata--parameters-as-a-list.json': change((copy) => Object.assign(copy, { parameters: [] })),
    'bad-metadata--escape-codes-in-a-name.json': change(({ parameters }) => {
      parameters['\u001b[2J\u001b]0;owned\u0007\u202e\u009b31m\ud800'] = {};
    }),
    'bad-metadata--name-of-20000-characters.json': change(({ parameters }) => {
      parameters['n'.repeat(20_000)] = {};
    }),
    'bad-metadata--partition-dim-negative.json': parameter(NORM, { partition_dim: -1 }),
    'bad-metadata--partition-dim-1e308.json': parameter(NORM, { partition_dim: 1e308 }),
    'bad-metadata--partition-dim-fraction.json': parameter(NORM, { partition_dim: 0.5 }),
    'shape-mismatch--partition-dim-behind-the-axes.json': parameter(NORM, { partition_dim: 63, num_partitions: 4 }),
    'ok--output-projection-split-along-rows-the-spec-knows-better.json': parameter(O_PROJ, { partition_dim: 0 }),
    'bad-metadata--partition-stride-zero.json': parameter(NORM, { partition_dim: 0, partition_stride: 0 }),
    'shape-mismatch--partition-stride-99999.json': parameter('lm_head.weight', { partition_stride: 99_999 }),
    'bad-metadata--num-partitions-1e9.json': parameter(NORM, { partition_dim: 0, num_partitions: 1e9 }),
    'parallel-size-mismatch--num-partitions-7.json': parameter(NORM, { partition_dim: 0, num_partitions: 7 }),
    'parallel-size-mismatch--tp-size-1e9.json': gqa({ tp_size: 1e9 }),
    'parallel-size-mismatch--tp-size-1e308.json': fused({ tp_size: 1e308 }),
    'parallel-size-mismatch--tp-size-fraction.json': fused({ tp_size: 3.5 }),
    'parallel-size-mismatch--tp-size-negative.json': fused({ tp_size: -4 }),
    'bad-metadata--fuse-axis-5.json': fused({ fuse_axis: 5 }),
    'bad-metadata--fuse-axis-proto.json': fused({ fuse_axis: '__proto__' }),
    'shape-mismatch--fuse-axis-row.json': fused({ fuse_axis: 'row' }),
    'shape-mismatch--original-dims-huge.json': fused({ original_dims: [2 ** 31, 2 ** 31] }),
    'bad-metadata--original-dims-negative.json': fused({ original_dims: [-8, 24] }),
    'bad-metadata--more-linears-than-sizes.json': fused({ linear_names: ['a', 'b', 'c'] }),
    'bad-metadata--one-linear-twice.json': fused({ linear_names: ['gate_proj', 'gate_proj'] }),
    'bad-metadata--linear-with-half-a-character.json': fused({ linear_names: ['\ud800', '\udbff'] }),
    'bad-metadata--linear-of-20000-characters.json': fused({ linear_names: ['n'.repeat(20_000), 'up_proj'] }),
    'ok--linears-like-paths.json': fused({ linear_names: ['../../../etc/passwd', 'C:\\con\u001b[2J'] }),
    'bad-metadata--attention-heads-2-to-31.json': gqa({ num_attention_heads: 2 ** 31 }),
    'bad-metadata--kv-multiplier-2-to-31.json': gqa({ kv_size_multiplier: 2 ** 31 }),
    'shape-mismatch--heads-that-do-not-divide.json': gqa({ num_attention_heads: 4096 }),
    'shape-mismatch--rows-huge.json': gqa({ q_output_size_per_partition: 2 ** 31 }),
    'bad-metadata--names-of-heads-empty.json': gqa({ query_projection_name: '' }),
    'bad-metadata--query-and-key-of-one-name.json': gqa({ query_projection_name: 'k_proj' }),
    'unknown-spec--from-object-prototype.json': change((copy) => {
      copy.model_weight_transformation_specs[0]!.specs[0]![0] = 'constructor';
    }),
    'bad-metadata--spec-that-is-a-number.json': change((copy) =>
      Object.assign(copy, { model_weight_transformation_specs: [7] }),
    ),
    'bad-metadata--one-module-twice.json': change((copy) =>
      copy.model_weight_transformation_specs.push(structuredClone(copy.model_weight_transformation_specs[1]!)),
    ),
  };
}

const HUGE = Number.MAX_SAFE_INTEGER;

function configOf(bases: string, base: string): Fields {
  return JSON.parse(fs.readFileSync(path.join(bases, base, 'original/config.json'), 'utf8')) as Fields;
}

/** Where config.json stands in for metadata, of which the shards must be proof. */
export function configFiles(bases: string): Files {
  const document = configOf(bases, 'gqa');
  const config = (fields: Fields): Buffer => edited(document, (copy) => Object.assign(copy, fields));
  return {
    'ok--unknown-fields-and-prototype.json': withField(document, `${PROTO},"more":{}`),
    'over-limit--layers-1e9.json': config({ num_hidden_layers: 1e9 }),
    'over-limit--layers-2-to-53.json': config({ num_hidden_layers: HUGE }),
    'over-limit--nested-20000-deep.json': withField(document, `"more":${nested(20_000)}`),
    'over-limit--hidden-size-2-to-53.json': config({ hidden_size: HUGE }),
    'bad-metadata--layers-negative.json': config({ num_hidden_layers: -1 }),
    'bad-metadata--layers-1e308.json': withField(document, '"num_hidden_layers":1e308'),
    'bad-metadata--layers-fraction.json': config({ num_hidden_layers: 0.5 }),
    'bad-metadata--layers-as-text.json': config({ num_hidden_layers: '1' }),
    'unsupported--model-type-of-object-prototype.json': config({ model_type: '__proto__' }),
    'unsupported--model-type-with-escape-codes.json': config({ model_type: '\u001b[2J\u009b\u202ellama' }),
    'not-described--other-kv-heads.json': config({ num_key_value_heads: 4 }),
    'parallel-size-mismatch--heads-that-do-not-divide.json': config({ num_attention_heads: 3, num_key_value_heads: 3 }),
  };
}

/** What sharding is asked to make of weights. */
export function modelConfigFiles(bases: string): Files {
  const document = configOf(bases, 'plain');
  const config = (fields: Fields): Buffer => edited(document, (copy) => Object.assign(copy, fields));
  return {
    'ok--unknown-fields.json': withField(document, PROTO),
    'over-limit--layers-1e9.json': config({ num_hidden_layers: 1e9 }),
    'over-limit--vocabulary-2-to-53.json': config({ vocab_size: HUGE }),
    'bad-metadata--without-sizes.json': Buffer.from('{"model_type":"llama"}'),
    'bad-metadata--list.json': Buffer.from('[[]]'),
    'shape-mismatch--other-hidden-size.json': config({ hidden_size: 64 }),
  };
}

export function trnConfigFiles(bases: string): Files {
  const document = JSON.parse(fs.readFileSync(path.join(bases, 'gqa/checkpoint/trn_config.json'), 'utf8')) as Fields;
  const config = (fields: Fields): Buffer => edited(document, (copy) => Object.assign(copy, fields));
  return {
    'ok--unknown-fields-and-prototype.json': withField(document, PROTO),
    'over-limit--a-billion-stages.json': config({ pipeline_parallel_size: 1e9 }),
    'over-limit--nested-20000-deep.json': withField(document, `"more":${nested(20_000)}`),
    'missing-rank--4000-stages.json': config({ pipeline_parallel_size: 4_000 }),
    'bad-metadata--size-1e308.json': withField(document, '"tensor_parallel_size":1e308'),
    'bad-metadata--size-zero.json': config({ pipeline_parallel_size: 0 }),
    'parallel-size-mismatch--50000-ranks.json': config({ tensor_parallel_size: 50_000 }),
  };
}

export function indexFiles(): Files {
  const file = 'model-00001-of-00002.safetensors';
  const map = (entries: Record<string, unknown>): Buffer =>
    Buffer.from(JSON.stringify({ metadata: { total_size: -1e308 }, weight_map: entries }));
  const leading = (part: string): Buffer => map({ [NORM]: file, 'lm_head.weight': part });
  return {
    'ok--one-tensor-of-a-file.json': map({ [NORM]: file }),
    'ok--nothing.json': map({}),
    'bad-metadata--up-and-out.json': leading('../../bases/plain/original/model.safetensors'),
    'bad-metadata--absolute-path.json': leading('/etc/passwd'),
    'bad-metadata--the-folder-above.json': leading('..'),
    'bad-metadata--the-folder-itself.json': leading('.'),
    'bad-metadata--no-name.json': leading(''),
    'bad-metadata--backslashes.json': leading('..\\..\\windows\\system.ini'),
    'bad-metadata--drive-letter.json': leading('C:model.safetensors'),
    'bad-metadata--windows-device.json': leading('NUL'),
    'bad-metadata--windows-device-with-an-ending.json': leading('con.safetensors'),
    'bad-metadata--zero-byte.json': leading(`${file}\u0000.safetensors`),
    'missing-file--escape-codes.json': leading('\u001b[2J\u202emodel\u009b.safetensors'),
    'bad-metadata--name-of-20000-characters.json': leading('n'.repeat(20_000)),
    'bad-metadata--file-that-is-a-list.json': map({ [NORM]: [file] }),
    'bad-metadata--map-that-is-a-list.json': Buffer.from('{"weight_map":["model.safetensors"]}'),
    'missing-tensor--names-of-object-prototype.json': Buffer.from(
      `{"weight_map":{"constructor":${JSON.stringify(file)}}}`,
    ),
    'over-limit--nested-20000-deep.json': Buffer.from(`{"weight_map":{"a":${nested(20_000)}}}`),
    'bad-metadata--cut.json': leading(file).subarray(0, 40),
  };
}

export function adapterConfigFiles(bases: string): Files {
  const file = path.join(bases, 'lora/checkpoint/adapter_default/adapter_config.json');
  const document = JSON.parse(fs.readFileSync(file, 'utf8')) as Fields;
  const config = (fields: Fields): Buffer => edited(document, (copy) => Object.assign(copy, fields));
  const slow = '(?:[a-z._0-9]+)+x';
  return {
    'ok--unknown-fields-and-prototype.json': withField(document, `${PROTO},"toString":"x"`),
    'ok--pattern-for-all.json': config({ target_modules: '.*_proj' }),
    'ok--ranks-of-1e308.json': config({ r: 1e308, lora_alpha: -1e308 }),
    'ok--base-model-with-escape-codes.json': config({ base_model_name_or_path: '\u001b[2J\u009b\u202e/dev/zero' }),
    'over-limit--nested-20000-deep.json': withField(document, `"more":${nested(20_000)}`),
    'bad-metadata--endless-target-modules.json': config({ target_modules: slow }),
    'bad-metadata--endless-exclude-modules.json': config({ exclude_modules: `${slow}|a` }),
    'bad-metadata--endless-rank-pattern.json': config({ rank_pattern: { [slow]: 4 } }),
    'bad-metadata--500-slow-patterns.json': config({
      rank_pattern: Object.fromEntries(
        Array.from({ length: 500 }, (_, index) => [`(?:[a-z._0-9]+){${2 + (index % 4)}}(?:[a-z._0-9]+)*x${index}`, 4]),
      ),
    }),
    'bad-metadata--endless-layers-pattern.json': config({
      target_modules: ['self_attn.q_proj', 'k_proj', 'v_proj', 'gate_proj', 'up_proj'],
      layers_to_transform: [0],
      layers_pattern: '(?:(?:[a-z._0-9]+)+)+!',
    }),
    'bad-metadata--layers-pattern-that-is-none.json': config({ layers_to_transform: [0], layers_pattern: '(' }),
    'bad-metadata--pattern-that-is-none.json': config({ target_modules: '(' }),
    'bad-metadata--pattern-with-escape-codes.json': config({ target_modules: '\u001b[2J(\u009b\u202e' }),
    'bad-metadata--pattern-of-15000-characters.json': config({ target_modules: '(a|'.repeat(5_000) }),
    'bad-metadata--pattern-that-repeats-a-billion-times.json': config({
      target_modules: '(?:(?:(?:(?:.{1,1000}){1,1000}){1,1000}){1,1000})x',
    }),
    'bad-metadata--rank-as-text.json': config({ rank_pattern: { q_proj: '8' } }),
    'bad-metadata--names-that-are-numbers.json': config({ target_modules: [1, 2] }),
    'unsupported--other-peft-type.json': config({ peft_type: '__proto__' }),
    'unsupported--some-of-the-fused.json': config({ target_modules: ['gate_proj'] }),
    'bad-metadata--list.json': Buffer.from('[]'),
  };
}
