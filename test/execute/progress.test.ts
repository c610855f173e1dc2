import { describe, expect, test } from 'vitest';
import { ProgressMeter } from '../../src-core/execute/progress.ts';

describe('progress', () => {
  test('says nothing of rate and time left before it can know', () => {
    const meter = new ProgressMeter(1000);
    expect(meter.sample(0, 10)).toEqual({ bytesDone: 0, bytesTotal: 1000, rate: 0, secondsLeft: null });
    expect(meter.sample(50, 10.1).secondsLeft).toBeNull();
  });

  test('gives the rate of the last seconds, not of the whole run', () => {
    const meter = new ProgressMeter(100_000);
    for (let second = 0; second <= 10; second++) meter.sample(second * 100, second);
    let last = meter.sample(1000, 10);
    for (let second = 11; second <= 20; second++) last = meter.sample(1000 + (second - 10) * 1000, second);
    expect(last.rate).toBeCloseTo(1000);
    expect(last.secondsLeft).toBeCloseTo((100_000 - 11_000) / 1000);
  });
});
