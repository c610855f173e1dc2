import { conversionIn } from '../src-core/execute/convert.ts';
import { createConvertingMemory } from '../src-core/execute/kernels.ts';
import { castBetween } from '../src-core/tensor/cast.ts';
import { dtypeBytes, type DType } from '../src-core/tensor/dtype.ts';
import { median } from './measure.ts';

/** Elements of a band. */
const COUNT = 262_144;

/** The compiled conversions beside their definition in plain JavaScript, in turn. */
export function conversionLoops(pairs: number): void {
  console.log('converting in memory, GB/s of input and of output per core');
  for (const [from, to] of [
    ['BF16', 'F32'],
    ['F32', 'BF16'],
    ['F16', 'F32'],
    ['F32', 'F16'],
    ['F64', 'BF16'],
  ] as const) {
    conversionLoop(pairs, from, to);
  }
}

function conversionLoop(pairs: number, from: DType, to: DType): void {
  const memory = createConvertingMemory(2, COUNT * 8);
  const [source, target] = memory.addresses as [number, number];
  const { buffer } = memory.bytes;
  const values = Float64Array.from({ length: COUNT }, (_, i) => Math.sin(i) / 16);
  castBetween('F64', from)(new DataView(values.buffer), new DataView(buffer, source), COUNT);
  const compiled = conversionIn(memory, from, to);
  const defined = castBetween(from, to);
  const ratios: number[] = [];
  const seconds: number[] = [];
  for (let i = 0; i <= pairs; i++) {
    const ours = secondsOf(() => {
      for (let again = 0; again < 20; again++) compiled(source, target, COUNT);
    });
    const plain = secondsOf(() => {
      defined(new DataView(buffer, source), new DataView(buffer, target), COUNT);
    });
    if (i === 0) continue;
    seconds.push(ours / 20);
    ratios.push(plain / (ours / 20));
  }
  const rate = (dtype: DType): string => ((COUNT * dtypeBytes(dtype)) / median(seconds) / 1e9).toFixed(1);
  const name = `${from} to ${to}`.padEnd(21);
  console.log(`  ${name} ${rate(from)} and ${rate(to)}   (plain loop / compiled loop ${median(ratios).toFixed(0)})`);
}

function secondsOf(action: () => void): number {
  const started = performance.now();
  action();
  return (performance.now() - started) / 1000;
}
