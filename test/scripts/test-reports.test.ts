import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { vitestOutcome } from '../../scripts/test-reports.mjs';
import { temporaryFolder } from '../support/folders.ts';

/** The outcome of a real run of Vitest on these files. */
function outcomeOf(files: Readonly<Record<string, string>>): ReturnType<typeof vitestOutcome> {
  const root = temporaryFolder();
  for (const [name, content] of Object.entries(files)) fs.writeFileSync(path.join(root, name), content);
  const report = path.join(root, 'report.json');
  const words = ['run', '--root', root, '--globals', '--reporter=json', `--outputFile=${report}`];
  spawnSync(process.execPath, [path.resolve('node_modules/vitest/vitest.mjs'), ...words]);
  return vitestOutcome(report);
}

test('a file counts as failed where none of its tests failed: not loaded, without a test, spoiled by a hook', () => {
  const { passed, skipped, failures } = outcomeOf({
    'fine.test.js': "test('one', () => {}); test.skip('two', () => {});",
    'failing.test.js': "test('one', () => {}); test('two', () => { throw new Error('as meant'); });",
    'not-loaded.test.js': "test('one', () => {}); describe('group', () => { throw new Error('while collecting'); });",
    'empty.test.js': "describe.each([])('none', () => { test('one', () => {}); });",
    'hook.test.js': "beforeAll(() => { throw new Error('in a hook'); }); test('one', () => {});",
    'nested-hook.test.js':
      "describe('group', () => { afterAll(() => { throw new Error(); }); test('one', () => {}); });",
  });
  expect({ passed, skipped }).toEqual({ passed: 3, skipped: 2 });
  expect(failures.map((text) => text.split('\n').slice(0, 2).join(' ')).sort()).toEqual([
    expect.stringMatching(/empty\.test\.js +No test suite found/),
    expect.stringMatching(/failing\.test\.js › two +Error: as meant/),
    expect.stringMatching(/^(?!.*nested).*hook\.test\.js +in a hook/),
    expect.stringMatching(/nested-hook\.test\.js +failed outside its tests/),
    expect.stringMatching(/not-loaded\.test\.js +while collecting/),
  ]);
}, 60_000);
