import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { log, logText, startLog } from '../../electron/log.ts';
import { temporaryFolder } from '../support/folders.ts';

test('nothing is written before the log is started; then at once, with details and stacks', () => {
  log.info('before');
  expect(logText()).toBe('');
  const userData = temporaryFolder();
  startLog(userData);
  log.info('opened', { folder: '/data/a b', seconds: 0.5 });
  log.error('fault', new Error('on purpose'));
  const text = fs.readFileSync(path.join(userData, 'logs/main.log'), 'utf8');
  expect(text).toBe(logText());
  const time = String.raw`\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{3}Z`;
  expect(text).toMatch(new RegExp(`^${time} info opened {"folder":"/data/a b","seconds":0\\.5}\\n`));
  expect(text).toMatch(new RegExp(`\\n${time} error fault\\nError: on purpose\\n    at `));
});

test('a full log becomes the old one, and that one is forgotten', () => {
  const userData = temporaryFolder();
  startLog(userData);
  for (let line = 0; line < 3_000; line++) log.info(`line ${line} ${'x'.repeat(1000)}`);
  const sizes = fs.readdirSync(path.join(userData, 'logs')).map((file) => {
    return fs.statSync(path.join(userData, 'logs', file)).size;
  });
  expect(sizes).toHaveLength(2);
  expect(Math.max(...sizes)).toBeLessThan(1.1 * 1024 * 1024);
  expect(logText()).toContain('line 2999 ');
  expect(logText()).not.toContain('line 0 ');
});
