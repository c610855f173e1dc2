import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import { consolidateCommandLine } from '../../src-core/jobs/command-line.ts';

describe('the command line of a consolidation', () => {
  test('leaves out what is the default', () => {
    const options = {
      format: 'safetensors',
      maxShardBytes: 5e9,
      dtype: null,
      digest: 'xxh64',
      replace: false,
    } as const;
    expect(consolidateCommandLine('/data/run', '/data/out', options, 'linux')).toBe(
      'shardloom consolidate /data/run /data/out',
    );
  });

  test('names everything else', () => {
    const options = {
      format: 'pytorch',
      maxShardBytes: 2_500_000_000,
      dtype: 'F32',
      digest: 'sha256',
      parts: ['model', 'adapter:a b'],
      replace: true,
    } as const;
    expect(consolidateCommandLine('/d', '/o', options, 'linux')).toBe(
      "shardloom consolidate /d /o --format pytorch --max-shard-size 2500MB --dtype float32 --digest sha256 --only model 'adapter:a b' --force",
    );
  });

  test.skipIf(process.platform === 'win32').each(['a b', "it's", '$HOME', '`id`', 'a;b', 'ü', '*', '"', '\\'])(
    'a POSIX shell reads %s as one word',
    (name) => {
      const line = consolidateCommandLine(`/x/${name}`, '/o', {}, 'linux');
      const printed = execFileSync('sh', ['-c', line.replace(/^shardloom consolidate/, "printf '%s|'")], {
        encoding: 'utf8',
      });
      expect(printed).toBe(`/x/${name}|/o|`);
    },
  );

  test('PowerShell’s quotes', () => {
    expect(consolidateCommandLine("C:\\it's here", 'D:\\out', {}, 'win32')).toBe(
      "shardloom consolidate 'C:\\it''s here' D:\\out",
    );
  });
});
