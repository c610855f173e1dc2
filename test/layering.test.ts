import { readdirSync } from 'node:fs';
import { ESLint } from 'eslint';
import { beforeAll, describe, expect, it } from 'vitest';
import tseslint from 'typescript-eslint';
import { layerNames } from '../eslint.layers.js';

const RULES = new Set(['@typescript-eslint/no-restricted-imports', 'no-restricted-syntax']);

let eslint: ESLint;

beforeAll(() => {
  // The project's own configuration. Rules that need types are off: the files these tests speak of do not exist.
  eslint = new ESLint({ overrideConfig: [tseslint.configs.disableTypeChecked] });
});

async function complaints(filePath: string, code: string): Promise<string[]> {
  const [result] = await eslint.lintText(code, { filePath });
  const parseErrors = result?.messages.filter((message) => message.fatal);
  expect(parseErrors).toEqual([]);
  return (result?.messages ?? []).filter(({ ruleId }) => RULES.has(ruleId ?? '')).map(({ message }) => message);
}

const importing = (from: string, names = 'a') => `import { ${names} } from '${from}';\nexport const b = ${names};\n`;
const importingType = (from: string) => `import type { A } from '${from}';\nexport type B = A;\n`;

describe('the layering rule', () => {
  it.each([
    ['src-core/specs/gqa.ts', '../tensor/shape.ts'],
    ['src-core/specs/gqa.ts', './utils.ts'],
    ['src-core/specs/gqa.ts', './plan.ts'],
    ['src-core/formats/torch/zip.ts', '../../bytes/source.ts'],
    ['src-core/formats/torch/zip.ts', '../index.ts'],
    ['src-core/formats/torch/zip.ts', '../safetensors/plan/header.ts'],
    ['src-core/bytes/file.ts', 'node:fs/promises'],
    ['src-core/checkpoint/discover.ts', 'node:fs'],
    ['src-core/checkpoint/discover.ts', 'node:path'],
    ['src-core/execute/pool.ts', 'piscina'],
    ['src-core/execute/pool.ts', 'node:worker_threads'],
    ['src-core/limits.ts', './errors.ts'],
    ['src-core/index.ts', './plan/build.ts'],
    ['src-core/cli.ts', './cli/inspect.ts'],
    ['src-core/cli/inspect.ts', '../index.ts'],
    ['src-core/cli/inspect.ts', '../sample/make.ts'],
    ['electron/main.ts', '../src-core/app-door.ts'],
    ['src-core/app-door.ts', './index.ts'],
    ['renderer/layout/view.ts', '../../src-core/units.ts'],
    ['renderer/layout/view.ts', '../../src-core/inspect/drawing/boxes.ts'],
  ])('%s may import %s', async (file, from) => {
    expect(await complaints(file, importing(from))).toEqual([]);
  });

  it.each([
    [
      'src-core/specs/gqa.ts',
      '../checkpoint/discover.ts',
      /specs\/ may import errors, limits, units, tensor: it never touches files/,
    ],
    ['src-core/specs/gqa.ts', '../formats/torch/zip.ts', /never touches files/],
    ['src-core/specs/gqa.ts', '../bytes/source.ts', /never touches files/],
    ['src-core/specs/gqa.ts', '../index.ts', /specs\/ may import/],
    ['src-core/specs/gqa.ts', '../cli.ts', /specs\/ may import/],
    ['src-core/specs/gqa.ts', 'node:fs', /Only bytes\/, checkpoint\/, execute\/, cli\/ may use the disk/],
    [
      'src-core/tensor/view.ts',
      '../formats/torch/zip.ts',
      /tensor\/ may import errors, limits, units, kernels, bytes: /,
    ],
    ['src-core/formats/torch/zip.ts', '../../plan/build.ts', /formats\/ may import/],
    ['src-core/formats/torch/zip.ts', 'fs/promises', /Only bytes\/.* may use the disk/],
    ['src-core/formats/torch/deep/zip.ts', '../../../plan/build.ts', /formats\/ may import/],
    ['src-core/errors.ts', './limits.ts', /errors\.ts may import nothing else of the engine/],
    ['src-core/limits.ts', './tensor/shape.ts', /limits\.ts may import errors/],
    ['src-core/index.ts', './cli/inspect.ts', /index\.ts may import/],
    ['src-core/index.ts', './app-door.ts', /index\.ts may import/],
    ['src-core/app-door.ts', './cli/inspect.ts', /app-door\.ts may import/],
    ['electron/main.ts', '../src-core/index.ts', /through its door, src-core\/app-door\.ts/],
    ['src-core/verify/proof.ts', 'piscina', /Only execute\/ may use worker threads/],
    ['src-core/cli/inspect.ts', 'node:worker_threads', /Only execute\/ may use worker threads/],
    ['src-core/cli/inspect.ts', '../../electron/main.ts', /never reaches out of src-core/],
    ['src-core/inspect/tiles.ts', 'electron', /without Electron and DOM/],
    ['src-core/inspect/tiles.ts', 'react', /without Electron and DOM/],
    ['electron/main.ts', '../src-core/plan/build.ts', /through its door, src-core\/app-door\.ts/],
    ['electron/main.ts', '../renderer/app.ts', /does not know the renderer/],
    ['renderer/layout/view.tsx', '../../src-core/index.ts', /imports types from the engine/],
    ['renderer/layout/view.tsx', 'electron', /sandboxed page/],
    ['renderer/layout/view.tsx', 'node:path', /sandboxed page/],
    ['renderer/layout/view.tsx', 'fs/promises', /sandboxed page/],
    ['renderer/layout/view.tsx', '../../electron/channels.ts', /talks to it through the preload script/],
  ])('%s may not import %s', async (file, from, message) => {
    expect(await complaints(file, importing(from))).toEqual([expect.stringMatching(message)]);
  });

  it('knows everything that stands in src-core', () => {
    const entries = readdirSync('src-core').filter((entry) => entry !== 'tsconfig.json');
    const unknown = entries.filter((entry) => !layerNames.includes(entry.replace(/\.ts$/, '')));
    expect(unknown).toEqual([]);
  });

  it('lets types through where only code is restricted, and nowhere else', async () => {
    expect(await complaints('renderer/layout/view.ts', importingType('../../src-core/index.ts'))).toEqual([]);
    expect(await complaints('renderer/layout/view.ts', importingType('../../electron/channels.ts'))).toEqual([]);
    expect(await complaints('electron/jobs.ts', importingType('../src-core/plan/build.ts'))).toEqual([]);
    expect(await complaints('src-core/specs/gqa.ts', importingType('../checkpoint/discover.ts'))).toHaveLength(1);
  });

  it('also sees re-exports and import()', async () => {
    expect(await complaints('src-core/specs/gqa.ts', "export * from '../plan/build.ts';\n")).toHaveLength(1);
    expect(await complaints('src-core/specs/gqa.ts', "export const a = await import('../plan/build.ts');\n")).toEqual([
      expect.stringMatching(/goes past the layering rule/),
    ]);
  });
});
