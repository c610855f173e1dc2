import { describe, expect, test } from 'vitest';
import { rangeText } from '../../renderer/components/range-text.ts';
import {
  axisNames,
  copyText,
  counterparts,
  differingTensors,
  headText,
  heldText,
} from '../../renderer/layout/blocks.ts';
import { categoryOf, colouringsOf, legendOf, partsInside, shortName } from '../../renderer/layout/colours.ts';
import { captionSize, rankName, tickStep } from '../../renderer/layout/label-sizes.ts';
import { kindOf, layerOf } from '../../renderer/components/layer-of.ts';
import { layerMapOf } from '../../renderer/values/layer-map.ts';
import { answerOf, differencesText } from '../../renderer/replicas/words.ts';
import { colourOf, HEAT_COLOURS, limitOf, pixelsOf } from '../../renderer/values/heat-colours.ts';
import { exactValue, moveCell, shortValue, windowAt, windowWith } from '../../renderer/values/window.ts';
import { cellSpan, panned, wholeSlice, zoomed } from '../../renderer/values/zoom.ts';
import type { LayoutBlock, ParameterLayout, Replica, ReplicaCheck } from '../../src-core/index.ts';

const block = (tensor: number, row: number, changes: Partial<LayoutBlock> = {}): LayoutBlock => ({
  tensor,
  from: [0, 0],
  at: [row, 0],
  size: [4, 8],
  copy: 0,
  head: null,
  kvHead: null,
  kvReplica: null,
  ...changes,
});

const tensor = (tp: number): ParameterLayout['tensors'][number] => ({
  name: 'qkv',
  file: `rank-${tp}.pt`,
  byteOffset: 0,
  dtype: 'BF16',
  shape: [4, 8],
  strides: [8, 1],
  rank: { tp, pp: 0 },
});

const LAYOUT: ParameterLayout = {
  row: {
    part: 'model',
    name: 'layers.0.k_proj.weight',
    shape: [8, 8],
    dtype: 'BF16',
    bytes: 128,
    stage: 0,
    from: ['qkv'],
    transformation: 'KV replica taken',
    spec: null,
    dim: 0,
    ranks: 2,
    copies: 1,
  },
  tensors: [tensor(0), tensor(1), tensor(2), tensor(3)],
  words: ['', '', '', ''],
  blocks: [
    block(0, 0, { kvHead: 0, kvReplica: 0 }),
    block(1, 4, { kvHead: 1, kvReplica: 0 }),
    block(2, 0, { copy: 1, kvHead: 0, kvReplica: 1 }),
    block(3, 4, { copy: 1, kvHead: 1, kvReplica: 1 }),
  ],
  blockCount: 4,
  others: [],
  heads: { kind: 'kv', axis: 0, headDim: 4, numAttentionHeads: 4, numKeyValueHeads: 2, kvSizeMultiplier: 2 },
  copies: 2,
};

describe('regions of a layout', () => {
  test('stand out with their copies', () => {
    expect(counterparts(LAYOUT.blocks, 1)).toEqual([1, 3]);
    expect(counterparts(LAYOUT.blocks, 2)).toEqual([0, 2]);
    expect(counterparts(LAYOUT.blocks, 99)).toEqual([]);
  });

  test('are told in words', () => {
    expect(axisNames(1)).toEqual(['Elements']);
    expect(axisNames(3)).toEqual(['Dim 0', 'Rows', 'Columns']);
    expect([rangeText(96, 32), rangeText(7, 1)]).toEqual(['96–127', '7']);
    expect(headText(LAYOUT.blocks[3]!, LAYOUT)).toBe('KV head 1');
    expect(headText(block(0, 0, { head: 6, kvHead: 1, kvReplica: 1 }), LAYOUT)).toBe('query head 6 (uses KV head 1)');
    expect([copyText(0, 1), copyText(0, 2), copyText(1, 2)]).toEqual(['', 'taken', 'copy 1 of 1']);
    expect(heldText(LAYOUT.row)).toBe('2 ranks hold what is taken; 2 more hold the same heads again (×2).');
    expect(heldText({ ...LAYOUT.row, ranks: 1, transformation: 'copied' })).toBe(
      '1 rank holds what is taken; 1 more holds the same again (×2).',
    );
    expect(heldText({ ...LAYOUT.row, copies: 0 })).toBe('Read from 2 ranks.');
  });

  test('labels are as large as their box has room for, or none', () => {
    const box = (width: number, height: number) => ({ x: 0, y: 0, width, height });
    expect(captionSize(box(100, 40), 'KV 3')).toBe(11);
    expect(captionSize(box(12, 60), '31')).toBeCloseTo(7.7, 1);
    expect(captionSize(box(100, 9.4), '31')).toBeCloseTo(8.4);
    expect([captionSize(box(100, 8), '31'), captionSize(box(9.4, 100), '31')]).toEqual([null, null]);
  });

  test('columns that are too narrow for their names share an axis', () => {
    const bands = (count: number, width: number) =>
      Array.from({ length: count }, (_, index) => ({
        rect: { x: index * width, y: 0, width, height: 300 },
        text: `TP ${index}`,
      }));
    expect(tickStep(bands(8, 60))).toBeNull();
    expect(tickStep(bands(32, 9.4))).toBe(4);
    expect(tickStep(bands(32, 9.4).map(({ rect, text }) => ({ rect: { ...rect, y: rect.x, x: 0 }, text })))).toBeNull();
  });

  test('ranks are named as fully as there is room', () => {
    const ranks = Array.from({ length: 32 }, (_, rank) => rank);
    const named = (labelRoom: number) => [0, 1, 31].map((rank) => rankName(ranks, rank, { labelRoom, columns: 8 }));
    expect(named(36)).toEqual(['TP 0', 'TP 1', 'TP 31']);
    expect(named(16)).toEqual(['0', '1', '31']);
    expect(named(10)).toEqual(['TP 0–7', null, null]);
  });

  test('copies that differ are found by file and name', () => {
    const place = { rank: { tp: 3, pp: 0 }, file: 'rank-3.pt', tensor: 'qkv', elements: 2, maxAbs: 0.5 };
    const replica: Replica = {
      part: 'model',
      name: LAYOUT.row.name,
      from: ['qkv'],
      kind: 'KV replicas',
      copies: 1,
      differences: [{ label: 'KV replica 1', places: [place] }],
    };
    const check: ReplicaCheck = {
      replicas: [replica],
      compared: 1,
      different: 1,
      bytes: 1,
      seconds: 1,
      kvPlacements: [],
      findings: [],
    };
    expect([...differingTensors(LAYOUT, check)]).toEqual([[3, '2 elements differ, by at most 0.5']]);
    expect(differingTensors(LAYOUT, null).size).toBe(0);
    expect(answerOf(check)).toBe('1 copy differs, on TP rank 3. 1 parameter with 1 copy were compared.');
    expect(answerOf({ ...check, different: 0 })).toMatch(/all equal what consolidation takes, byte for byte/);
    expect(differencesText(replica)).toBe('TP 3: 2 elements, by at most 0.5');
    const nan = { ...replica, differences: [{ label: '', places: [{ ...place, maxAbs: null }] }] };
    expect(differencesText(nan)).toMatch(/a NaN against a number/);
  });
});

describe('colours of a layout', () => {
  test('are offered where they say something', () => {
    expect(colouringsOf(LAYOUT)).toEqual(['kv', 'rank']);
    expect(colouringsOf({ heads: { ...LAYOUT.heads!, kind: 'query' }, others: [] })).toEqual(['kv', 'head', 'rank']);
    const others = [{ tensor: 0, from: [4, 0], size: [4, 8], name: 'layers.0.up_proj.weight' }];
    expect(colouringsOf({ heads: null, others })).toEqual(['part', 'rank']);
  });

  test('the same thing has the same colour in the picture and in the legend', () => {
    expect(LAYOUT.blocks.map((one) => categoryOf(one, LAYOUT, 'kv', []))).toEqual([1, 2, 1, 2]);
    expect(LAYOUT.blocks.map((one) => categoryOf(one, LAYOUT, 'rank', []))).toEqual([1, 2, 3, 4]);
    expect(legendOf(LAYOUT, 'kv', []).map(({ text }) => text)).toEqual(['KV head 0', 'KV head 1']);
    const many = { ...LAYOUT, heads: { ...LAYOUT.heads!, numKeyValueHeads: 64 } };
    expect(legendOf(many, 'kv', [])[1]!.text).toBe('KV head 1, 9, …, 57');
  });

  test('parameters that share a tensor come in the order in which they lie there', () => {
    const others = [{ tensor: 0, from: [4, 0], size: [4, 8], name: 'layers.0.v_proj.weight' }];
    expect(partsInside({ ...LAYOUT, others })).toEqual(['layers.0.k_proj.weight', 'layers.0.v_proj.weight']);
    expect(shortName('layers.0.v_proj.weight', 'layers.0.k_proj.weight')).toBe('v_proj');
    expect(shortName('layers.0.v_proj.bias', 'layers.0.k_proj.bias')).toBe('v_proj.bias');
  });

  test('layers by name', () => {
    expect(layerOf('model.layers.12.mlp.up_proj.weight')).toBe(12);
    expect(layerOf('base_model.model.model.layers.3.self_attn.q_proj.lora_A.weight')).toBe(3);
    expect(layerOf('model.embed_tokens.weight')).toBeNull();
  });

  test('the two matrices of each weight of an adapter have rows of their own in a picture of layers', () => {
    expect(kindOf('model.layers.12.mlp.up_proj.weight')).toBe('up_proj');
    expect(kindOf('model.layers.12.mlp.up_proj.bias')).toBeNull();
    const names = [
      'mlp.down_proj.lora_B',
      'self_attn.q_proj.lora_B',
      'self_attn.q_proj.lora_A',
      'mlp.down_proj.lora_A',
    ];
    const items = names.map((name) => ({ name, layer: 3, kind: kindOf(`model.layers.3.${name}.weight`)!, value: 1 }));
    const { kinds, cells } = layerMapOf(items);
    expect(kinds).toEqual(['q_proj.lora_A', 'q_proj.lora_B', 'down_proj.lora_A', 'down_proj.lora_B']);
    expect(new Set(cells.map(({ row }) => row)).size).toBe(4);
  });
});

describe('values', () => {
  test('the window stays inside the tensor and moves no further than needed', () => {
    const at = { leading: [], row: 98, column: 3 };
    const slice = windowAt([100, 5], at, 8, 4);
    expect(slice).toEqual({ leading: [], row: 92, column: 1, rows: 8, columns: 4 });
    expect(windowWith(slice, { leading: [], row: 90, column: 4 })).toMatchObject({ row: 90, column: 1 });
    expect(windowAt([7], { leading: [], row: 0, column: 6 }, 8, 4)).toMatchObject({ rows: 1, column: 3, columns: 4 });
    expect(moveCell('PageDown', at, [100, 5], slice)).toMatchObject({ row: 99 });
    expect(moveCell('End', at, [100, 5], slice)).toMatchObject({ column: 4 });
    expect(moveCell('x', at, [100, 5], slice)).toBeNull();
  });

  test('are shown in few digits, and exactly as Python prints them', () => {
    expect([1, 0, -0.0622559, 0.00012345678, 123456.789, 1e7].map(shortValue)).toEqual([
      '1',
      '0',
      '-0.062256',
      '1.235e-4',
      '123460',
      '10000000',
    ]);
    expect([NaN, Infinity, -Infinity, -0, 0.1].map(exactValue)).toEqual(['nan', 'inf', '-inf', '-0', '0.1']);
    expect(exactValue('9007199254740993')).toBe('9007199254740993');
  });

  test('zooming keeps the point under the pointer, and never leaves the tensor', () => {
    const shape = [1000, 2000];
    const whole = wholeSlice(shape, []);
    const near = zoomed(whole, shape, 0.5, 0.25, 1);
    expect(near).toMatchObject({ row: 500, rows: 500, column: 250, columns: 1000 });
    expect(zoomed(near, shape, 4, 0.5, 0.5)).toEqual(whole);
    expect(zoomed(near, shape, 1e-6, 0, 0)).toMatchObject({ rows: 8, columns: 8 });
    expect(panned(near, shape, -1, 1)).toMatchObject({ row: 500, column: 0 });
  });

  test('cells of a picture cover all elements, each once', () => {
    const spans = Array.from({ length: 7 }, (_, cell) => cellSpan(10, 100, 7, cell));
    expect(spans[0]!.from).toBe(10);
    spans.slice(1).forEach(({ from }, index) => {
      expect(from).toBe(spans[index]!.from + spans[index]!.count);
    });
    expect(spans.at(-1)!.from + spans.at(-1)!.count).toBe(110);
  });

  test('colours diverge around zero, and NaN is outside of them', () => {
    const colours = HEAT_COLOURS.light;
    expect(colourOf(0, 2, colours)).toEqual(colours.zero);
    expect(colourOf(2, 2, colours)).toEqual(colours.positive);
    expect(colourOf(-2, 2, colours)).toEqual(colours.negative);
    expect(colourOf(NaN, 2, colours)).toEqual(colours.odd);
    const values = Float32Array.from([1, -3, NaN, 0]);
    expect(limitOf(values)).toBe(3);
    expect([...pixelsOf(values, 3, colours).slice(4, 8)]).toEqual([...colours.negative, 255]);
  });
});
