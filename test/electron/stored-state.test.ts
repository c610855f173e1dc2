import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { folderFromArguments } from '../../electron/arguments.ts';
import { StateFile } from '../../electron/stored-state.ts';
import { temporaryFolder } from '../support/folders.ts';

test('what is changed is there after a new start', () => {
  const folder = path.join(temporaryFolder(), 'new');
  const recents = [{ folder: '/data/run', name: 'run', facts: 'Llama', openedAt: 1 }];
  new StateFile(folder).change({ recents, settings: { theme: 'dark' } });
  const { state } = new StateFile(folder);
  expect(state).toEqual({ recents, settings: { theme: 'dark' }, window: null });
  expect(fs.readdirSync(folder)).toEqual(['state.json']);
});

test.each([
  ['nothing', ''],
  ['half a file', '{"settings": {"theme": "da'],
  ['another document', '[]'],
])('%s gives the defaults', (_what, content) => {
  const folder = temporaryFolder();
  fs.writeFileSync(path.join(folder, 'state.json'), content);
  expect(new StateFile(folder).state).toEqual({ recents: [], settings: { theme: 'system' }, window: null });
});

test('one bad field does not take the others with it', () => {
  const folder = temporaryFolder();
  const document = { settings: { theme: 'pink' }, recents: [], window: { width: 900, height: 700, maximized: true } };
  fs.writeFileSync(path.join(folder, 'state.json'), JSON.stringify(document));
  expect(new StateFile(folder).state).toEqual({ ...document, settings: { theme: 'system' } });
});

test('the folder of the command line, packaged or not', () => {
  expect(folderFromArguments(['shardloom', 'run/checkpoint-10'], '/data', true)).toBe('/data/run/checkpoint-10');
  expect(folderFromArguments(['shardloom', '--no-sandbox', '/data/x'], '/', true)).toBe('/data/x');
  expect(folderFromArguments(['electron', '.', '/data/x'], '/', false)).toBe('/data/x');
  expect(folderFromArguments(['electron', '.'], '/', false)).toBeNull();
  expect(folderFromArguments(['shardloom'], '/', true)).toBeNull();
});
