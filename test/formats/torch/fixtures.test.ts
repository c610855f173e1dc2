import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { withFile } from '../../../src-core/bytes/file.ts';
import { readTorchFile, singleTensorOf, stateDictOf, tensorInfoOf } from '../../../src-core/formats/torch/index.ts';
import { DTYPES, dtypeBytes, torchName } from '../../../src-core/tensor/dtype.ts';
import { fixtureNames, fixturePath, temporaryFolder } from '../../support/folders.ts';
import { rewrite, write } from './writing.ts';

/** All torch files of a fixture. */
function torchFiles(fixture: string): string[] {
  return fs
    .readdirSync(fixturePath(fixture), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.pt'))
    .map((name) => fixturePath(fixture, name))
    .sort();
}

describe('real checkpoints', () => {
  const fixtures = fixtureNames();

  test.each(fixtures)('%s: every file is read for what it is', (fixture) => {
    for (const file of torchFiles(fixture)) {
      const value = withFile(file, readTorchFile);
      if (file.endsWith('.info.pt')) expect(tensorInfoOf(value, file).size).toBeGreaterThan(0);
      else if (/tensor_\d+\.pt$/.test(file)) expect(singleTensorOf(value, file).kind).toBe('tensor');
      else expect(stateDictOf(value, file).size).toBeGreaterThan(0);
    }
  });

  test.each(fixtures)('%s: every file written again is the same, byte for byte', (fixture) => {
    for (const file of torchFiles(fixture)) {
      const content = fs.readFileSync(file);
      const written = rewrite(content, path.basename(file).replace(/\.pt$/, ''));
      expect(Buffer.from(written).equals(content), file).toBe(true);
    }
  });
});

/** A Python that has PyTorch, or null. */
function pythonWithTorch(): string | null {
  for (const python of ['/usr/bin/python3', 'python3']) {
    if (spawnSync(python, ['-c', 'import torch']).status === 0) return python;
  }
  console.warn(
    'No Python with PyTorch (Debian: python3-torch): tests that load our files with torch.load are skipped.',
  );
  return null;
}

describe('torch.load', () => {
  const python = pythonWithTorch();

  test.skipIf(python === null)('reads what we write, and finds the same values', () => {
    const folder = temporaryFolder();
    // Element types that the oldest supported PyTorch, 1.13, knows.
    const dtypes = DTYPES.filter((dtype) => !/^(F4|F6|F8|U16|U32|U64)/.test(dtype));
    const contents = new Map(
      dtypes.map((dtype) => {
        const bytes = new Uint8Array(6 * dtypeBytes(dtype)).map((_, index) =>
          dtype === 'BOOL' ? index % 2 : index + 1,
        );
        return [dtype, bytes];
      }),
    );
    const value = new Map(dtypes.map((dtype) => [dtype as string, { kind: 'tensor' as const, dtype, shape: [2, 3] }]));
    fs.writeFileSync(path.join(folder, 'state.pt'), write('state', value, contents).bytes);
    fs.writeFileSync(path.join(folder, 'one.pt'), write('one', { kind: 'tensor', dtype: 'F32', shape: [] }).bytes);
    const empty = new Map([['none', { kind: 'tensor' as const, dtype: 'F32' as const, shape: [0, 4] }]]);
    fs.writeFileSync(path.join(folder, 'plain.pt'), write('plain', { kind: 'dict', entries: empty }).bytes);
    const program = `
import json, sys, torch
def load(name):
    return torch.load(sys.argv[1] + '/' + name, weights_only=True)
state = load('state.pt')
one = load('one.pt')
print(json.dumps({
    'type': type(state).__name__,
    'state': {k: [str(t.dtype), list(t.shape), list(t.stride()), bytes(t.storage().untyped().tolist()).hex()] for k, t in state.items()},
    'one': [list(one.shape), one.item()],
    'plain': [type(load('plain.pt')).__name__, list(load('plain.pt')['none'].shape)],
}))`;
    const output = execFileSync(python!, ['-W', 'ignore', '-c', program, folder], { encoding: 'utf8' });
    expect(JSON.parse(output)).toEqual({
      type: 'OrderedDict',
      state: Object.fromEntries(
        dtypes.map((dtype) => [
          dtype,
          [`torch.${torchName(dtype)}`, [2, 3], [3, 1], Buffer.from(contents.get(dtype)!).toString('hex')],
        ]),
      ),
      one: [[], 0],
      plain: ['dict', [0, 4]],
    });
  });
});
