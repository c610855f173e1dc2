import { join, part, range, take, type Dense } from './dense.ts';

/** What a generated checkpoint looks like. Sizes are the original model's. */
export interface OracleConfig {
  readonly tp: number;
  readonly pp: number;
  readonly heads: number;
  readonly kvHeads: number;
  readonly multiplier: number;
  /** How copies of KV heads are placed over the slots of all ranks: K0 K1 … K0 K1 …, or K0 K0 … K1 K1 … */
  readonly placement?: 'tiled' | 'adjacent';
  readonly headDim: number;
  readonly hidden: number;
  readonly intermediate: number;
  readonly layers: number;
  readonly vocab: number;
  readonly dtype: string;
  readonly fuseQkv: boolean;
  readonly bias: boolean;
  /** Pieces a rank holds of a parallel parameter that no spec deals with. */
  readonly stride: number;
  /** Present for an adapter's checkpoint: then only LoRA tensors are saved. */
  readonly lora?: LoraConfig;
  readonly seed: number;
}

export interface LoraConfig {
  readonly adapter: string;
  readonly rank: number;
  readonly attention: boolean;
  readonly output: boolean;
  readonly mlp: boolean;
}

/** One rank's saved tensors. */
export type RankState = Map<string, Dense>;

export interface OracleStage {
  readonly metadata: { parameters: Record<string, unknown>; model_weight_transformation_specs: unknown[] };
  readonly ranks: readonly RankState[];
}

/** A checkpoint in memory with what consolidating it must give. */
export interface OracleCheckpoint {
  readonly stages: readonly OracleStage[];
  readonly expected: ReadonlyMap<string, Dense>;
}

/** The KV head of slot p, and as which copy it holds it: written out as two lists, to be looked up. */
function slotHead(config: OracleConfig, p: number): readonly [number, number] {
  const [heads, copies] = [range(0, config.kvHeads), range(0, config.multiplier)];
  const slots =
    config.placement === 'adjacent'
      ? heads.flatMap((head) => copies.map((copy) => [head, copy] as const))
      : copies.flatMap((copy) => heads.map((head) => [head, copy] as const));
  return slots[p]!;
}

/** The query heads of a rank: KV slot by KV slot, as the definition says. */
export function queryHeads(config: OracleConfig, rank: number): number[] {
  const slots = (config.kvHeads * config.multiplier) / config.tp;
  const perSlot = config.heads / config.tp / slots;
  const found: number[] = [];
  for (let j = 0; j < slots; j++) {
    const p = rank * slots + j;
    const [k, c] = slotHead(config, p);
    for (let i = 0; i < perSlot; i++) found.push(k * (config.heads / config.kvHeads) + c * perSlot + i);
  }
  return found;
}

/** The KV heads of a rank. */
function kvHeads(config: OracleConfig, rank: number): number[] {
  const slots = (config.kvHeads * config.multiplier) / config.tp;
  return range(rank * slots, (rank + 1) * slots).map((p) => slotHead(config, p)[0]);
}

/** Rows (or columns) of whole heads. */
function headIndices(heads: readonly number[], headDim: number): number[] {
  return heads.flatMap((head) => range(head * headDim, (head + 1) * headDim));
}

/** True where the Neuron model uses a GQA projection instead of plain parallel layers. */
export function usesGqa(config: OracleConfig): boolean {
  return config.kvHeads < config.tp || config.kvHeads % config.tp !== 0;
}

/** Collects a stage while it is generated. */
class Stage implements OracleStage {
  readonly config: OracleConfig;
  readonly metadata = { parameters: {} as Record<string, unknown>, model_weight_transformation_specs: [] as unknown[] };
  readonly ranks: RankState[];
  readonly expected: Map<string, Dense>;
  readonly #random: () => number;

  constructor(config: OracleConfig, expected: Map<string, Dense>, random: () => number) {
    this.config = config;
    this.expected = expected;
    this.#random = random;
    this.ranks = range(0, config.tp).map((): RankState => new Map());
  }

  /** A tensor of random bytes that are finite numbers. */
  random(...shape: number[]): Dense {
    const count = shape.reduce((product, size) => product * size, 1);
    const { dtype } = this.config;
    const bytes = new Uint8Array(count * { BF16: 2, F16: 2, F32: 4, F64: 8 }[dtype]!);
    for (let i = 0; i < bytes.length; i++) bytes[i] = Math.floor(this.#random() * 256);
    // The highest byte of an element holds the sign and the upper exponent: kept away from all ones.
    const step = bytes.length / Math.max(1, count);
    for (let i = step - 1; i < bytes.length; i += step) bytes[i] = bytes[i]! & 0xbb;
    return { dtype, shape, bytes };
  }

  /** Saves a parameter on every rank; `null` attributes mean that the metadata calls it not parallel. */
  save(
    name: string,
    metadataName: string,
    attributes: readonly [number, number] | null,
    local: (rank: number) => Dense,
  ): void {
    this.ranks.forEach((state, rank) => state.set(name, local(rank)));
    this.describe(metadataName, attributes);
  }

  describe(name: string, attributes: readonly [number, number] | null): void {
    this.metadata.parameters[name] = attributes
      ? {
          tensor_model_parallel: true,
          partition_dim: attributes[0],
          partition_stride: attributes[1],
          num_partitions: this.config.tp,
        }
      : { tensor_model_parallel: false };
  }

  /** A parameter that both models have: split along an axis, or whole on every rank. */
  plain(name: string, tensor: Dense, axis?: number): void {
    this.expected.set(name, tensor);
    this.save(name, name, axis === undefined ? null : [axis, 1], (rank) => {
      return axis === undefined ? tensor : part(tensor, axis, rank, this.config.tp);
    });
  }
}

/** Generates a checkpoint from its definition. The same configuration gives the same bytes. */
export function generate(config: OracleConfig): OracleCheckpoint {
  let state = config.seed + 1;
  const random = (): number => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
  const expected = new Map<string, Dense>();
  const stages: Stage[] = [];
  const embeddings = new Stage(config, expected, random).random(config.vocab, config.hidden);
  for (let pp = 0; pp < config.pp; pp++) {
    const stage = new Stage(config, expected, random);
    const [first, end] = [
      Math.floor((pp * config.layers) / config.pp),
      Math.floor(((pp + 1) * config.layers) / config.pp),
    ];
    if (config.lora) {
      for (let layer = first; layer < end; layer++)
        loraLayer(stage, `base_model.model.model.layers.${layer}`, config.lora);
    } else {
      // Tied embeddings: the first and the last stage hold the same values under one name.
      if (pp === 0 || pp === config.pp - 1) stage.plain('model.embed_tokens.weight', embeddings, 0);
      for (let layer = first; layer < end; layer++) fullLayer(stage, `model.layers.${layer}`);
      stage.describe(`model.unsaved_${pp}.weight`, [0, 1]);
      if (pp === config.pp - 1) stage.plain('model.norm.weight', stage.random(config.hidden));
    }
    stages.push(stage);
  }
  return { stages, expected };
}

function fullLayer(stage: Stage, layer: string): void {
  const { config } = stage;
  const { tp, stride } = config;
  attention(stage, `${layer}.self_attn`);
  const [gate, up] = [
    stage.random(config.intermediate, config.hidden),
    stage.random(config.intermediate, config.hidden),
  ];
  stage.expected.set(`${layer}.mlp.gate_proj.weight`, gate);
  stage.expected.set(`${layer}.mlp.up_proj.weight`, up);
  const fused = `${layer}.mlp.gate_up_proj.weight`;
  stage.save(fused, fused, [0, 2], (rank) => join([part(gate, 0, rank, tp), part(up, 0, rank, tp)], 0));
  stage.metadata.model_weight_transformation_specs.push(gateUpSpec(config, `${layer}.mlp`, null));
  stage.plain(`${layer}.mlp.down_proj.weight`, stage.random(config.hidden, config.intermediate), 1);
  // Fused along the input axis: a row-parallel pair.
  const [a, b] = [
    stage.random(config.hidden, config.intermediate),
    stage.random(config.hidden, 2 * config.intermediate),
  ];
  stage.expected.set(`${layer}.row.a_proj.weight`, a);
  stage.expected.set(`${layer}.row.b_proj.weight`, b);
  const row = `${layer}.row.ab_proj.weight`;
  stage.save(row, row, [1, 1], (rank) => join([part(a, 1, rank, tp), part(b, 1, rank, tp)], 1));
  stage.metadata.model_weight_transformation_specs.push(rowSpec(config, `${layer}.row`, null));
  // Pieces r, r + tp, r + 2 tp … of stride * tp, and no spec that knows them.
  const strided = stage.random(stride * tp * 3, 2);
  stage.expected.set(`${layer}.strided.weight`, strided);
  stage.save(`${layer}.strided.weight`, `${layer}.strided.weight`, [0, stride], (rank) => {
    const pieces = range(0, stride).flatMap((i) => range((i * tp + rank) * 3, (i * tp + rank + 1) * 3));
    return take(strided, 0, pieces);
  });
  // Ten rows over the ranks: the last parts are shorter.
  stage.plain(`${layer}.uneven.weight`, stage.random(10, 3), 0);
  stage.plain(`${layer}.input_layernorm.weight`, stage.random(config.hidden));
}

function attention(stage: Stage, module: string): void {
  const { config } = stage;
  const { headDim, hidden, tp } = config;
  const sizes = { q: config.heads * headDim, k: config.kvHeads * headDim, v: config.kvHeads * headDim };
  for (const parameter of config.bias ? ['weight', 'bias'] : ['weight']) {
    const make = (rows: number): Dense => (parameter === 'bias' ? stage.random(rows) : stage.random(rows, hidden));
    const original = { q: make(sizes.q), k: make(sizes.k), v: make(sizes.v) };
    for (const kind of ['q', 'k', 'v'] as const)
      stage.expected.set(`${module}.${kind}_proj.${parameter}`, original[kind]);
    saveQkv(stage, module, '', parameter, original);
  }
  if (usesGqa(config)) stage.metadata.model_weight_transformation_specs.push(gqaSpec(config, module, null));
  else if (fusesEqualHeads(config))
    stage.metadata.model_weight_transformation_specs.push(qkvSpec(config, module, null));
  const output = stage.random(hidden, sizes.q);
  stage.expected.set(`${module}.o_proj.weight`, output);
  stage.save(`${module}.o_proj.weight`, `${module}.o_proj.weight`, [1, 1], (rank) => {
    return usesGqa(config)
      ? take(output, 1, headIndices(queryHeads(config, rank), headDim))
      : part(output, 1, rank, tp);
  });
  // The output projection's bias is neither split nor reordered.
  if (config.bias) stage.plain(`${module}.o_proj.bias`, stage.random(hidden));
}

function fusesEqualHeads(config: OracleConfig): boolean {
  return config.fuseQkv && config.heads === config.kvHeads;
}

/** The ranks' query, key and value tensors in whichever form the configuration asks for; `level` is "" or "lora_B.". */
function saveQkv(
  stage: Stage,
  module: string,
  level: string,
  parameter: string,
  original: Readonly<Record<'q' | 'k' | 'v', Dense>>,
): void {
  const { config } = stage;
  const { headDim, tp } = config;
  const adapter = level === '' ? '' : `${config.lora!.adapter}.`;
  const both = (linear: string, suffix: string): [string, string] => {
    const [saved, described] = [`${module}.${linear}.${level}`, `${module}.${linear}.${level}${adapter}`];
    return [`${saved}${parameter}${suffix}`, `${described}${parameter}${suffix}`];
  };
  const query = (rank: number): Dense => take(original.q, 0, headIndices(queryHeads(config, rank), headDim));
  const kv = (kind: 'k' | 'v', rank: number): Dense =>
    take(original[kind], 0, headIndices(kvHeads(config, rank), headDim));
  if (usesGqa(config) && config.fuseQkv) {
    stage.save(...both('qkv_proj', '_qkv'), null, (rank) => join([query(rank), kv('k', rank), kv('v', rank)], 0));
  } else if (usesGqa(config)) {
    stage.save(...both('qkv_proj', '_q'), [0, 1], query);
    stage.save(...both('qkv_proj', '_k'), [0, 1], (rank) => kv('k', rank));
    stage.save(...both('qkv_proj', '_v'), [0, 1], (rank) => kv('v', rank));
  } else if (fusesEqualHeads(config)) {
    stage.save(...both('qkv_proj', ''), [0, 3], (rank) => {
      return join([part(original.q, 0, rank, tp), part(original.k, 0, rank, tp), part(original.v, 0, rank, tp)], 0);
    });
  } else {
    for (const kind of ['q', 'k', 'v'] as const) {
      stage.save(...both(`${kind}_proj`, ''), [0, 1], (rank) => part(original[kind], 0, rank, tp));
    }
  }
}

/** A layer of an adapter: what is targeted is saved, base layers and another adapter are only described. */
function loraLayer(stage: Stage, layer: string, lora: LoraConfig): void {
  const { config } = stage;
  const { headDim, hidden, tp, intermediate } = config;
  const sizes = { q: config.heads * headDim, k: config.kvHeads * headDim, v: config.kvHeads * headDim };
  const attn = `${layer}.self_attn`;
  const fusedAttention = usesGqa(config) || fusesEqualHeads(config);
  const peft = lora.attention ? 'lora' : null;
  if (usesGqa(config)) stage.metadata.model_weight_transformation_specs.push(gqaSpec(config, attn, peft));
  else if (fusesEqualHeads(config)) stage.metadata.model_weight_transformation_specs.push(qkvSpec(config, attn, peft));
  stage.metadata.model_weight_transformation_specs.push(gateUpSpec(config, `${layer}.mlp`, lora.mlp ? 'lora' : null));
  if (usesGqa(config)) stage.describe(`${attn}.qkv_proj.base_layer.weight_q`, [0, 1]);
  stage.describe(`${layer}.mlp.gate_up_proj.base_layer.weight`, [0, 2]);
  stage.describe(`${attn}.o_proj.lora_A.another.weight`, [1, 1]);
  const loraA = (linear: string, tensor: Dense, linears: readonly string[], axis?: number): void => {
    for (const name of linears) stage.expected.set(`${name}.lora_A.weight`, tensor);
    stage.save(
      `${linear}.lora_A.weight`,
      `${linear}.lora_A.${lora.adapter}.weight`,
      axis === undefined ? null : [axis, 1],
      (rank) => (axis === undefined ? tensor : part(tensor, axis, rank, tp)),
    );
  };
  const loraB = (linear: string, tensor: Dense): void => {
    stage.expected.set(`${linear}.lora_B.weight`, tensor);
    stage.save(`${linear}.lora_B.weight`, `${linear}.lora_B.${lora.adapter}.weight`, null, () => tensor);
  };
  if (lora.attention) {
    const linears = ['q', 'k', 'v'].map((kind) => `${attn}.${kind}_proj`);
    if (fusedAttention) loraA(`${attn}.qkv_proj`, stage.random(lora.rank, hidden), linears);
    else for (const linear of linears) loraA(linear, stage.random(lora.rank, hidden), [linear]);
    const original = {
      q: stage.random(sizes.q, lora.rank),
      k: stage.random(sizes.k, lora.rank),
      v: stage.random(sizes.v, lora.rank),
    };
    for (const kind of ['q', 'k', 'v'] as const)
      stage.expected.set(`${attn}.${kind}_proj.lora_B.weight`, original[kind]);
    saveQkv(stage, attn, 'lora_B.', 'weight', original);
  }
  if (lora.output) {
    const a = stage.random(lora.rank, sizes.q);
    stage.expected.set(`${attn}.o_proj.lora_A.weight`, a);
    stage.save(`${attn}.o_proj.lora_A.weight`, `${attn}.o_proj.lora_A.${lora.adapter}.weight`, [1, 1], (rank) => {
      return usesGqa(config) ? take(a, 1, headIndices(queryHeads(config, rank), headDim)) : part(a, 1, rank, tp);
    });
    loraB(`${attn}.o_proj`, stage.random(hidden, lora.rank));
  }
  if (lora.mlp) {
    const mlp = `${layer}.mlp`;
    loraA(`${mlp}.gate_up_proj`, stage.random(lora.rank, hidden), [`${mlp}.gate_proj`, `${mlp}.up_proj`]);
    const [gate, up] = [stage.random(intermediate, lora.rank), stage.random(intermediate, lora.rank)];
    stage.expected.set(`${mlp}.gate_proj.lora_B.weight`, gate);
    stage.expected.set(`${mlp}.up_proj.lora_B.weight`, up);
    stage.save(
      `${mlp}.gate_up_proj.lora_B.weight`,
      `${mlp}.gate_up_proj.lora_B.${lora.adapter}.weight`,
      [0, 1],
      (rank) => join([part(gate, 0, rank, tp), part(up, 0, rank, tp)], 0),
    );
    loraA(`${mlp}.down_proj`, stage.random(lora.rank, intermediate), [`${mlp}.down_proj`], 1);
    loraB(`${mlp}.down_proj`, stage.random(hidden, lora.rank));
  }
}

function fusedSpec(module: string, fields: Record<string, unknown>, peft: string | null): unknown {
  return {
    module_fully_qualified_name: module,
    specs: [['FusedLinearsSpec', { ...fields, bias: false, peft_type: peft }]],
  };
}

function gateUpSpec(config: OracleConfig, module: string, peft: string | null): unknown {
  const original_dims = [config.intermediate, config.intermediate];
  const linear_names = ['gate_proj', 'up_proj'];
  return fusedSpec(
    module,
    { fused_linear_name: 'gate_up_proj', linear_names, fuse_axis: 0, original_dims, tp_size: config.tp },
    peft,
  );
}

function rowSpec(config: OracleConfig, module: string, peft: string | null): unknown {
  const original_dims = [config.intermediate, 2 * config.intermediate];
  const linear_names = ['a_proj', 'b_proj'];
  return fusedSpec(
    module,
    { fused_linear_name: 'ab_proj', linear_names, fuse_axis: 'row', original_dims, tp_size: config.tp },
    peft,
  );
}

function qkvSpec(config: OracleConfig, module: string, peft: string | null): unknown {
  const size = config.heads * config.headDim;
  const linear_names = ['q_proj', 'k_proj', 'v_proj'];
  const fields = {
    fused_linear_name: 'qkv_proj',
    linear_names,
    fuse_axis: 'column',
    original_dims: [size, size, size],
  };
  return fusedSpec(module, { ...fields, tp_size: config.tp }, peft);
}

function gqaSpec(config: OracleConfig, module: string, peft: string | null): unknown {
  const fields = {
    gqa_qkv_projection_name: 'qkv_proj',
    query_projection_name: 'q_proj',
    key_projection_name: 'k_proj',
    value_projection_name: 'v_proj',
    output_projection_name: 'o_proj',
    num_attention_heads: config.heads,
    num_key_value_heads: config.kvHeads,
    kv_size_multiplier: config.multiplier,
    q_output_size_per_partition: (config.heads * config.headDim) / config.tp,
    kv_output_size_per_partition: (config.kvHeads * config.multiplier * config.headDim) / config.tp,
    fuse_qkv: config.fuseQkv,
    bias: config.bias,
    tp_size: config.tp,
    peft_type: peft,
  };
  return { module_fully_qualified_name: module, specs: [['GQAQKVColumnParallelLinearSpec', fields]] };
}
