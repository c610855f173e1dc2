import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { makeSample } from '../../src-core/sample/sample.ts';
import { shardloom } from '../support/cli.ts';
import { temporaryFolder } from '../support/folders.ts';
import { textsOfZip } from '../support/zip.ts';

async function sample(): Promise<string> {
  const config = { hiddenSize: 64, intermediateSize: 96, numAttentionHeads: 8, numKeyValueHeads: 4, vocabSize: 64 };
  const folder = path.join(temporaryFolder(), 'small');
  return (await makeSample(folder, { config: { ...config, numHiddenLayers: 1 }, tensorParallelSize: 8 })).checkpoint;
}

describe('shardloom diagnose', () => {
  test('writes a bundle with shortened paths and says what is in it', async () => {
    const checkpoint = await sample();
    const out = path.join(temporaryFolder(), 'd.zip');
    const { code, stdout, stderr } = shardloom('diagnose', checkpoint, '--out', out);
    expect([code, stderr]).toEqual([0, '']);
    for (const text of [out, 'plan.txt', 'No weights are in it.']) expect(stdout).toContain(text);
    const texts = await textsOfZip(fs.readFileSync(out));
    expect([...texts.keys()]).toEqual(['README.txt', 'versions.json', 'checkpoint.json', 'plan.txt']);
    for (const [file, text] of texts) {
      expect(text, file).not.toContain(path.dirname(checkpoint));
      expect(text, file).not.toContain(os.homedir());
    }
    expect(texts.get('versions.json')).toContain('(command line)');
  });

  test('--full-paths leaves them', async () => {
    const checkpoint = await sample();
    const out = path.join(temporaryFolder(), 'd.zip');
    expect(shardloom('diagnose', checkpoint, '--out', out, '--full-paths').code).toBe(0);
    const texts = await textsOfZip(fs.readFileSync(out));
    expect(JSON.parse(texts.get('checkpoint.json')!)).toMatchObject({ folder: checkpoint });
  });

  test('a folder that cannot be opened is what the bundle is about', async () => {
    const folder = temporaryFolder();
    const out = path.join(temporaryFolder(), 'd.zip');
    const { code, stdout } = shardloom('diagnose', folder, '--out', out, '--json');
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ out, problem: { tag: 'not-a-checkpoint' } });
    expect((await textsOfZip(fs.readFileSync(out))).get('error.txt')).toContain('<checkpoint>');
  });

  test('never replaces a file, and says where it cannot write', () => {
    const folder = temporaryFolder();
    const out = path.join(folder, 'd.zip');
    fs.writeFileSync(out, 'mine');
    expect(shardloom('diagnose', folder, '--out', out).code).toBe(4);
    expect(fs.readFileSync(out, 'utf8')).toBe('mine');
    const { code, stderr } = shardloom('diagnose', folder, '--out', path.join(folder, 'nowhere/d.zip'));
    expect(code).toBe(4);
    expect(stderr).toContain('could not be written');
  });
});
