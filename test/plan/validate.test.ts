import { describe, expect, test } from 'vitest';
import type { Plan, PlanTensor } from '../../src-core/plan/plan.ts';
import { validatePlan } from '../../src-core/plan/validate.ts';

const region = { source: 0, from: [0, 0], at: [0, 0], size: [4, 4] };
const tensor: PlanTensor = {
  name: 'w',
  dtype: 'F32',
  sourceDtype: 'F32',
  shape: [4, 4],
  at: 8,
  byteLength: 64,
  regions: [region],
  copies: [{ label: 'rank 1', mustAgree: false, regions: [{ ...region, source: 1 }] }],
  transformation: 'copied',
  from: ['w'],
};

/** A plan that holds, with one thing changed. */
function planWith(change: { tensor?: Partial<PlanTensor>; plan?: Partial<Plan> } = {}): Plan {
  const source = { name: 'w', file: 0, byteOffset: 0, dtype: 'F32' as const, shape: [4, 4], strides: [4, 1] };
  return {
    files: [{ path: 'a.pt', size: 128, mtimeMs: 0 }],
    sources: [source, { ...source, byteOffset: 64 }],
    outputs: [
      {
        path: 'model.safetensors',
        format: 'safetensors',
        size: 72,
        pieces: [{ at: 0, bytes: new Uint8Array(8) }],
        tensors: [{ ...tensor, ...change.tensor }],
      },
    ],
    texts: [{ path: 'model.safetensors.index.json', text: '' }],
    sidecars: [],
    ...change.plan,
  };
}

const half = { ...region, size: [2, 4] };
const lower = { source: 0, from: [2, 0], at: [2, 0], size: [2, 4] };

describe('a plan is proved before it is run', () => {
  test('one that holds passes', () => {
    expect(() => validatePlan(planWith())).not.toThrow();
    expect(() => validatePlan(planWith({ tensor: { regions: [half, lower] } }))).not.toThrow();
  });

  test.each<[string, Parameters<typeof planWith>[0], RegExp]>([
    ['a gap', { tensor: { regions: [half] } }, /exactly one place/],
    ['an overlap', { tensor: { regions: [region, half] } }, /exactly one place/],
    ['a gap that an overlap makes up for', { tensor: { regions: [half, half] } }, /exactly one place/],
    [
      'a gap in a copy',
      { tensor: { copies: [{ label: 'c', mustAgree: false, regions: [half] }] } },
      /exactly one place/,
    ],
    ['a box outside the source', { tensor: { regions: [half, { ...lower, from: [3, 0] }] } }, /outside its source/],
    [
      'a box outside the tensor',
      { tensor: { regions: [half, { ...lower, at: [3, 0] }] } },
      /outside its source or its tensor/,
    ],
    ['a negative position', { tensor: { regions: [{ ...region, from: [-1, 0] }] } }, /outside/],
    ['an unknown source', { tensor: { regions: [{ ...region, source: 7 }] } }, /source of another kind/],
    ['a source of another dtype', { tensor: { sourceDtype: 'BF16' } }, /source of another kind/],
    ['a length that the shape does not have', { tensor: { byteLength: 60 } }, /another length/],
    ['a tensor behind the end', { tensor: { at: 16 } }, /outside its file/],
    ['a tensor on the header', { tensor: { at: 4 } }, /same place/],
    ['an impossible shape', { tensor: { shape: [4, 2 ** 52] } }, /impossible shape/],
    [
      'a source behind the end of its file',
      { plan: { files: [{ path: 'a.pt', size: 127, mtimeMs: 0 }] } },
      /outside its file a\.pt/,
    ],
    ['a path out of the folder', { plan: { texts: [{ path: '../config.json', text: '' }] } }, /leads out/],
    ['an absolute path', { plan: { texts: [{ path: '/etc/config.json', text: '' }] } }, /leads out/],
    ['a path twice', { plan: { texts: [{ path: 'model.safetensors', text: '' }] } }, /same path/],
  ])('%s', (_, change, message) => {
    expect(() => validatePlan(planWith(change))).toThrow(message);
  });
});
