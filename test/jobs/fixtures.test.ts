import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { openCheckpoint } from '../../src-core/models/open-checkpoint.ts';
import { consolidate, type ConsolidateOptions } from '../../src-core/jobs/consolidate.ts';
import { fixtureNames, fixturePath, snapshot, temporaryFolder } from '../support/folders.ts';
import { differences, readFolder } from '../support/weights.ts';

const names = fixtureNames();

/** Folders of `expected/` that hold weights: adapters that are not the default one have their own. */
function expectedFolders(name: string): string[] {
  const top = fixturePath(name, 'expected');
  const below = fs.readdirSync(top, { withFileTypes: true }).filter((entry) => entry.isDirectory());
  return ['.', ...below.map((entry) => entry.name)];
}

async function consolidated(name: string, options: ConsolidateOptions): Promise<string> {
  const out = path.join(temporaryFolder(), 'out');
  const result = await consolidate(openCheckpoint(fixturePath(name, 'checkpoint')), out, options);
  expect(result.findings).toEqual([]);
  expect(result.replicas.different).toBe(0);
  return out;
}

function expectEqual(name: string, out: string): void {
  for (const folder of expectedFolders(name)) {
    const expected = readFolder(fixturePath(name, 'expected', folder));
    expect(differences(readFolder(path.join(out, folder)), expected)).toEqual([]);
  }
}

describe.each(names)('%s', (name) => {
  test.each([
    ['safetensors', 0, undefined],
    ['pytorch', 0, undefined],
    ['safetensors', 2, undefined],
    ['pytorch', 3, 4096],
    ['safetensors', 0, 64],
    ['safetensors', 0, 1000],
  ] as const)('%s, %s workers, bands of %s bytes: equals what is expected', async (format, workers, bandBytes) => {
    const options = { format, workers, ...(bandBytes !== undefined && { bandBytes }) };
    expectEqual(name, await consolidated(name, options));
  });

  test('a limit per file: models are split with an index of all tensors, adapters are not', async () => {
    const out = await consolidated(name, { maxShardBytes: 60_000 });
    expectEqual(name, out);
    const index = fs.readdirSync(out).find((file) => file.endsWith('.index.json'));
    if (name.startsWith('lora')) {
      // PEFT loads one file only.
      expect(index).toBeUndefined();
      return;
    }
    const { weight_map: map, metadata } = JSON.parse(fs.readFileSync(path.join(out, index!), 'utf8')) as {
      weight_map: Record<string, string>;
      metadata: { total_size: number };
    };
    const weights = readFolder(out);
    expect(Object.keys(map).sort()).toEqual([...weights.keys()].sort());
    expect(metadata.total_size).toBe([...weights.values()].reduce((sum, { bytes }) => sum + bytes.length, 0));
    for (const [tensor, file] of Object.entries(map)) expect(fs.existsSync(path.join(out, file)), tensor).toBe(true);
  });

  test('the same options give the same bytes, record included', async () => {
    const [a, b] = [
      await consolidated(name, { workers: 0 }),
      await consolidated(name, { workers: 2, bandBytes: 5000 }),
    ];
    const contents = (folder: string): string[] =>
      [...snapshot(folder)].map(([file, content]) => `${file} ${content.slice(content.indexOf(' '))}`).sort();
    expect(contents(a)).toEqual(contents(b));
  });

  test('nothing of the input is touched, and every folder that a user may open works', async () => {
    const checkpoint = fixturePath(name, 'checkpoint');
    const before = snapshot(checkpoint);
    const inside = fs.readdirSync(checkpoint, { recursive: true, withFileTypes: true });
    const opened = inside.filter((entry) => entry.isDirectory() && /^(shards|model|adapter_\w+)$/.test(entry.name));
    expect(opened.length).toBeGreaterThan(0);
    for (const entry of opened) {
      const out = path.join(temporaryFolder(), 'out');
      await consolidate(openCheckpoint(path.join(entry.parentPath, entry.name)), out, { workers: 0 });
      const adapter = /adapter_(\w+)/.exec(path.join(entry.parentPath, entry.name).replace('adapter_shards', ''))?.[1];
      const folder = adapter === undefined || adapter === 'default' ? '.' : adapter;
      const expected = readFolder(fixturePath(name, 'expected', folder));
      expect(differences(readFolder(path.join(out, folder)), expected)).toEqual([]);
    }
    expect(snapshot(checkpoint)).toEqual(before);
  });
});
