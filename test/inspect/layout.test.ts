import { describe, expect, test } from 'vitest';
import { openCheckpoint } from '../../src-core/models/open-checkpoint.ts';
import { parameterLayout, type LayoutBlock, type ParameterLayout } from '../../src-core/inspect/layout.ts';
import { parameterRows } from '../../src-core/inspect/parameters.ts';
import { partsOf } from '../../src-core/inspect/parts.ts';
import { computeQueryIndicesForRank } from '../../src-core/specs/gqa-heads.ts';
import { elementCount } from '../../src-core/tensor/shape.ts';
import { fixtureNames, fixturePath } from '../support/folders.ts';

function layouts(fixture: string): (name: string) => ParameterLayout {
  const checkpoint = openCheckpoint(fixturePath(fixture, 'checkpoint'));
  const parts = partsOf(checkpoint);
  return (name) => parameterLayout(parts, checkpoint.config, parts[0]!.name, name);
}

const byRank = ({ blocks, tensors }: ParameterLayout, what: (block: LayoutBlock) => unknown): unknown[][] => {
  const ranks: unknown[][] = [];
  const ordered = [...blocks].sort((a, b) => a.from[0]! - b.from[0]! || a.from[1]! - b.from[1]!);
  for (const block of ordered) (ranks[tensors[block.tensor]!.rank!.tp] ??= []).push(what(block));
  return ranks;
};

describe('TP 8 with 4 KV heads in 4 replicas', () => {
  const layout = layouts('llama-tp8-kv4');
  const prefix = 'model.layers.0.self_attn.';

  test('each rank holds the query heads that the definition names, in its order', () => {
    const q = layout(`${prefix}q_proj.weight`);
    const { numAttentionHeads, numKeyValueHeads, kvSizeMultiplier } = q.heads!;
    const expected = Array.from({ length: 8 }, (_, rank) =>
      computeQueryIndicesForRank(8, rank, numAttentionHeads, numKeyValueHeads, kvSizeMultiplier),
    );
    expect(byRank(q, ({ head }) => head)).toEqual(expected);
    expect(
      q.blocks.every(({ head, kvHead }) => kvHead === Math.floor(head! / (numAttentionHeads / numKeyValueHeads))),
    ).toBe(true);
    // The output projection has the same heads as columns.
    expect(byRank(layout(`${prefix}o_proj.weight`), ({ head }) => head)).toEqual(expected);
  });

  test('each KV head stands on as many ranks as there are replicas, beside the query heads that share it', () => {
    const k = layout(`${prefix}k_proj.weight`);
    expect(k.copies).toBe(4);
    expect(byRank(k, ({ kvHead, kvReplica }) => [kvHead, kvReplica])).toEqual(
      Array.from({ length: 8 }, (_, rank) => [2 * rank, 2 * rank + 1].map((slot) => [slot % 4, Math.floor(slot / 4)])),
    );
    const q = byRank(layout(`${prefix}q_proj.weight`), ({ kvHead, kvReplica }) => `${kvHead}/${kvReplica}`);
    const kv = byRank(k, ({ kvHead, kvReplica }) => `${kvHead}/${kvReplica}`);
    expect(q.map((heads) => [...new Set(heads)])).toEqual(kv);
  });

  test('what is beside a part of a fused linear is named', () => {
    const { others, tensors, blocks } = layout('model.layers.0.mlp.gate_proj.weight');
    expect(new Set(others.map(({ name }) => name))).toEqual(new Set(['model.layers.0.mlp.up_proj.weight']));
    const filled = [...others, ...blocks].reduce((sum, { size }) => sum + elementCount(size), 0);
    expect(filled).toBe(tensors.reduce((sum, { shape }) => sum + elementCount(shape), 0));
  });

  test('a parameter that is not parallel is whole on every rank', () => {
    const norm = layout('model.norm.weight');
    expect(norm.copies).toBe(8);
    expect(norm.blocks.map(({ copy, size }) => [copy, size])).toEqual(
      Array.from({ length: 8 }, (_, copy) => [copy, norm.row.shape]),
    );
  });
});

describe.each(fixtureNames())('%s', (fixture) => {
  test('the blocks of each copy fill the parameter, and ranks hold nothing that is not named', () => {
    const checkpoint = openCheckpoint(fixturePath(fixture, 'checkpoint'));
    const parts = partsOf(checkpoint);
    for (const { part, name, shape } of parameterRows(parts)) {
      const { blocks, tensors, copies, others, row } = parameterLayout(parts, checkpoint.config, part, name);
      const filled = blocks.reduce((sum, { size }) => sum + elementCount(size), 0);
      expect(filled, name).toBe(elementCount(shape) * copies);
      const held = filled + others.reduce((sum, { size }) => sum + elementCount(size), 0);
      const stored = tensors.reduce((sum, tensor) => sum + elementCount(tensor.shape), 0);
      if (row.transformation !== 'shared lora_A copied') expect(held, name).toBe(stored);
    }
  });
});
