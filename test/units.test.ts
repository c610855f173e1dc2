import { describe, expect, test } from 'vitest';
import {
  formatBytes,
  formatCount,
  formatDuration,
  formatParameters,
  formatPlural,
  formatShape,
} from '../src-core/units.ts';

describe('numbers as text', () => {
  test.each([
    [0, '0 B'],
    [999, '999 B'],
    [1000, '1.00 kB'],
    [1_236_567_890, '1.24 GB'],
    [999_600, '1.00 MB'],
    [12_340_000_000, '12.3 GB'],
    [140_000_000_000, '140 GB'],
  ])('%d bytes', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });

  test.each([
    [620_000_000, '0.62 B'],
    [8_030_000_000, '8.03 B'],
    [405_000_000_000, '405 B'],
    [12_400_000, '12.4 M'],
    [5_120, '5.12 k'],
    [12, '12'],
  ])('%d parameters', (count, text) => {
    expect(formatParameters(count)).toBe(text);
  });

  test.each([
    [0.0234, '23 ms'],
    [0.42, '0.4 s'],
    [12.4, '12 s'],
    [80, '1 min 20 s'],
    [7500, '2 h 5 min'],
  ])('%d seconds', (seconds, text) => {
    expect(formatDuration(seconds)).toBe(text);
  });

  test('counts, shapes and plurals', () => {
    expect(formatCount(1234567)).toBe('1\u2009234\u2009567');
    expect(formatShape([4096, 14336])).toBe('4096 × 14336');
    expect(formatShape([])).toBe('scalar');
    expect(formatPlural(1, 'file')).toBe('1 file');
    expect(formatPlural(2, 'copy', 'copies')).toBe('2 copies');
  });
});
