import { describe, expect, test } from 'vitest';
import {
  plainJsonOf,
  singleTensorOf,
  stateDictOf,
  tensorInfoOf,
  type PickleKey,
  type PickleValue,
} from '../../../src-core/formats/torch/index.ts';
import { MAX_NAME_LENGTH } from '../../../src-core/limits.ts';
import { golden, read, refusal } from './support.ts';

const TENSOR = {
  kind: 'tensor',
  dtype: 'F32',
  shape: [2],
  strides: [1],
  byteOffset: 64,
  storageKey: '0',
  storageBytes: 8,
} as const;
const REFERENCE = { kind: 'tensor-reference', tid: 3 } as const;
const BF16 = { kind: 'dtype', name: 'bfloat16', dtype: 'BF16' } as const;

function dict(entries: Record<string, PickleValue>): Map<PickleKey, PickleValue> {
  return new Map(Object.entries(entries));
}

describe('stateDictOf', () => {
  const weights: readonly (readonly [string, PickleValue])[] = [
    ['b.weight', TENSOR],
    ['a.weight', REFERENCE],
  ];

  test('the top dict, in its order', () => {
    expect([...stateDictOf(new Map<PickleKey, PickleValue>(weights), 'file.pt')]).toEqual(weights);
  });

  test('tensors on the meta device have a shape and no data', () => {
    const saved = stateDictOf(read(golden('meta.pt')), 'meta.pt');
    expect([...saved].map(([name, { kind }]) => [name, kind])).toEqual([
      ['own', 'tensor'],
      ['meta', 'meta-tensor'],
      ['parameter', 'meta-tensor'],
    ]);
    expect(saved.get('meta')).toEqual({ kind: 'meta-tensor', shape: [2, 3] });
  });

  test.each(['model', 'state_dict'])('the dict under "%s"', (name) => {
    const value = dict({ [name]: new Map(weights), optimizer: dict({ state: [] }), epoch: 3 });
    expect([...stateDictOf(value, 'file.pt')]).toEqual(weights);
  });

  test('"model" goes before "state_dict"', () => {
    const value = dict({ state_dict: dict({ x: TENSOR }), model: new Map(weights) });
    expect([...stateDictOf(value, 'file.pt')]).toEqual(weights);
  });

  test('a tensor that is called "model"', () => {
    expect([...stateDictOf(dict({ model: TENSOR }), 'file.pt').keys()]).toEqual(['model']);
  });

  test('an empty dict, which a stage without adapter weights saves', () => {
    expect(stateDictOf(dict({}), 'file.pt').size).toBe(0);
    expect(stateDictOf(dict({ model: dict({}) }), 'file.pt').size).toBe(0);
  });

  test('numbers, texts and None among the weights are passed over', () => {
    const value = dict({ a: TENSOR, epoch: 3, note: 'text', none: null, flag: true, big: 2n ** 60n });
    expect([...stateDictOf(value, 'file.pt').keys()]).toEqual(['a']);
  });

  test.each<[string, PickleValue]>([
    ['a dict', dict({ x: TENSOR })],
    ['a list', [TENSOR]],
    ['a dtype', BF16],
  ])('%s among the weights is not: weights could be lost', (_, value) => {
    expect(refusal('unsupported', () => stateDictOf(dict({ a: TENSOR, extra: value }), 'file.pt')).tensor).toBe(
      'extra',
    );
  });

  test('a nested dict beside tensors is not passed over even when it is called "model"', () => {
    refusal('unsupported', () => stateDictOf(dict({ a: TENSOR, model: dict({ x: TENSOR }) }), 'file.pt'));
  });

  test.each<[string, PickleValue]>([
    ['nothing', null],
    ['a number', 3],
    ['a tensor', TENSOR],
    ['a list of tensors', [TENSOR]],
    ['a dict of numbers', dict({ epoch: 3 })],
  ])('refuses a file that holds %s', (_, value) => {
    refusal('missing-tensor', () => stateDictOf(value, 'file.pt'));
  });

  test('refuses weights without a name, and names of several thousand characters', () => {
    refusal('bad-pickle', () => stateDictOf(new Map<PickleKey, PickleValue>([[1, TENSOR]]), 'file.pt'));
    refusal('bad-pickle', () => stateDictOf(dict({ '': TENSOR }), 'file.pt'));
    refusal('over-limit', () => stateDictOf(dict({ ['a'.repeat(MAX_NAME_LENGTH + 1)]: TENSOR }), 'file.pt'));
  });

  test('refuses a dict that contains itself, and does not hang', () => {
    const value = dict({ a: TENSOR });
    value.set('self', value);
    refusal('unsupported', () => stateDictOf(value, 'file.pt'));
    const model = dict({});
    model.set('model', model);
    refusal('unsupported', () => stateDictOf(model, 'file.pt'));
  });

  test('the state dict of a module as PyTorch wrote it', () => {
    expect([...stateDictOf(read(golden('state-dict.pt')), 'file.pt').keys()]).toEqual([
      ...['0.weight', '0.bias', '1.weight', '1.bias', '1.running_mean', '1.running_var', '1.num_batches_tracked'],
    ]);
  });
});

describe('singleTensorOf', () => {
  test('the tensor', () => {
    expect(singleTensorOf(TENSOR, 'file.pt')).toBe(TENSOR);
  });

  test.each<[string, PickleValue]>([
    ['a dict', dict({ a: TENSOR })],
    ['a reference', REFERENCE],
    ['None', null],
  ])('refuses %s', (_, value) => {
    refusal('missing-tensor', () => singleTensorOf(value, 'file.pt'));
  });
});

describe('tensorInfoOf', () => {
  const entry = (fields: Record<string, PickleValue> = {}) =>
    dict({ dtype: BF16, shape: [2, 3], expert_model_parallel: true, ...fields });
  const info = (value: PickleValue) => new Map<PickleKey, PickleValue>([[5, value]]);

  test('by tensor number', () => {
    expect(tensorInfoOf(info(entry()), 'file.pt')).toEqual(
      new Map([[5, { dtype: 'BF16', shape: [2, 3], expertModelParallel: true }]]),
    );
  });

  test('without expert_model_parallel', () => {
    const value = dict({ dtype: BF16, shape: [] });
    expect(tensorInfoOf(info(value), 'file.pt').get(5)).toEqual({
      dtype: 'BF16',
      shape: [],
      expertModelParallel: false,
    });
  });

  test.each<[string, PickleValue]>([
    ['a list', []],
    ['an entry that is no dict', info([])],
    ['a name for a number', dict({ a: entry() })],
    ['a negative number', new Map<PickleKey, PickleValue>([[-1, entry()]])],
    ['half a number', new Map<PickleKey, PickleValue>([[0.5, entry()]])],
    ['no dtype', info(dict({ shape: [1] }))],
    ['a dtype by name', info(entry({ dtype: 'torch.bfloat16' }))],
    ['no shape', info(dict({ dtype: BF16 }))],
    ['a negative size', info(entry({ shape: [-1] }))],
    ['a shape above 2^53', info(entry({ shape: [2 ** 40, 2 ** 40] }))],
    ['65 axes', info(entry({ shape: Array<number>(65).fill(1) }))],
    ['a text for expert_model_parallel', info(entry({ expert_model_parallel: 'yes' }))],
  ])('refuses %s', (_, value) => {
    refusal('bad-pickle', () => tensorInfoOf(value, 'file.pt'));
  });

  test('refuses types that are none of ours', () => {
    const dtype = { kind: 'dtype', name: 'complex128', dtype: null } as const;
    expect(refusal('unsupported', () => tensorInfoOf(info(entry({ dtype })), 'file.pt')).found).toContain('complex128');
  });
});

describe('plainJsonOf', () => {
  test('metadata as PyTorch wrote it', () => {
    expect(plainJsonOf(read(golden('metadata.pt')), 'file.pt')).toEqual({
      parameters: { 'a.weight': { tensor_model_parallel: true, partition_dim: 0, big: 2 ** 40, minus: -5 } },
      list: [1, 2.5, 'text', null, true, [1, 2]],
    });
  });

  test('keys become texts as json.dump writes them', () => {
    const value = new Map<PickleKey, PickleValue>([
      [1, 'a'],
      [null, 'b'],
      [true, 'c'],
    ]);
    expect(plainJsonOf(value, 'file.pt')).toEqual({ 1: 'a', null: 'b', true: 'c' });
  });

  test('no key reaches a prototype', () => {
    const value = dict({});
    value.set('__proto__', dict({ polluted: true }));
    const plain = plainJsonOf(value, 'file.pt') as Record<string, unknown>;
    expect(Object.keys(plain)).toEqual(['__proto__']);
    expect(Object.getPrototypeOf(plain)).toBe(Object.prototype);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  test('two keys that read the same are refused', () => {
    const value = new Map<PickleKey, PickleValue>([
      [1, 'a'],
      ['1', 'b'],
    ]);
    refusal('bad-metadata', () => plainJsonOf(value, 'file.pt'));
  });

  test('element types are their names', () => {
    expect(plainJsonOf([BF16], 'file.pt')).toEqual(['torch.bfloat16']);
  });

  test.each<[string, PickleValue]>([
    ['a tensor', TENSOR],
    ['a reference', [REFERENCE]],
    ['a number above 2^53', 2n ** 60n],
  ])('refuses %s', (_, value) => {
    refusal('bad-metadata', () => plainJsonOf(value, 'file.pt'));
  });

  test('what contains itself is refused and does not hang', () => {
    const list: PickleValue[] = [];
    list.push(list);
    refusal('over-limit', () => plainJsonOf(list, 'file.pt'));
    const value = dict({});
    value.set('self', value);
    refusal('over-limit', () => plainJsonOf(value, 'file.pt'));
  });

  test('billion laughs are refused and do not take the memory', () => {
    let value: PickleValue = 'lol';
    for (let level = 0; level < 40; level++) value = Array<PickleValue>(10).fill(value);
    refusal('over-limit', () => plainJsonOf(value, 'file.pt'));
  });
});
