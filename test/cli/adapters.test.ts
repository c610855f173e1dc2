import fs from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { makeSample } from '../../src-core/sample/sample.ts';
import { shardloom } from '../support/cli.ts';
import { temporaryFolder } from '../support/folders.ts';
import { differences, readFolder } from '../support/weights.ts';

let folder: string;
let checkpoint: string;
const at = (name: string): string => path.join(folder, name);

beforeAll(async () => {
  folder = fs.mkdtempSync(path.join(temporaryFolder(), '..', 'shardloom-cli-'));
  ({ checkpoint } = await makeSample(folder, { loraRank: 4, workers: 0 }));
  return () => fs.rmSync(folder, { recursive: true, force: true });
});

describe('shardloom peft', () => {
  test('export writes adapters alone, as PEFT loads them', () => {
    const out = path.join(temporaryFolder(), 'out');
    const { code, stdout } = shardloom('peft', 'export', checkpoint, out);
    expect([code, stdout]).toEqual([0, expect.stringContaining('Consolidated 56 tensors')]);
    expect(fs.readdirSync(out).sort()).toEqual(['adapter_config.json', 'adapter_model.safetensors', 'shardloom.json']);
    expect(shardloom('peft', 'export', checkpoint, `${out}2`, '--adapter', 'none')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('adapter:default') as string,
    });
  });

  test('adapt and original are each other’s inverse, from metadata and from sizes', () => {
    const adapted = shardloom('peft', 'adapt', at('adapter'), checkpoint);
    const config = JSON.parse(adapted.stdout) as Record<string, unknown>;
    expect(config.target_modules).toEqual(['qkv_proj', 'o_proj', 'gate_up_proj', 'down_proj']);
    const file = path.join(temporaryFolder(), 'config.json');
    fs.writeFileSync(file, adapted.stdout);
    const back = shardloom('peft', 'original', file, checkpoint);
    expect(back.stdout).toBe(fs.readFileSync(at('adapter/adapter_config.json'), 'utf8'));
    const sized = shardloom('peft', 'adapt', at('adapter'), at('original'), '--tp', '2', '--json');
    expect(JSON.parse(sized.stdout)).toMatchObject({
      changed: ['target_modules'],
      after: { target_modules: ['q_proj', 'k_proj', 'v_proj', 'o_proj', 'gate_up_proj', 'down_proj'] },
    });
  });

  test('a config that targets half of what is fused ends with an error and its exit code', () => {
    const file = path.join(temporaryFolder(), 'config.json');
    fs.writeFileSync(file, JSON.stringify({ peft_type: 'LORA', r: 8, target_modules: ['q_proj', 'v_proj'] }));
    const { code, stderr, stdout } = shardloom('peft', 'adapt', file, checkpoint);
    expect([code, stdout]).toEqual([3, '']);
    expect(stderr).toMatch(/also model\.layers\.0\.self_attn\.k_proj/);
  });
});

describe('shardloom merge', () => {
  test('prints what was added, as text, as JSON and as a plan; weights of 0 change nothing', () => {
    const base = at('original');
    const out = (name: string): string => path.join(temporaryFolder(), name);
    const text = shardloom('merge', base, at('adapter'), out('a'));
    expect(text.stdout).toMatch(/Merged default into 28 weights of 39 tensors/);
    expect(text.stdout).toMatch(/default: rank 4, alpha 8, added times 2 \(28 weights\)/);
    const plan = shardloom('merge', base, at('adapter'), out('b'), '--dry-run');
    expect(plan.stdout).toMatch(/q_proj\.weight {2}BF16 256 × 256 {2}merged/);
    const none = out('c');
    const json = shardloom('peft', 'merge', base, at('adapter'), none, '--adapter', 'default=0', '--json');
    expect(JSON.parse(json.stdout)).toMatchObject({ out: none, merged: expect.any(Array) as unknown });
    expect(differences(readFolder(none), readFolder(base))).toEqual([]);
    expect(shardloom('merge', base, at('adapter'), out('d'), '--adapter', 'default=')).toMatchObject({ code: 2 });
  });
});
