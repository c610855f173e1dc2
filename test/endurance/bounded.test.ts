import fs from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { measure } from '../../bench/measure.ts';
import { manyFiles } from '../../bench/models.ts';
import { makeSparseCheckpoint } from '../../bench/sparse.ts';
import { MAX_OPEN_FILES_PER_WORKER } from '../../src-core/limits.ts';
import { CLI } from '../support/cli.ts';
import { folderForAll } from '../support/folders.ts';

const made = folderForAll();
const out = path.join(made, 'out');
const WORKERS = 2;

/** What Node itself, its threads and the output keep open. */
const OTHER_HANDLES = 60;

let sparse: { readonly folder: string; readonly bytes: number };
let files: string;

beforeAll(async () => {
  sparse = makeSparseCheckpoint(path.join(made, 'sparse'), 1);
  files = await manyFiles(made);
});

function run(...words: string[]): ReturnType<typeof measure> {
  return measure(process.execPath, [CLI, ...words]);
}

/** Small forms of what `npm run endurance` does at 40 GB and 200,000 files. */
describe.skipIf(process.platform !== 'linux')(
  'memory and file handles do not follow the size',
  { timeout: 120_000 },
  () => {
    test('of a model: 1.3 GB in less than a sixth of it', async () => {
      const { peakBytes, peakHandles } = await run(
        'consolidate',
        sparse.folder,
        out,
        '--workers',
        String(WORKERS),
        '--quiet',
      );
      fs.rmSync(out, { recursive: true });
      expect(sparse.bytes).toBeGreaterThan(1.2e9);
      expect(peakBytes).toBeLessThan(200e6);
      expect(peakHandles).toBeLessThan(WORKERS * MAX_OPEN_FILES_PER_WORKER + OTHER_HANDLES);
    });

    test('of a folder: thousands of files, a few dozen of them open', async () => {
      const count = fs.readdirSync(files, { recursive: true }).length;
      expect(count).toBeGreaterThan(4000);
      const inspected = await run('inspect', files);
      const consolidated = await run('consolidate', files, out, '--workers', String(WORKERS), '--quiet');
      for (const { peakBytes, peakHandles } of [inspected, consolidated]) {
        expect(peakBytes).toBeLessThan(300e6);
        expect(peakHandles).toBeLessThan(WORKERS * MAX_OPEN_FILES_PER_WORKER + OTHER_HANDLES);
      }
    });
  },
);
