import { MAX_LINEAGE_RUNS } from '../limits.ts';
import { dtypeBytes } from './dtype.ts';
import { elementCount } from './shape.ts';
import type { StoredTensor } from './stored.ts';

/** Bytes `[offset, offset + length)` of a file. */
export interface ByteRun {
  readonly offset: number;
  readonly length: number;
}

/** The bytes of a box of a stored tensor, as runs in C order; the first {@link MAX_LINEAGE_RUNS}. */
export function byteRuns(
  tensor: StoredTensor,
  from: readonly number[],
  size: readonly number[],
): { readonly runs: readonly ByteRun[]; readonly runCount: number } {
  const bytes = dtypeBytes(tensor.dtype);
  // Axes from the last on that lie one behind the other make one run.
  let axis = size.length;
  let length = 1;
  while (axis > 0 && (size[axis - 1] === 1 || tensor.strides[axis - 1] === length)) {
    axis--;
    length *= size[axis]!;
  }
  const outer = size.slice(0, axis);
  const runCount = elementCount(outer);
  const runs: ByteRun[] = [];
  for (let run = 0; run < Math.min(runCount, MAX_LINEAGE_RUNS); run++) {
    let rest = run;
    let offset = from.reduce((sum, at, k) => sum + at * tensor.strides[k]!, 0);
    for (let k = outer.length - 1; k >= 0; k--) {
      offset += (rest % outer[k]!) * tensor.strides[k]!;
      rest = Math.floor(rest / outer[k]!);
    }
    runs.push({ offset: tensor.byteOffset + offset * bytes, length: length * bytes });
  }
  return { runs, runCount };
}
