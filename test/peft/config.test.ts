import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isShardloomError } from '../../src-core/errors.ts';
import { MAX_PATTERN_STEPS } from '../../src-core/limits.ts';
import { describeModel } from '../../src-core/models/family.ts';
import { adaptPeftConfigForModel, toOriginalPeftConfigForModel } from '../../src-core/peft/config-for-model.ts';
import { withAlternatives, withoutAdded, withoutAlternatives } from '../../src-core/specs/peft-config/alternatives.ts';
import { isTargeted, loraConfigOf, scalingOf } from '../../src-core/specs/peft-config/lora-config.ts';
import { ConfigPatterns } from '../../src-core/specs/peft-config/patterns.ts';
import type { PeftConfig } from '../../src-core/specs/peft-config/peft-config.ts';

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

const linearsOf = (layer: number): string[] => [
  ...['q', 'k', 'v', 'o'].map((part) => `model.layers.${layer}.self_attn.${part}_proj`),
  ...['gate', 'up', 'down'].map((part) => `model.layers.${layer}.mlp.${part}_proj`),
];

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

  test('keep flags for the whole pattern in front, where Python takes them, and a comment at the end ends there', () => {
    for (const target_modules of [
      '(?i)MODEL\\.layers\\.[01]\\.self_attn\\.(q|k|v|o)_proj',
      '(?i)(?x)model\\.layers\\.[01]\\.self_attn \\. (q|k|v)_proj # and no more',
    ]) {
      const adapted = adapt({ target_modules });
      expect(adapted.target_modules).toMatch(/^\(\?i\)(\(\?x\))?\(\?:/);
      const config = loraConfigOf(adapted);
      expect([0, 1, 2].map((n) => isTargeted(config, `model.layers.${n}.self_attn.qkv_proj`))).toEqual([
        true,
        true,
        false,
      ]);
      expect(isTargeted(config, fused)).toBe(true);
      expect(original(adapted).target_modules).toBe(target_modules);
      expect(adaptPeftConfigForModel(model, adapted)).toEqual(adapted);
    }
  });

  test('find the names that were added, whatever is in them', () => {
    const names = ['a.b', 'a|b)', 'back\\', 'space and #', '(?#original)|x'];
    const both = withAlternatives(withAlternatives('(?i)a|b', 'neuron', names), 'original', ['c', 'd']);
    for (const name of [...names, 'c', 'd']) {
      expect(withoutAdded(both).isAdded(name)).toBe(true);
      expect(new ConfigPatterns().matchesWhole(both, name)).toBe(true);
    }
    expect(withoutAdded(both).alone).toBe('(?i)a|b');
    expect(withoutAlternatives(withoutAlternatives(both, 'neuron', names), 'original', ['d', 'c'])).toBe('(?i)a|b');
  });

  test('that have no end or are none are refused by name', () => {
    const patterns = new ConfigPatterns();
    expect(refusal(() => patterns.matchesWhole('(a+)+$', `${'a'.repeat(40)}!`))).toMatch(
      /\(a\+\)\+\$[^]*takes too long/,
    );
    expect(refusal(() => new ConfigPatterns().matchesWhole('(unclosed', 'a'))).toMatch(/cannot be used[^]*missing \)/);
  });

  test('share one budget, and the one that took most of it is named, last or not', () => {
    const slow = (steps: number): string => `(?:[a-z._0-9]+){${steps}}x`;
    const rank_pattern = Object.fromEntries([
      ...Array.from({ length: 20 }, (_, n): [string, number] => [`${slow(4)}${n}`, 1]),
      [`${slow(5)}most`, 2],
      ...Array.from({ length: 300 }, (_, n): [string, number] => [`${slow(4)}${n}b`, 1]),
    ]);
    const before = process.cpuUsage();
    expect(refusal(() => adapt({ target_modules: ['gate_proj', 'up_proj'], rank_pattern }))).toMatch(/\{5\}xmost/);
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1e6).toBeLessThan(3);
  });

  test('of a config that names each linear of 80 layers are far from the limit', () => {
    const large = describeModel(
      'llama',
      { ...SIZES, numHiddenLayers: 80 },
      { tensorParallelSize: 4, pipelineParallelSize: 1, fuseQkv: true },
    );
    const names = Array.from({ length: 80 }, (_, layer) => linearsOf(layer)).flat();
    const all = Object.fromEntries(names.map((name) => [name, 4]));
    for (const target_modules of [names, names.map((name) => name.replaceAll('.', '\\.')).join('|')]) {
      const config = lora({ target_modules, rank_pattern: all, alpha_pattern: all, modules_to_save: ['lm_head'] });
      const read = loraConfigOf(config, new ConfigPatterns(MAX_PATTERN_STEPS / 2));
      expect(Object.keys(adaptPeftConfigForModel(large, config).rank_pattern as object)).toHaveLength(320);
      for (const name of names) expect(scalingOf(read, name, 4).alpha).toBe(4);
    }
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

  test('in a later layer are taken and refused as in the first', () => {
    const target_modules = ['q_proj', 'k_proj', 'v_proj', 'gate_proj', 'up_proj'];
    for (const layer of [0, 1, 2]) {
      for (const field of ['rank_pattern', 'alpha_pattern']) {
        for (const key of [`layers.${layer}.self_attn.k_proj`, `layers\\.${layer}\\.mlp\\.(gate)_proj`]) {
          const message = refusal(() => adapt({ target_modules, [field]: { [key]: 4 } }));
          expect(message).toContain(`${field} gives them different values`);
          expect(message).toContain(`model.layers.${layer}.`);
        }
        const parts = ['q', 'k', 'v'].map((part): [string, number] => [`layers.${layer}.self_attn.${part}_proj`, 4]);
        const adapted = adapt({ target_modules, [field]: Object.fromEntries(parts) });
        expect(adapted[field]).toEqual({ [`layers.${layer}.self_attn.qkv_proj`]: 4 });
        expect(adaptPeftConfigForModel(model, adapted)).toEqual(adapted);
      }
    }
  });

  test('that an earlier key decides on already are no matter', () => {
    const rank_pattern = { q_proj: 4, k_proj: 4, v_proj: 4, 'layers.1.self_attn.q_proj': 2 };
    const adapted = adapt({ target_modules: ['q_proj', 'k_proj', 'v_proj'], rank_pattern });
    expect(adapted.rank_pattern).toEqual({ qkv_proj: 4, 'layers.1.self_attn.q_proj': 2 });
    expect(adaptPeftConfigForModel(model, adapted)).toEqual(adapted);
  });

  test('modules below those that are saved whole have no LoRA', () => {
    const config = loraConfigOf(lora({ target_modules: 'all-linear', modules_to_save: ['layers.1.mlp', 'o_proj'] }));
    const targeted = [0, 1].map((layer) => linearsOf(layer).filter((name) => isTargeted(config, name)));
    expect(targeted.map((names) => names.map((name) => name.slice(name.lastIndexOf('.') + 1)))).toEqual([
      ['q_proj', 'k_proj', 'v_proj', 'gate_proj', 'up_proj', 'down_proj'],
      ['q_proj', 'k_proj', 'v_proj'],
    ]);
    // No LoRA in layer 1: what its linears would have is no contradiction.
    const fields = { target_modules: ['gate_proj', 'up_proj'], modules_to_save: ['layers.1.mlp'] };
    expect(adapt({ ...fields, rank_pattern: { 'layers.1.mlp.up_proj': 2 } }).target_modules).toEqual(['gate_up_proj']);
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
    [
      'one of them named twice, in different ways',
      { target_modules: ['mlp.gate_proj', 'gate_proj', 'up_proj'] },
      /named in different ways/,
    ],
    [
      'a rank that is said in different ways',
      { target_modules: '.*_proj', rank_pattern: { q_proj: 4, k_proj: 4, v_proj: 4, 'self_attn.q_proj': 2 } },
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

const LINEARS = [0, 1, 2].flatMap(linearsOf);

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
