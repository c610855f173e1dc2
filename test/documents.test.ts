import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';

const documents = [
  'README.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  'test/attacks/README.md',
  'test/fixtures/README.md',
].concat(
  fs
    .readdirSync('docs', { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .map((name) => path.join('docs', name)),
);

describe('documents', () => {
  test.each(documents)('%s leads only to what is there', (document) => {
    const text = fs.readFileSync(document, 'utf8');
    const links = [...text.matchAll(/(?:\]\(|src(?:set)?=")([^)#"\s]+)/g)].map(([, link]) => link!);
    const local = links.filter((link) => !/^[a-z]+:/.test(link));
    const missing = local.filter((link) => !fs.existsSync(path.join(path.dirname(document), link)));
    expect(missing).toEqual([]);
  });

  test('every promise names a test that is there', () => {
    const text = fs.readFileSync('docs/reliability.md', 'utf8');
    const rows = text.split('\n').filter((line) => line.startsWith('| ') && !/^\| (promise|---)/.test(line));
    expect(rows.length).toBeGreaterThan(30);
    for (const row of rows) {
      const named = [...row.matchAll(/`((?:test|e2e)\/[^`]+)`/g)].map(([, file]) => file!);
      expect(named, row).not.toEqual([]);
      expect(
        named.filter((file) => !fs.existsSync(file)),
        row,
      ).toEqual([]);
    }
  });

  test('every name of the API is in the file and has the test that the table names', () => {
    const [table] = fs.readFileSync('docs/api-names.md', 'utf8').split('\n## ') as [string];
    const rows = table.split('\n').filter((line) => line.startsWith('| `'));
    expect(rows.length).toBeGreaterThan(20);
    const quoted = (cell: string): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, text]) => text!);
    for (const row of rows) {
      const [, there, here, file, tests] = row.split('|').map((cell) => cell.trim()) as [
        string,
        string,
        string,
        string,
        string,
      ];
      const missing = quoted(tests).filter((name) => !fs.existsSync(`test/${name}.test.ts`));
      expect(missing, row).toEqual([]);
      const files = file === 'each spec' ? ['specs/fused-linears.ts', 'specs/gqa-qkv.ts'] : quoted(file);
      const code = files.map((name) => fs.readFileSync(`src-core/${name}`, 'utf8')).join('');
      const names = here.startsWith('same')
        ? [...quoted(there).filter((name) => !name.includes('_')), ...quoted(here)]
        : quoted(here);
      const absent = names.filter((name) => !code.includes(name.replace(/^\./, '')));
      expect(absent, row).toEqual([]);
    }
  });
});
