import fc from 'fast-check';
import { expect, test } from 'vitest';
import { isTargeted, loraConfigOf, scalingOf } from '../../src-core/specs/peft-config/lora-config.ts';
import { checkTargetModuleExists, getPatternKey } from '../oracle/peft.ts';

const LEAVES = ['q_proj', 'kq_proj', 'up_proj', 'gate_up_proj', 'lm_head', 'proj'];
const BLOCKS = ['mlp', 'self_attn', 'experts.3', 'mlp.x'];

const layer = fc.integer({ min: 0, max: 12 });
const leaf = fc.constantFrom(...LEAVES);
const block = fc.constantFrom(...BLOCKS);
const stack = fc.constantFrom('layers', 'h', 'blocks');
const module = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(stack, layer, block, leaf).map(([s, n, b, l]) => `model.${s}.${n}.${b}.${l}`) },
  { weight: 1, arbitrary: leaf },
  { weight: 1, arbitrary: fc.tuple(stack, layer, leaf).map(([s, n, l]) => `${s}.${n}.${l}`) },
);
/** Names as configs have them: whole, or their ends, at a module boundary or not. */
const name = fc.oneof(
  leaf,
  block,
  module,
  fc.tuple(module, fc.nat(30)).map(([whole, from]) => whole.slice(Math.min(from, whole.length - 1))),
);
const piece = fc.oneof(
  leaf,
  stack,
  fc.constantFrom(
    '.*',
    '\\.',
    '.',
    '\\d+',
    '[0-3]',
    '\\d{1,2}',
    '[^.]*',
    'model',
    'mlp',
    '(?:mlp|self_attn)',
    '(?<!kq)_proj',
    '\\w+?',
    'q?',
  ),
);
const pattern = fc.oneof(
  fc.array(piece, { minLength: 1, maxLength: 5 }).map((pieces) => pieces.join('')),
  fc.tuple(stack, leaf).map(([s, l]) => `model\\.${s}\\.\\d+\\..*\\.${l}`),
  fc.array(leaf, { minLength: 1, maxLength: 3 }).map((leaves) => `.*\\.(${leaves.join('|')})`),
);
const names = fc.array(name, { maxLength: 3 });
const none = fc.constant(null);
const numbers = fc.dictionary(fc.oneof(name, pattern), fc.integer({ min: 1, max: 64 }), {
  maxKeys: 4,
  noNullPrototype: true,
});

const configs = fc.record({
  target_modules: fc.oneof(fc.array(name, { minLength: 1, maxLength: 4 }), pattern),
  exclude_modules: fc.oneof(none, none, names, pattern),
  modules_to_save: fc.oneof(none, none, names),
  layers_to_transform: fc.oneof(none, layer, fc.array(layer, { maxLength: 6 })),
  layers_pattern: fc.oneof(
    none,
    stack,
    fc.constant(''),
    fc.array(fc.oneof(stack, fc.constant('(?:layers|h)')), { maxLength: 2 }),
  ),
  alpha_pattern: numbers,
});

test('a config of any shape targets the modules, with the alphas, that peft gives it', () => {
  const counts = { targeted: 0, patterned: 0 };
  fc.assert(
    fc.property(configs, fc.array(module, { minLength: 4, maxLength: 12 }), (config, modules) => {
      const read = loraConfigOf({ peft_type: 'LORA', r: 8, lora_alpha: 99, ...config });
      for (const one of modules) {
        const targeted = checkTargetModuleExists(config, one);
        expect(isTargeted(read, one), one).toBe(targeted);
        const alpha = config.alpha_pattern[getPatternKey(Object.keys(config.alpha_pattern), one)] ?? 99;
        expect(scalingOf(read, one, 4).alpha, one).toBe(alpha);
        counts.targeted += Number(targeted);
        counts.patterned += Number(alpha !== 99);
      }
    }),
    { numRuns: 1500 },
  );
  expect(Math.min(counts.targeted, counts.patterned)).toBeGreaterThan(500);
});
