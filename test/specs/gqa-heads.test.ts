import { describe, expect, test } from 'vitest';
import { isShardloomError } from '../../src-core/errors.ts';
import { computeQueryIndicesForRank, gqaLayout, queryHeadPositions } from '../../src-core/specs/gqa-heads.ts';

describe('query heads of a rank', () => {
  test('32 heads, 4 KV heads, TP 8, multiplier 2: one KV slot a rank, half a group each', () => {
    const heads = Array.from({ length: 8 }, (_, rank) => computeQueryIndicesForRank(8, rank, 32, 4, 2));
    expect(heads).toEqual([
      [0, 1, 2, 3],
      [8, 9, 10, 11],
      [16, 17, 18, 19],
      [24, 25, 26, 27],
      [4, 5, 6, 7],
      [12, 13, 14, 15],
      [20, 21, 22, 23],
      [28, 29, 30, 31],
    ]);
  });

  test('multiplier 4: two KV slots a rank', () => {
    expect(computeQueryIndicesForRank(8, 0, 32, 4, 4)).toEqual([0, 1, 8, 9]);
    expect(computeQueryIndicesForRank(8, 1, 32, 4, 4)).toEqual([16, 17, 24, 25]);
    expect(computeQueryIndicesForRank(8, 7, 32, 4, 4)).toEqual([22, 23, 30, 31]);
  });

  test('for every size that is accepted all ranks together hold every head once', () => {
    let accepted = 0;
    let refused = 0;
    for (const tpSize of [1, 2, 3, 4, 6, 8]) {
      for (const numKeyValueHeads of [1, 2, 3, 4, 8]) {
        for (const groups of [1, 2, 3, 4, 8]) {
          for (const kvSizeMultiplier of [1, 2, 3, 4, 8, 16]) {
            const sizes = { tpSize, numKeyValueHeads, kvSizeMultiplier, numAttentionHeads: groups * numKeyValueHeads };
            try {
              const positions = queryHeadPositions(sizes);
              accepted++;
              expect([...positions].sort((a, b) => a - b)).toEqual(positions.map((_, i) => i));
            } catch (error) {
              refused++;
              expect(isShardloomError(error, 'unsupported')).toBe(true);
            }
          }
        }
      }
    }
    expect(accepted).toBeGreaterThan(80);
    expect(refused).toBeGreaterThan(80);
  });

  test('a KV multiplier above the tensor parallel size is refused by name, not laid out wrongly', () => {
    expect(() => gqaLayout({ tpSize: 2, numAttentionHeads: 32, numKeyValueHeads: 4, kvSizeMultiplier: 4 })).toThrow(
      /kv_size_multiplier 4, tensor parallel size 2[\s\S]*a kv_size_multiplier of 1 or 2/,
    );
  });
});
