import { describe, expect, test } from 'vitest';
import type { ParameterRow } from '../../src-core/index.ts';
import { groupedLines, toggled } from '../../renderer/components/grouped-lines.ts';
import { filterRows, groupOf, sortRows, tagCounts } from '../../renderer/parameters/arrange.ts';
import { moveInLines } from '../../renderer/components/line-keys.ts';
import { tagText } from '../../renderer/parameters/tags.ts';
import { rowsAsTsv } from '../../renderer/parameters/tsv.ts';

function row(name: string, changes: Partial<ParameterRow> = {}): ParameterRow {
  return {
    part: 'model',
    name,
    shape: [4, 2],
    dtype: 'BF16',
    bytes: 16,
    stage: 0,
    from: [name],
    transformation: 'joined',
    spec: null,
    dim: 0,
    ranks: 8,
    copies: 0,
    ...changes,
  };
}

const ROWS = [
  row('model.embed_tokens.weight'),
  row('model.layers.10.mlp.gate_proj.weight', {
    transformation: 'unfused',
    from: ['model.layers.10.mlp.gate_up_proj.weight'],
    bytes: 32,
  }),
  row('model.layers.9.self_attn.k_proj.weight', { transformation: 'KV replica taken', copies: 3 }),
  row('lm_head.weight', { dim: 1, bytes: 8 }),
];
const names = (rows: readonly ParameterRow[]): string[] => rows.map(({ name }) => name);
const ALL = { query: '', tags: new Set<never>(), sort: null };

describe('filtering', () => {
  test('every word must occur, in the original or the Neuron name, whatever the case', () => {
    expect(filterRows(ROWS, { ...ALL, query: 'LAYERS gate_up' })).toEqual([ROWS[1]]);
    expect(filterRows(ROWS, { ...ALL, query: ' layers  k_proj ' })).toEqual([ROWS[2]]);
    expect(filterRows(ROWS, { ...ALL, query: 'layers nothing' })).toEqual([]);
    expect(filterRows(ROWS, ALL)).toBe(ROWS);
  });

  test('one of the marks', () => {
    expect(names(filterRows(ROWS, { ...ALL, tags: new Set(['kv', 'fused'] as const) }))).toEqual(
      names(ROWS.slice(1, 3)),
    );
    expect(tagCounts(ROWS)).toEqual(
      new Map([
        ['split', 2],
        ['fused', 1],
        ['kv', 1],
      ]),
    );
  });
});

test('sorting takes numbers in names as numbers, and leaves the rows themselves alone', () => {
  const byName = sortRows(ROWS, { key: 'name', descending: false });
  expect(names(byName)).toEqual([names(ROWS)[3], names(ROWS)[0], names(ROWS)[2], names(ROWS)[1]]);
  expect(sortRows(ROWS, { key: 'bytes', descending: true })[0]).toBe(ROWS[1]);
  expect(sortRows(ROWS, null)).toBe(ROWS);
  expect(names(ROWS)[0]).toBe('model.embed_tokens.weight');
});

describe('groups', () => {
  test('by layer and by module', () => {
    expect(ROWS.map((r) => groupOf(r, 'layer', false))).toEqual([
      'Outside the layers',
      'Layer 10',
      'Layer 9',
      'Outside the layers',
    ]);
    expect(groupOf(ROWS[2]!, 'module', false)).toBe('model.layers.9.self_attn');
    expect(groupOf(ROWS[3]!, 'module', false)).toBe('lm_head');
    expect(groupOf(row('a.layers.1.b.weight', { part: 'adapter:x' }), 'layer', true)).toBe('Adapter x · Layer 1');
  });

  test('closed ones keep their head, with what is in them', () => {
    const byLayer = (index: number): string => groupOf(ROWS[index]!, 'layer', false);
    expect(groupedLines(ROWS.length, byLayer, new Set(['Outside the layers']))).toEqual([
      { kind: 'group', key: 'Outside the layers', indices: [0, 3], isOpen: false },
      { kind: 'group', key: 'Layer 10', indices: [1], isOpen: true },
      { kind: 'row', index: 1 },
      { kind: 'group', key: 'Layer 9', indices: [2], isOpen: true },
      { kind: 'row', index: 2 },
    ]);
    expect(groupedLines(ROWS.length, null, new Set())).toHaveLength(4);
    expect(toggled(toggled(new Set(['a']), 'b'), 'a')).toEqual(new Set(['b']));
  });
});

test('marks in words', () => {
  expect(ROWS.map(tagText)).toEqual(['split dim 0', 'fused', 'KV replicated ×4', 'split dim 1']);
  expect(tagText(row('a', { dim: null }))).toBe('whole on one rank');
});

test('rows as tab-separated values: a line each, whatever is in the names', () => {
  const text = rowsAsTsv([row('a\tb\nc')]);
  expect(text.split('\n')).toEqual([
    'part\tname\tshape\tdtype\tbytes\tstage\tfrom\ttransformation\tranks\tcopies',
    'model\ta b c\t4x2\tBF16\t16\t0\ta b c\tsplit dim 0\t8\t0',
    '',
  ]);
});

test('keys stay inside the lines', () => {
  expect(moveInLines('ArrowDown', 9, 10, 5)).toBe(9);
  expect(moveInLines('PageUp', 3, 10, 5)).toBe(0);
  expect(moveInLines('End', 3, 10, 5)).toBe(9);
  expect(moveInLines('x', 3, 10, 5)).toBeNull();
  expect(moveInLines('End', 0, 0, 5)).toBeNull();
});
