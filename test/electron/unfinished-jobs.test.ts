import fs from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { foldersOf, UnfinishedJobs, type UnfinishedJob } from '../../electron/unfinished-jobs.ts';
import { temporaryFolder } from '../support/folders.ts';

const times = { queuedAt: 1, startedAt: 2, endedAt: null };
const choices = {
  format: 'safetensors',
  maxShardBytes: 5e9,
  dtype: 'BF16',
  digest: 'xxh64',
  parts: ['model', 'adapter:my adapter'],
  replace: false,
  verify: true,
} as const;
const sizes = {
  tensorParallelSize: 4,
  pipelineParallelSize: 1,
  virtualPipelineParallelSize: 1,
  kvSizeMultiplier: null,
  fuseQkv: false,
  xser: false,
} as const;
const shard = { kind: 'shard', from: 'hugging-face', out: '/o', sizes, config: '/c', replace: true } as const;
const adapters = [{ name: 'default', weight: 0.5 }];

const JOBS: readonly UnfinishedJob[] = [
  { work: { kind: 'consolidate', out: '/o', choices }, ...times },
  { work: { kind: 'verify-replicas' }, ...times, startedAt: null },
  { work: { kind: 'diff', left: '/f', right: '/r' }, ...times, endedAt: 3 },
  { work: shard, ...times },
  { work: { kind: 'merge', base: '/b', adapters, out: '/o', dtype: null, replace: false }, ...times },
].map((job): UnfinishedJob => ({ name: 'run', folder: '/f', command: 'shardloom …', ...job }) as UnfinishedJob);

describe('unfinished jobs', () => {
  test('of every kind are there after a new start, with all of their choices', () => {
    const folder = path.join(temporaryFolder(), 'new');
    new UnfinishedJobs(folder).save(JOBS);
    expect(new UnfinishedJobs(folder).load()).toEqual(JOBS);
    expect(fs.readdirSync(folder)).toEqual(['unfinished-jobs.json']);
  });

  test('a job that was stored before there were virtual pipeline stages has one chunk on each stage', () => {
    const folder = temporaryFolder();
    const { virtualPipelineParallelSize: _, ...before } = sizes;
    const stored = { ...JOBS[3]!, work: { ...shard, sizes: before } };
    fs.writeFileSync(path.join(folder, 'unfinished-jobs.json'), JSON.stringify({ jobs: [stored] }));
    expect(new UnfinishedJobs(folder).load()).toEqual([JOBS[3]]);
  });

  test.each([
    ['nothing', ''],
    ['half a file', '{"jobs": [{"name": "ru'],
    ['another document', '[]'],
    ['no list', '{"jobs": 3}'],
  ])('%s is as good as none', (_what, content) => {
    const folder = temporaryFolder();
    fs.writeFileSync(path.join(folder, 'unfinished-jobs.json'), content);
    expect(new UnfinishedJobs(folder).load()).toEqual([]);
  });

  test('one that cannot be read does not take the others with it', () => {
    const folder = temporaryFolder();
    const jobs = [...JOBS, { ...JOBS[0]!, work: { kind: 'delete', out: '/' } }, null, { ...JOBS[0]!, folder: '' }];
    fs.writeFileSync(path.join(folder, 'unfinished-jobs.json'), JSON.stringify({ jobs }));
    expect(new UnfinishedJobs(folder).load()).toEqual(JOBS);
  });

  test('a folder that cannot be written keeps nothing from going on', () => {
    const file = path.join(temporaryFolder(), 'a-file');
    fs.writeFileSync(file, '');
    new UnfinishedJobs(file).save(JOBS);
    expect(new UnfinishedJobs(file).load()).toEqual([]);
  });

  test('name every folder that they need', () => {
    expect(JOBS.map(foldersOf)).toEqual([['/f', '/o'], ['/f'], ['/f', '/r'], ['/f', '/o', '/c'], ['/f', '/o', '/b']]);
  });
});
