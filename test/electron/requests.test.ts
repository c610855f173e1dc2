import { describe, expect, test } from 'vitest';
import { requestSchemas } from '../../electron/requests.ts';

const choices = {
  format: 'safetensors',
  maxShardBytes: 5e9,
  dtype: null,
  digest: 'xxh64',
  parts: ['model', 'adapter:my adapter'],
  replace: false,
  verify: false,
};
const consolidation = { checkpoint: 1, out: '/tmp/out', choices };

const foundInside = {
  tag: 'not-a-checkpoint',
  what: 'x',
  file: '/run',
  isFolder: true,
  checkpoints: ['/run/checkpoint-5'],
};

describe('arguments of requests', () => {
  test.each([
    ['app:start', []],
    ['app:change-settings', [{ theme: 'dark' }]],
    ['app:change-settings', [{}]],
    ['checkpoint:parameters', [{ checkpoint: 3, offset: 0, limit: 5000 }]],
    ['checkpoint:parameter', [{ checkpoint: 3, part: 'adapter:x', name: 'a.b' }]],
    ['checkpoint:reveal', [{ checkpoint: 3 }]],
    ['consolidation:start', [consolidation]],
    ['diagnostics:outline', [{ job: null, problem: { tag: 'no-space', what: 'The disk is full.', file: '/x' } }]],
    ['diagnostics:export', [{ job: 3, problem: null, shortenPaths: true }]],
    ['job:digests', [{ job: 1, offset: 10, limit: 10 }]],
    ['diagnostics:outline', [{ job: null, problem: foundInside }]],
  ] as const)('%s takes %j', (channel, args) => {
    expect(requestSchemas[channel].safeParse(args).success).toBe(true);
  });

  test.each([
    ['app:start', ['more']],
    ['app:change-settings', [{ theme: 'pink' }]],
    ['app:change-settings', [{ other: true }]],
    ['app:copy-text', [1]],
    ['checkpoint:open-recent', ['']],
    ['checkpoint:parameters', [{ checkpoint: 3, offset: -1, limit: 5000 }]],
    ['checkpoint:parameters', [{ checkpoint: 3, offset: 0, limit: 1e9 }]],
    ['checkpoint:parameters', [{ checkpoint: 3, offset: NaN, limit: 1 }]],
    ['checkpoint:parameter', [{ checkpoint: 3, part: 'other', name: 'a' }]],
    ['consolidation:start', [{ ...consolidation, choices: { ...choices, dtype: 'F5' } }]],
    ['consolidation:start', [{ ...consolidation, choices: { ...choices, parts: [] } }]],
    ['consolidation:start', [{ ...consolidation, more: 1 }]],
    ['diagnostics:export', [{ job: 3, problem: null }]],
    ['diagnostics:export', [{ job: 3, problem: null, shortenPaths: true, file: '/etc/passwd' }]],
    ['diagnostics:outline', [{ job: null, problem: { tag: 'no-space', what: 'x', more: 1 } }]],
    ['job:cancel', ['1']],
  ] as const)('%s refuses %j', (channel, args) => {
    expect(requestSchemas[channel].safeParse(args).success).toBe(false);
  });
});
