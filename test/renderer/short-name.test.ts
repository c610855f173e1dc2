import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { longestOf, shortName, shortNames } from '../../renderer/components/short-name.ts';

const LORA = 'base_model.model.model.layers.10.self_attn.q_proj.lora_A.weight';

describe('a name in the room that there is', () => {
  test.each([
    [63, LORA],
    [62, 'layers.10.self_attn.q_proj.lora_A.weight'],
    [39, 'layers.10.self_attn.q_proj.lora_A'],
    [32, 'layers.10…q_proj.lora_A'],
    [22, '10…q_proj.lora_A'],
    [15, '10…lora_A'],
    [8, '10…ora_A'],
    [1, '10…A'],
  ])('%i characters', (room, short) => {
    expect(shortName(LORA, room)).toBe(short);
  });

  test.each([
    ['model.embed_tokens.weight', 20, 'embed_tokens.weight'],
    ['model.layers.0.post_attention_layernorm.weight', 20, '0…ttention_layernorm'],
    ['model.layers.3.mlp.experts.17.down_proj.weight', 30, 'layers.3…experts.17.down_proj'],
    ['model.layers.3.mlp.experts.17.down_proj.weight', 20, '3…17.down_proj'],
    ['lm_head.weight', 10, 'lm_head'],
    ['lm_head.weight', 5, '…head'],
    ['model.weight', 8, 'weight'],
    ['weight', 3, '…ht'],
  ])('%s in %i', (name, room, short) => {
    expect(shortName(name, room).length).toBeLessThanOrEqual(Math.max(room, short.length));
    expect(shortName(name, room)).toBe(short);
  });

  test('names that are shown together lose the same ends', () => {
    const longest = 'model.layers.0.mlp.gate_proj.weight';
    expect(shortName('model.norm.weight', 40, longest)).toBe('model.norm.weight');
    expect(shortName('model.norm.weight', 30, longest)).toBe('norm.weight');
    expect(shortName('model.norm.weight', 25, longest)).toBe('norm');
  });

  test('several share it', () => {
    const names = ['model.layers.0.a.weight', 'model.layers.0.b.weight'];
    expect(shortNames(names, 48)).toBe(names.join(', '));
    expect(shortNames(names, 40)).toBe('layers.0.a.weight, layers.0.b.weight');
    expect(shortNames(['model.norm.weight'], 30, LORA)).toBe('norm');
    expect(longestOf(names)).toBe(names[0]);
    expect(longestOf([])).toBe('');
  });
});

const PARTS = [
  'self_attn',
  'mlp',
  'q_proj',
  'lora_A',
  'experts',
  'base_layer',
  'weight',
  'weight_q',
  'original_module',
];

test('a layer’s number is never lost, and with any room for both neither is the room exceeded', () => {
  const name = fc
    .tuple(
      fc.constantFrom('', 'model.', 'base_model.model.model.'),
      fc.nat(999),
      fc.array(fc.constantFrom(...PARTS), { minLength: 1, maxLength: 5 }),
    )
    .map(([before, layer, parts]) => ({ layer, text: `${before}layers.${layer}.${parts.join('.')}` }));
  fc.assert(
    fc.property(name, fc.integer({ min: 5, max: 80 }), ({ layer, text }, room) => {
      const short = shortName(text, room);
      expect(short.length).toBeLessThanOrEqual(room);
      expect(short).toMatch(new RegExp(`(^|\\.)${layer}([.…]|$)`));
    }),
  );
});

test('in 20 characters all weights of a LoRA adapter are told apart', () => {
  const modules = ['self_attn.q_proj', 'self_attn.k_proj', 'self_attn.v_proj', 'self_attn.o_proj', 'mlp.gate_proj'];
  const names = Array.from({ length: 100 }, (_, layer) =>
    modules.flatMap((module) =>
      ['A', 'B'].map((letter) => `base_model.model.model.layers.${layer}.${module}.lora_${letter}.weight`),
    ),
  ).flat();
  expect(new Set(names.map((name) => shortName(name, 20))).size).toBe(names.length);
});
