import { createHash } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { loadDigests } from '../../src-core/execute/digest.ts';

describe('digests', () => {
  test('XXH64 with seed 0, as xxhash.xxh64 in Python gives', async () => {
    const make = await loadDigests();
    expect(make('xxh64').finish()).toBe('xxh64:ef46db3751d8e999');
    const digest = make('xxh64');
    digest.update(Buffer.from('a'));
    digest.update(Buffer.from('bc'));
    expect(digest.finish()).toBe('xxh64:44bc2cf5ad770999');
  });

  test('SHA-256', async () => {
    const digest = (await loadDigests())('sha256');
    digest.update(Buffer.from('abc'));
    expect(digest.finish()).toBe(`sha256:${createHash('sha256').update('abc').digest('hex')}`);
  });
});
