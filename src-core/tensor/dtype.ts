/**
 * Element types, named as in the safetensors format. The order of the table is the order of safetensors' `Dtype` enum
 * ("in increasing alignment order"), by which its writer sorts tensors.
 */
const TABLE = [
  // name, bits, torch name, how NaN and Inf look
  ['BOOL', 8, 'bool', 'none'],
  ['F4', 4, 'float4_e2m1fn_x2', 'none'],
  ['F6_E2M3', 6, null, 'none'],
  ['F6_E3M2', 6, null, 'none'],
  ['U8', 8, 'uint8', 'none'],
  ['I8', 8, 'int8', 'none'],
  ['F8_E5M2', 8, 'float8_e5m2', 'ieee'],
  ['F8_E4M3', 8, 'float8_e4m3fn', 'fn'],
  ['F8_E8M0', 8, 'float8_e8m0fnu', 'e8m0'],
  ['F8_E4M3FNUZ', 8, 'float8_e4m3fnuz', 'fnuz'],
  ['F8_E5M2FNUZ', 8, 'float8_e5m2fnuz', 'fnuz'],
  ['I16', 16, 'int16', 'none'],
  ['U16', 16, 'uint16', 'none'],
  ['F16', 16, 'float16', 'ieee'],
  ['BF16', 16, 'bfloat16', 'ieee'],
  ['I32', 32, 'int32', 'none'],
  ['U32', 32, 'uint32', 'none'],
  ['F32', 32, 'float32', 'ieee'],
  ['C64', 64, 'complex64', 'ieee'],
  ['F64', 64, 'float64', 'ieee'],
  ['I64', 64, 'int64', 'none'],
  ['U64', 64, 'uint64', 'none'],
] as const;

export type DType = (typeof TABLE)[number][0];

/** How an element type writes values that are not finite. */
export type NonFinite = (typeof TABLE)[number][3];

interface DTypeFacts {
  readonly bits: number;
  readonly torch: string | null;
  readonly nonFinite: NonFinite;
  readonly order: number;
}

const FACTS = new Map<DType, DTypeFacts>(
  TABLE.map(([name, bits, torch, nonFinite], order) => [name, { bits, torch, nonFinite, order }]),
);
const BY_TORCH_NAME = new Map<string, DType>(TABLE.flatMap(([name, , torch]) => (torch ? [[torch, name]] : [])));

/** Every element type, in the order of safetensors' enum. */
export const DTYPES: readonly DType[] = TABLE.map(([name]) => name);

function facts(dtype: DType): DTypeFacts {
  return FACTS.get(dtype)!;
}

export function isDType(name: string): name is DType {
  return FACTS.has(name as DType);
}

/** Bits of one element; below 8 for the packed types F4 and F6. */
export function dtypeBits(dtype: DType): number {
  return facts(dtype).bits;
}

/** Bytes of one element. Packed types (F4, F6) have no whole number of bytes: they cannot be cut and are refused. */
export function dtypeBytes(dtype: DType): number {
  const { bits } = facts(dtype);
  if (bits % 8 !== 0) throw new RangeError(`${dtype} elements are ${bits} bits and cannot be addressed one by one`);
  return bits / 8;
}

/** Position in safetensors' `Dtype` enum; its writer puts higher ones first. */
export function dtypeOrder(dtype: DType): number {
  return facts(dtype).order;
}

/** `torch.<name>` without the prefix, or null where torch has no such type. */
export function torchName(dtype: DType): string | null {
  return facts(dtype).torch;
}

/** The element type that torch calls `name` ("bfloat16"), or null. */
export function dtypeFromTorchName(name: string): DType | null {
  return BY_TORCH_NAME.get(name) ?? null;
}

export function nonFiniteKind(dtype: DType): NonFinite {
  return facts(dtype).nonFinite;
}

const FLOATING: ReadonlySet<DType> = new Set<DType>(['F16', 'BF16', 'F32', 'F64']);

/** The types that `--dtype` converts from and to. Others keep their type, as `module.to(dtype)` leaves integers alone. */
export function isCastable(dtype: DType): boolean {
  return FLOATING.has(dtype);
}
