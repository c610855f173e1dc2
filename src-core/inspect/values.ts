import { ShardloomError } from '../errors.ts';
import { ViewReader } from '../execute/view-reader.ts';
import { MAX_SHOWN_VALUES } from '../limits.ts';
import { elementReader } from '../tensor/decode.ts';
import { dtypeBytes } from '../tensor/dtype.ts';
import type { View } from '../tensor/view.ts';
import { boxOfSlice, type Slice } from './slice.ts';

/** Values of a slice, row by row: exactly what is stored. */
export interface SliceValues {
  readonly slice: Slice;
  /** 64-bit integers, which a double cannot hold, as decimal text. */
  readonly values: readonly (number | string)[];
}

/** Reads the values of a slice. At most {@link MAX_SHOWN_VALUES}. */
export function valuesOf(name: string, view: View, slice: Slice): SliceValues {
  const box = boxOfSlice(name, view.shape, slice);
  const count = slice.rows * slice.columns;
  if (count > MAX_SHOWN_VALUES) {
    throw new ShardloomError({
      tag: 'over-limit',
      what: 'More values were asked for than are shown at once.',
      tensor: name,
      found: String(count),
      expected: `at most ${MAX_SHOWN_VALUES}`,
    });
  }
  const bytes = dtypeBytes(view.dtype);
  const reader = new ViewReader([view], Math.max(64, count * bytes));
  try {
    const { address } = reader.read(view, box);
    const read = textReader(view) ?? elementReader(view.dtype);
    return { slice, values: Array.from({ length: count }, (_, i) => read(reader.memory.view, address + i * bytes)) };
  } finally {
    reader.close();
  }
}

function textReader({ dtype }: View): ((bytes: DataView, at: number) => string) | null {
  if (dtype === 'I64') return (bytes, at) => bytes.getBigInt64(at, true).toString();
  if (dtype === 'U64') return (bytes, at) => bytes.getBigUint64(at, true).toString();
  return null;
}
