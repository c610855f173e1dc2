import { expect, test } from 'vitest';
import { privateBytes } from '../../electron/memory.ts';

const metric = (pid: number, privateKilobytes?: number) => ({
  pid,
  memory: {
    workingSetSize: 500_000,
    peakWorkingSetSize: 500_000,
    ...(privateKilobytes !== undefined && { privateBytes: privateKilobytes }),
  },
});

test('Windows says what each process has for itself; macOS does not, and then there is no figure', () => {
  expect(privateBytes([metric(1, 100), metric(2, 20)], 'win32')).toBe(120 * 1024);
  expect(privateBytes([metric(1), metric(2)], 'darwin')).toBeNull();
});

test.runIf(process.platform === 'linux')('on Linux shared pages are left out, and processes that have ended', () => {
  const kept = Buffer.alloc(50_000_000, 1);
  const own = privateBytes([metric(process.pid)])!;
  expect(own).toBeGreaterThan(kept.length);
  expect(own).toBeLessThan(process.memoryUsage.rss());
  expect(privateBytes([metric(2 ** 30)])).toBe(0);
});
