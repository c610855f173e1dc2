import { describe, expect, test } from 'vitest';
import {
  belongsToAdapter,
  getAdapterName,
  isBaseLayer,
  removeAdapterName,
} from '../../src-core/specs/adapter-names.ts';

const MODULE = 'base_model.model.model.layers.0.self_attn.qkv_proj';

describe('adapter names', () => {
  test.each([
    [`${MODULE}.lora_A.default.weight`, `${MODULE}.lora_A.weight`, 'default'],
    [`${MODULE}.lora_B.default.weight_qkv`, `${MODULE}.lora_B.weight_qkv`, 'default'],
    [`${MODULE}.lora_B.my-adapter.weight_q`, `${MODULE}.lora_B.weight_q`, 'my-adapter'],
    [`${MODULE}.lora_A.v1.0.weight`, `${MODULE}.lora_A.weight`, 'v1.0'],
    [`${MODULE}.lora_B.default.bias`, `${MODULE}.lora_B.bias`, 'default'],
    [`m.embed_tokens.lora_embedding_A.default`, `m.embed_tokens.lora_embedding_A`, 'default'],
    [`${MODULE}.lora_magnitude_vector.default.weight`, `${MODULE}.lora_magnitude_vector.weight`, 'default'],
    [`m.lm_head.modules_to_save.default.weight`, `m.lm_head.weight`, 'default'],
    [`${MODULE}.base_layer.weight_q`, `${MODULE}.base_layer.weight_q`, null],
    [`${MODULE}.lora_A.weight.weight`, `${MODULE}.lora_A.weight`, 'weight'],
  ])('%s', (name, saved, adapter) => {
    expect(getAdapterName(name)).toBe(adapter);
    expect(removeAdapterName(name)).toBe(saved);
    if (adapter !== null) expect(removeAdapterName(name, adapter)).toBe(saved);
  });

  test('removing a name twice changes nothing more (the reference takes "weight" for an adapter)', () => {
    for (const name of [
      `${MODULE}.lora_A.weight`,
      `${MODULE}.lora_B.weight_qkv`,
      'm.embed.lora_embedding_A',
      'm.norm.weight',
    ]) {
      expect(removeAdapterName(name)).toBe(name);
      expect(getAdapterName(name)).toBeNull();
    }
  });

  test('a known adapter is compared whole, segment by segment', () => {
    expect(belongsToAdapter(`${MODULE}.lora_A.default.weight`, 'default')).toBe(true);
    expect(belongsToAdapter(`${MODULE}.lora_A.default2.weight`, 'default')).toBe(false);
    expect(belongsToAdapter(`${MODULE}.lora_A.v1.0.weight`, 'v1')).toBe(true);
    expect(removeAdapterName(`${MODULE}.lora_A.test.weight`, 'default')).toBe(`${MODULE}.lora_A.test.weight`);
  });

  test('a module whose name contains another is left alone', () => {
    expect(removeAdapterName('my_lora_A_tower.lora_A.default.weight')).toBe('my_lora_A_tower.lora_A.weight');
    expect(isBaseLayer('m.base_layers.0.weight')).toBe(false);
    expect(isBaseLayer('m.q_proj.base_layer.weight')).toBe(true);
  });
});
