import { describe, expect, test } from 'vitest';
import { adapterDetail, updateNorms } from '../../src-core/inspect/adapter.ts';
import { gramOfRows } from '../../src-core/execute/gram.ts';
import { partsOf, type CheckpointPart } from '../../src-core/inspect/parts.ts';
import { openCheckpoint } from '../../src-core/models/open-checkpoint.ts';
import { readViews } from '../../src-core/execute/view-reader.ts';
import { makeSample } from '../../src-core/sample/sample.ts';
import { castBetween } from '../../src-core/tensor/cast.ts';
import { elementCount } from '../../src-core/tensor/shape.ts';
import type { View } from '../../src-core/tensor/view.ts';
import { temporaryFolder } from '../support/folders.ts';

async function adapterPart(): Promise<CheckpointPart> {
  const { checkpoint } = await makeSample(temporaryFolder(), { loraRank: 5, workers: 0 });
  return partsOf(openCheckpoint(checkpoint)).find(({ name }) => name === 'adapter:default')!;
}

function values(view: View): Float64Array {
  const [bytes] = readViews([view]) as [Uint8Array];
  const wide = new Float64Array(elementCount(view.shape));
  castBetween(view.dtype, 'F64')(new DataView(bytes.buffer, bytes.byteOffset), new DataView(wide.buffer), wide.length);
  return wide;
}

describe('an adapter', () => {
  test('is described by its config and its shards: modules, what is shared, what training calls it', async () => {
    const detail = adapterDetail(await adapterPart());
    expect(detail).toMatchObject({ name: 'default', others: [], problem: null });
    expect(detail.modules).toHaveLength(4 * 7);
    expect(detail.modules.find(({ module }) => module === 'model.layers.2.self_attn.k_proj')).toEqual({
      module: 'model.layers.2.self_attn.k_proj',
      layer: 2,
      kind: 'k_proj',
      rank: 5,
      alpha: 10,
      scaling: 2,
      sharedLoraA: 'base_model.model.model.layers.2.self_attn.qkv_proj.lora_A.weight',
    });
    expect(detail.modules.find(({ kind }) => kind === 'o_proj')!.sharedLoraA).toBeNull();
    expect(detail.neuron!.target_modules).toEqual(['qkv_proj', 'o_proj', 'gate_up_proj', 'down_proj']);
    expect(detail.original!.target_modules).toHaveLength(7);
  });

  test('moves each weight by the norm of its product', async () => {
    const part = await adapterPart();
    const norms = await updateNorms(part);
    expect(norms).toHaveLength(28);
    for (const { module, norm } of norms.slice(0, 8)) {
      const [a, b] = ['A', 'B'].map(
        (which) => part.weights!.get(`base_model.model.${module}.lora_${which}.weight`)!.view,
      );
      const [rank, columns] = a!.shape as [number, number];
      const rows = b!.shape[0]!;
      const [left, right] = [values(b!), values(a!)];
      let sum = 0;
      for (let i = 0; i < rows; i++) {
        for (let j = 0; j < columns; j++) {
          let product = 0;
          for (let k = 0; k < rank; k++) product += left[i * rank + k]! * right[k * columns + j]!;
          sum += (2 * product) ** 2;
        }
      }
      expect(norm! / Math.sqrt(sum)).toBeCloseTo(1, 12);
    }
  });

  test('norms end when they are not wanted any more; a model is no adapter', async () => {
    const part = await adapterPart();
    const signal = AbortSignal.abort();
    await expect(updateNorms(part, { signal })).rejects.toMatchObject({ tag: 'cancelled' });
    const { adapterName: _, ...model } = part.state;
    expect(() => adapterDetail({ ...part, state: model })).toThrow(/no adapter/);
  });
});

test('products of rows, for counts that do not fill the lanes', () => {
  for (const count of [1, 3, 4, 6]) {
    const at = (i: number, k: number): number => (i + 1) * 10 + k;
    const gram = gramOfRows(count, 3, at);
    for (let i = 0; i < count; i++) {
      for (let j = 0; j < count; j++) {
        expect(gram[i * count + j]).toBe([0, 1, 2].reduce((sum, k) => sum + at(i, k) * at(j, k), 0));
      }
    }
  }
});
