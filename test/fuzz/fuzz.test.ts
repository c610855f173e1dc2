import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { makeBases } from '../attacks/kinds.ts';
import { fuzz } from './loop.ts';
import { targetsIn } from './targets.ts';

/** A short run of `npm run fuzz`, the same every time. */
const EXECUTIONS = 300;

const room = fs.mkdtempSync(path.join(os.tmpdir(), 'shardloom-fuzz-'));
await makeBases(path.join(room, 'bases'));
afterAll(() => {
  fs.rmSync(room, { recursive: true, force: true });
});

test.each(targetsIn(path.join(room, 'bases'), room))('$name', { timeout: 120_000 }, async (target) => {
  const { findings, executions, kept } = await fuzz(target, { seed: 1, executions: EXECUTIONS });
  expect(findings.map(({ what }) => what)).toEqual([]);
  expect(executions).toBeGreaterThanOrEqual(EXECUTIONS);
  // Without coverage nothing would be kept, and nothing be found behind the first checks.
  expect(kept).toBeGreaterThan(1);
});
