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
});
