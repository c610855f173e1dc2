import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isShardloomError } from '../../src-core/errors.ts';
import { describeModel } from '../../src-core/models/family.ts';
import { adaptPeftConfigForModel, toOriginalPeftConfigForModel } from '../../src-core/peft/config-for-model.ts';
import { isTargeted, loraConfigOf, scalingOf, type PeftConfig } from '../../src-core/specs/peft-config/lora-config.ts';
import { matchesOf } from '../../src-core/specs/peft-config/python-regex.ts';

const SIZES = {
  hiddenSize: 32,
  intermediateSize: 48,
  numAttentionHeads: 8,
  numKeyValueHeads: 2,
  numHiddenLayers: 3,
  vocabSize: 24,
};
/** q, k, v and gate, up are fused. */
const model = describeModel('llama', SIZES, { tensorParallelSize: 4, pipelineParallelSize: 2, fuseQkv: true });
/** Only gate, up are fused. */
const mlpOnly = describeModel('llama', SIZES, { tensorParallelSize: 2, pipelineParallelSize: 1, fuseQkv: false });

const lora = (fields: PeftConfig): PeftConfig => ({ peft_type: 'LORA', r: 8, lora_alpha: 16, ...fields });
const adapt = (fields: PeftConfig): PeftConfig => adaptPeftConfigForModel(model, lora(fields));
const original = (config: PeftConfig): PeftConfig => toOriginalPeftConfigForModel(model, config);

function refusal(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (isShardloomError(error)) return error.message;
    throw error;
  }
  throw new Error('It was not refused.');
}

describe('names', () => {
  test('all linears that are fused become the fused one, in its place; the rest stays', () => {
    const target_modules = ['o_proj', 'q_proj', 'gate_proj', 'k_proj', 'v_proj', 'up_proj', 'down_proj'];
    const adapted = adapt({ target_modules, a_field_of_the_future: { x: 1 } });
    expect(adapted.target_modules).toEqual(['o_proj', 'qkv_proj', 'gate_up_proj', 'down_proj']);
    expect(Object.keys(adapted)).toEqual(['peft_type', 'r', 'lora_alpha', 'target_modules', 'a_field_of_the_future']);
    expect(original(adapted).target_modules).toEqual([
      'o_proj',
      'q_proj',
      'k_proj',
      'v_proj',
      'gate_proj',
      'up_proj',
      'down_proj',
    ]);
  });

  test('of a model that fuses less, less is renamed', () => {
    const adapted = adaptPeftConfigForModel(mlpOnly, lora({ target_modules: ['q_proj', 'gate_proj', 'up_proj'] }));
    expect(adapted.target_modules).toEqual(['q_proj', 'gate_up_proj']);
  });

  test('fully qualified, with a module before them, and with the names of another layer', () => {
    const q = (layer: number): string[] => ['q', 'k', 'v'].map((p) => `model.layers.${layer}.self_attn.${p}_proj`);
    expect(adapt({ target_modules: [...q(1), 'mlp.gate_proj', 'mlp.up_proj'] }).target_modules).toEqual([
      'model.layers.1.self_attn.qkv_proj',
      'mlp.gate_up_proj',
    ]);
  });

  test('all-linear in any case means the same on both sides', () => {
    expect(adapt({ target_modules: 'All-Linear' }).target_modules).toBe('All-Linear');
    expect(original(lora({ target_modules: 'all-linear' })).target_modules).toBe('all-linear');
  });

  test('several adapters at once', () => {
    const configs = new Map([
      ['my-adapter', lora({ target_modules: ['gate_proj', 'up_proj'] })],
      ['other', lora({ target_modules: ['o_proj'] })],
    ]);
    const adapted = adaptPeftConfigForModel(model, configs);
    expect([...adapted].map(([name, config]) => [name, config.target_modules])).toEqual([
      ['my-adapter', ['gate_up_proj']],
      ['other', ['o_proj']],
    ]);
    expect(toOriginalPeftConfigForModel(model, adapted)).toEqual(configs);
  });
});

describe('regular expressions', () => {
  const fused = 'model.layers.0.self_attn.qkv_proj';

  test('match the fused linear where they matched all its parts, layer by layer', () => {
    const target_modules = 'model\\.layers\\.[01]\\.self_attn\\.(q|k|v|o)_proj';
    const adapted = adapt({ target_modules });
    const config = loraConfigOf(adapted);
    expect([0, 1, 2].map((n) => isTargeted(config, `model.layers.${n}.self_attn.qkv_proj`))).toEqual([
      true,
      true,
      false,
    ]);
    expect(original(adapted).target_modules).toBe(target_modules);
    expect(adaptPeftConfigForModel(model, adapted)).toEqual(adapted);
  });

  test('that match everything are left alone', () => {
    expect(adapt({ target_modules: '.*_proj' }).target_modules).toBe('.*_proj');
  });

  test('written for the Neuron model lead to the parts, and back', () => {
    const neuron = lora({ target_modules: '.*\\.qkv_proj' });
    const config = original(neuron);
    for (const part of ['q', 'k', 'v']) {
      expect(isTargeted(loraConfigOf(config), `model.layers.2.self_attn.${part}_proj`)).toBe(true);
    }
    expect(adaptPeftConfigForModel(model, config)).toEqual(neuron);
  });

  test('in Python’s spelling are understood; what has no end or is none is refused', () => {
    expect(matchesOf('(?i)(?P<layer>MODEL)\\..*(?#a comment)qkv_proj\\Z', 'full', [fused])).toEqual([true]);
    expect(refusal(() => matchesOf('(a+)+$', 'full', [`${'a'.repeat(40)}!`]))).toMatch(/cannot be used/);
    expect(refusal(() => matchesOf('(unclosed', 'full', ['a']))).toMatch(/cannot be used/);
  });
});

describe('ranks, alphas and exclusions', () => {
  test('of fused linears are those of the fused one', () => {
    const adapted = adapt({
      target_modules: ['q_proj', 'k_proj', 'v_proj', 'down_proj'],
      rank_pattern: { 'self_attn.q_proj': 4, down_proj: 2, 'self_attn.k_proj': 4, 'self_attn.v_proj': 4 },
      alpha_pattern: { '.*\\.(q|k|v)_proj': 32 },
    });
    expect(adapted.rank_pattern).toEqual({ 'self_attn.qkv_proj': 4, down_proj: 2 });
    const fused = 'model.layers.1.self_attn.qkv_proj';
    expect(scalingOf(loraConfigOf(adapted), fused, 4)).toEqual({ alpha: 32, scaling: 8 });
    expect(original(adapted).alpha_pattern).toEqual({ '.*\\.(q|k|v)_proj': 32 });
    expect(original(adapted).rank_pattern).toEqual({
      'self_attn.q_proj': 4,
      'self_attn.k_proj': 4,
      'self_attn.v_proj': 4,
      down_proj: 2,
    });
  });

  test('excluded modules and modules saved whole are translated too', () => {
    const adapted = adapt({
      target_modules: 'all-linear',
      exclude_modules: ['up_proj', 'gate_proj'],
      modules_to_save: ['lm_head', 'v_proj', 'q_proj', 'k_proj'],
    });
    expect(adapted.exclude_modules).toEqual(['gate_up_proj']);
    expect(adapted.modules_to_save).toEqual(['lm_head', 'qkv_proj']);
  });

  test('layers that are not transformed are not asked for', () => {
    const adapted = adapt({ target_modules: ['q_proj', 'k_proj', 'v_proj'], layers_to_transform: [1] });
    expect(adapted.target_modules).toEqual(['qkv_proj']);
    expect(isTargeted(loraConfigOf(adapted), 'model.layers.0.self_attn.qkv_proj')).toBe(false);
  });

  test('rank-stabilized LoRA divides by the root', () => {
    expect(scalingOf(loraConfigOf(lora({ use_rslora: true })), 'm', 16).scaling).toBe(4);
  });
});

describe('refused', () => {
  test.each<[string, PeftConfig, RegExp]>([
    ['half of the fused linears', { target_modules: ['q_proj', 'v_proj'] }, /also model\.layers\.0\.self_attn\.k_proj/],
    ['half of them by a pattern', { target_modules: '.*\\.(gate)_proj' }, /also model\.layers\.0\.mlp\.up_proj/],
    ['a pattern that matches the fused name by chance', { target_modules: '.*up_proj' }, /also .*gate_proj/],
    [
      'half of them excluded',
      { target_modules: 'all-linear', exclude_modules: ['k_proj'] },
      /k_proj[^]*Take them out of exclude_modules/,
    ],
    ['half of them saved whole', { target_modules: ['o_proj'], modules_to_save: ['q_proj'] }, /saved whole/],
    [
      'different ranks',
      { target_modules: ['gate_proj', 'up_proj'], rank_pattern: { gate_proj: 4 } },
      /rank_pattern gives them different values[^]*4, 8/,
    ],
    [
      'names in different ways',
      { target_modules: ['q_proj', 'self_attn.k_proj', 'v_proj'] },
      /named in different ways/,
    ],
    ['another PEFT type', { peft_type: 'IA3', target_modules: ['q_proj'] }, /PEFT type IA3/],
    ['a field of another kind', { target_modules: 7 }, /target_modules/],
  ])('%s', (_what, fields, message) => {
    expect(refusal(() => adapt(fields))).toMatch(message);
  });
});

const PREFIXES = ['', 'self_attn.', 'model.layers.1.self_attn.'];
const MLP = ['', 'mlp.', 'layers.2.mlp.'];
const group = (prefix: string, names: readonly string[]): string[] => names.map((name) => `${prefix}${name}_proj`);
const attention = fc.constantFrom(...PREFIXES).map((prefix) => group(prefix, ['q', 'k', 'v']));
const mlp = fc.constantFrom(...MLP).map((prefix) => group(prefix, ['gate', 'up']));
const lists = fc
  .tuple(fc.option(attention), fc.option(mlp), fc.subarray(['o_proj', 'down_proj', 'lm_head']))
  .chain(([a, b, rest]) =>
    fc
      .shuffledSubarray([...(a ?? []), ...(b ?? []), ...rest], { minLength: 0 })
      .map(() => [...(a ?? []), ...(b ?? []), ...rest]),
  )
  .chain((all) => fc.shuffledSubarray(all, { minLength: all.length, maxLength: all.length }));
const patterns = fc.constantFrom(
  '.*_proj',
  '.*\\.(q|k|v|o)_proj',
  'model\\.layers\\.\\d+\\.mlp\\.(gate|up|down)_proj',
  '(?:model\\.layers\\.1\\..*)(?<!down)_proj',
  'all-linear',
  'ALL-LINEAR',
);
const configs = fc.record(
  {
    peft_type: fc.constant('LORA'),
    r: fc.integer({ min: 1, max: 64 }),
    target_modules: fc.oneof(lists, patterns, fc.constant(null)),
    lora_alpha: fc.integer({ min: 1, max: 64 }),
    exclude_modules: fc.oneof(lists, fc.constant(null)),
    rank_pattern: fc.oneof(
      fc.constant({}),
      fc
        .tuple(lists, fc.integer({ min: 1, max: 9 }))
        .map(([keys, r]) => Object.fromEntries(keys.map((key) => [key, r]))),
      fc.constant({ '(q|k|v)_proj': 4, 'layers\\.1\\.mlp\\.(gate|up)_proj': 2 }),
    ),
    modules_to_save: fc.oneof(fc.constant(null), fc.subarray(['lm_head', 'embed_tokens'])),
    layers_to_transform: fc.oneof(fc.constant(null), fc.constant(1), fc.subarray([0, 1, 2])),
    use_rslora: fc.boolean(),
    an_unknown_field: fc.anything({ withNullPrototype: false }),
  },
  { requiredKeys: ['peft_type', 'r', 'lora_alpha'] },
);

const sorted = (config: PeftConfig): PeftConfig => {
  const list = (value: unknown): unknown => (Array.isArray(value) ? [...(value as unknown[])].sort() : value);
  return { ...config, target_modules: list(config.target_modules), exclude_modules: list(config.exclude_modules) };
};

const LINEARS = [0, 1, 2].flatMap((layer) => [
  ...['q', 'k', 'v', 'o'].map((name) => `model.layers.${layer}.self_attn.${name}_proj`),
  ...['gate', 'up', 'down'].map((name) => `model.layers.${layer}.mlp.${name}_proj`),
]);

test('there and back every config is the same, applying twice changes nothing, and the fused linears mean their parts', () => {
  let translated = 0;
  fc.assert(
    fc.property(configs, (config) => {
      let adapted: PeftConfig;
      try {
        adapted = adaptPeftConfigForModel(model, config);
      } catch (error) {
        // Half-targeted linears, or ranks that differ.
        if (!isShardloomError(error, 'unsupported')) throw error;
        return;
      }
      translated++;
      expect(adaptPeftConfigForModel(model, adapted)).toEqual(adapted);
      expect(sorted(original(adapted))).toEqual(sorted(config));
      expect(Object.keys(adapted)).toEqual(Object.keys(config));
      const [before, after] = [loraConfigOf(config), loraConfigOf(adapted)];
      for (const name of LINEARS) {
        const neuron = name.replace(/(q|k|v)_proj$/, 'qkv_proj').replace(/(gate|up)_proj$/, 'gate_up_proj');
        expect(isTargeted(after, neuron)).toBe(isTargeted(before, name));
        if (isTargeted(before, name)) expect(scalingOf(after, neuron, 4)).toEqual(scalingOf(before, name, 4));
      }
    }),
    { numRuns: 250 },
  );
  expect(translated).toBeGreaterThan(100);
});
