import fs from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { openCheckpoint } from '../../src-core/models/open-checkpoint.ts';
import { consolidate } from '../../src-core/jobs/consolidate.ts';
import type { Dense } from '../oracle/dense.ts';
import { generate, usesGqa, type OracleConfig } from '../oracle/model.ts';
import { writeCheckpoint, type DiskLayout } from '../oracle/write.ts';
import { temporaryFolder } from '../support/folders.ts';
import { differences, readFolder, type Weight } from '../support/weights.ts';

/** Multipliers for which the layout of heads is defined: every division of the definition comes out even. */
function multipliers(tp: number, heads: number, kvHeads: number): number[] {
  const all = Array.from({ length: tp }, (_, i) => i + 1);
  return all.filter((m) => {
    const slots = (kvHeads * m) / tp;
    return [heads / tp, slots, heads / tp / slots, kvHeads / slots].every((n) => Number.isInteger(n) && n >= 1);
  });
}

const lora = fc.record({
  adapter: fc.constantFrom('default', 'test', 'my-adapter', 'v1.0', 'weight', 'a b'),
  rank: fc.integer({ min: 1, max: 4 }),
  attention: fc.boolean(),
  output: fc.boolean(),
  mlp: fc.boolean(),
});

const configs: fc.Arbitrary<OracleConfig> = fc
  .record({
    tp: fc.constantFrom(1, 2, 3, 4, 8),
    pp: fc.integer({ min: 1, max: 3 }),
    kvHeads: fc.constantFrom(1, 2, 3, 4, 8),
    group: fc.constantFrom(1, 2, 4, 8),
    pick: fc.nat(),
    headDim: fc.constantFrom(1, 2, 5),
    width: fc.integer({ min: 1, max: 4 }),
    ffn: fc.integer({ min: 1, max: 3 }),
    layers: fc.integer({ min: 1, max: 3 }),
    vocab: fc.integer({ min: 8, max: 21 }),
    placement: fc.constantFrom('tiled' as const, 'adjacent' as const),
    dtype: fc.constantFrom('BF16', 'F16', 'F32', 'F64'),
    fuseQkv: fc.boolean(),
    bias: fc.boolean(),
    stride: fc.integer({ min: 1, max: 3 }),
    lora: fc.option(lora, { nil: undefined }),
    seed: fc.nat(1_000_000),
  })
  .map(({ kvHeads, group, pick, width, ffn, lora: adapter, ...rest }) => {
    const { tp } = rest;
    // Heads are a multiple of the ranks: the training library asks for that.
    const heads = kvHeads * group * (tp / gcd(tp, kvHeads * group));
    const possible = multipliers(tp, heads, kvHeads);
    const multiplier = possible[pick % Math.max(1, possible.length)] ?? 0;
    const sizes = { heads, kvHeads, multiplier, hidden: width * tp, intermediate: ffn * tp };
    return { ...rest, ...sizes, ...(adapter && { lora: adapter }) };
  })
  .filter((config) => (usesGqa(config) ? config.multiplier > 0 : true))
  .filter((config) => !config.lora || config.lora.attention || config.lora.output || config.lora.mlp);

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}

function expectedWeights(expected: ReadonlyMap<string, Dense>): Map<string, Weight> {
  return new Map([...expected].map(([name, tensor]) => [name, { ...tensor, bytes: Buffer.from(tensor.bytes) }]));
}

async function holds(
  config: OracleConfig,
  layout: DiskLayout,
  bandBytes: number,
  format: 'safetensors' | 'pytorch',
): Promise<void> {
  const folder = path.join(temporaryFolder(), 'checkpoint');
  const made = generate(config);
  // An adapter without LoRA on key and value holds no copy that could show how they are placed.
  const kvPlacement = config.lora?.attention === false ? config.placement : undefined;
  const opened = openCheckpoint(writeCheckpoint(folder, config, made, layout), kvPlacement && { kvPlacement });
  const out = path.join(path.dirname(folder), 'out');
  const result = await consolidate(opened, out, { bandBytes, format, workers: 0 });
  expect(result.findings).toEqual([]);
  for (const { placement } of result.kvPlacements) expect(placement).toBe(config.placement ?? 'tiled');
  const adapter = config.lora?.adapter;
  const weights = readFolder(adapter === undefined || adapter === 'default' ? out : path.join(out, adapter));
  expect(differences(weights, expectedWeights(made.expected))).toEqual([]);
  fs.rmSync(path.dirname(folder), { recursive: true });
}

describe('consolidating a checkpoint drawn at random gives what the dense oracle gives', () => {
  const layouts = fc.constantFrom<DiskLayout>('plain', 'xser', 'xser without info', 'legacy', 'legacy xser');
  const bands = fc.constantFrom(64, 72, 200, 1024, 2 ** 20);
  const formats = fc.constantFrom('safetensors' as const, 'pytorch' as const);

  test('full models and adapters', { timeout: 240_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(configs, layouts, bands, formats, async (config, layout, bandBytes, format) => {
        await holds(config, config.lora && layout.startsWith('legacy') ? 'plain' : layout, bandBytes, format);
      }),
      { numRuns: 250 },
    );
  });

  test('a 128-rank checkpoint: three-digit ranks are numbers', { timeout: 60_000 }, async () => {
    const config: OracleConfig = {
      tp: 128,
      pp: 1,
      heads: 128,
      kvHeads: 8,
      multiplier: 16,
      headDim: 1,
      hidden: 128,
      intermediate: 128,
      layers: 1,
      vocab: 128,
      dtype: 'BF16',
      fuseQkv: false,
      bias: false,
      stride: 1,
      seed: 1,
    };
    await holds(config, 'plain', 2 ** 20, 'safetensors');
  });
});
