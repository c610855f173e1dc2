import type { DType } from '../../src-core/index.ts';

/** What floating point weights can be written as, for a menu. */
export const OUTPUT_DTYPES: readonly { readonly value: DType | ''; readonly label: string }[] = [
  { value: '', label: 'As stored' },
  { value: 'BF16', label: 'bfloat16' },
  { value: 'F16', label: 'float16' },
  { value: 'F32', label: 'float32' },
  { value: 'F64', label: 'float64' },
];
