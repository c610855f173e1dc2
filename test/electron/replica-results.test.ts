import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { ReplicaResults } from '../../electron/replica-results.ts';
import { temporaryFolder } from '../support/folders.ts';

const CHECK = { replicas: [], compared: 3, different: 1, bytes: 10, seconds: 0.5, kvPlacements: [], findings: [] };

test('a result is found under its fingerprint only, also by the next start of the app', () => {
  const folder = temporaryFolder();
  const results = new ReplicaResults(folder);
  expect(results.load('aa')).toBeNull();
  results.save('aa', CHECK);
  expect(results.load('aa')!.check).toEqual(CHECK);
  expect(new ReplicaResults(folder).load('aa')!.check).toEqual(CHECK);
  expect(results.load('bb')).toBeNull();
});

test('a damaged file is as good as none', () => {
  const folder = temporaryFolder();
  const results = new ReplicaResults(folder);
  results.save('aa', CHECK);
  const file = path.join(folder, 'replica-checks/aa.json');
  fs.truncateSync(file, 10);
  expect(results.load('aa')).toBeNull();
  fs.writeFileSync(file, '{"checkedAt": 1, "check": {}}');
  expect(results.load('aa')).toBeNull();
});

test('the oldest are forgotten', () => {
  const folder = temporaryFolder();
  const results = new ReplicaResults(folder);
  for (let number = 0; number < 60; number++) {
    results.save(`check-${number}`, CHECK);
    const at = new Date(Date.now() - 1_000_000 + number * 1_000);
    fs.utimesSync(path.join(folder, `replica-checks/check-${number}.json`), at, at);
  }
  expect(fs.readdirSync(path.join(folder, 'replica-checks')).length).toBeLessThanOrEqual(51);
  expect(results.load('check-0')).toBeNull();
  expect(results.load('check-59')).not.toBeNull();
});
