import { isInside } from '../../bytes/range.ts';
import { ShardloomError, type ErrorTag } from '../../errors.ts';
import {
  MAX_JSON_VALUES,
  MAX_NAME_LENGTH,
  MAX_SAFETENSORS_HEADER_BYTES,
  MIN_SAFETENSORS_BYTES_PER_VALUE,
} from '../../limits.ts';
import { parseJson } from '../json.ts';
import { dtypeBits, dtypeOrder, isDType, type DType } from '../../tensor/dtype.ts';
import { elementCount, isValidShape, type Shape } from '../../tensor/shape.ts';
import { findDuplicateKey } from './duplicate-keys.ts';
import { formatBytes, formatPlural, formatShape } from '../../units.ts';

/** A tensor as the header describes it; offsets are bytes from the end of the header, `[begin, end)`. */
export interface HeaderTensor {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
  readonly begin: number;
  readonly end: number;
}

export interface Header {
  readonly metadata: ReadonlyMap<string, string>;
  /** In the order of their bytes. */
  readonly tensors: readonly HeaderTensor[];
}

const ADVICE = 'The file is damaged or is no safetensors file: fetch it again.';

/** The name under which a header holds texts and no tensor. */
export const METADATA_NAME = '__metadata__';

/** Bytes in front of the header: its length as an unsigned 64-bit integer. */
export const LENGTH_BYTES = 8;

/** Bytes that a tensor takes; NaN where it has no whole number of bytes (packed types with an odd count). */
export function tensorBytes(dtype: DType, shape: Shape): number {
  const bits = elementCount(shape) * dtypeBits(dtype);
  return Number.isSafeInteger(bits) && bits % 8 === 0 ? bits / 8 : NaN;
}

/** The order of the reference library's writer: by dtype, the later ones of its enum first, then by name. */
export function compareForWriting(
  a: { readonly name: string; readonly dtype: DType },
  b: { readonly name: string; readonly dtype: DType },
): number {
  return dtypeOrder(b.dtype) - dtypeOrder(a.dtype) || Buffer.compare(Buffer.from(a.name), Buffer.from(b.name));
}

/**
 * Checks what both reading and writing rely on (the reference library's `Metadata::validate`, and that names are unique):
 * tensors lie one behind the other from 0 on without hole or overlap, each as long as its shape and dtype ask for. Returns
 * the length of the data.
 */
export function validateHeader(header: Header, file: string): number {
  const names = new Set<string>();
  let end = 0;
  for (const tensor of header.tensors) {
    const { name, dtype, shape } = tensor;
    if (names.has(name)) throw bad(file, name, 'A tensor is listed twice.');
    names.add(name);
    if (tensor.begin !== end) {
      const gap = tensor.begin > end ? 'There is a hole between two tensors.' : 'Two tensors share bytes.';
      throw bad(file, name, gap, `data_offsets begin at ${tensor.begin}`, `${end}, where the tensor before ends`);
    }
    const bytes = tensorBytes(dtype, shape);
    if (!Number.isSafeInteger(bytes)) {
      throw bad(file, name, 'A tensor has no whole number of bytes.', `${dtype} ${formatShape(shape)}`);
    }
    if (tensor.end - tensor.begin !== bytes) {
      throw bad(
        file,
        name,
        'A tensor’s length does not fit its shape and dtype.',
        formatPlural(tensor.end - tensor.begin, 'byte'),
        `${formatPlural(bytes, 'byte')} for ${dtype} ${formatShape(shape)}`,
      );
    }
    end = tensor.end;
  }
  return end;
}

/** Reads and checks the JSON text of a header. `dataBytes` is what the file holds behind it. */
export function parseHeader(bytes: Uint8Array, dataBytes: number, file: string): Header {
  if (bytes[0] !== 0x7b) throw bad(file, undefined, 'The header does not begin with "{".');
  const document = parseHeaderText(withoutPadding(bytes), file);
  let metadata: ReadonlyMap<string, string> = new Map();
  const tensors: HeaderTensor[] = [];
  for (const [name, entry] of Object.entries(document)) {
    if (name === METADATA_NAME) metadata = parseMetadata(entry, file);
    else tensors.push(parseTensor(name, entry, file));
  }
  tensors.sort((a, b) => a.begin - b.begin || a.end - b.end);
  const header = { metadata, tensors };
  const end = validateHeader(header, file);
  if (end !== dataBytes) {
    const cut = end > dataBytes;
    throw bad(
      file,
      undefined,
      cut ? 'The file ends before its last tensor does.' : 'The file has bytes behind its last tensor.',
      `${formatPlural(dataBytes, 'byte')} of data`,
      formatPlural(end, 'byte'),
      cut ? 'cut-file' : 'bad-safetensors',
    );
  }
  return header;
}

/** Writers fill a header up with spaces; a header that is nothing else must not take twice its memory. */
function withoutPadding(bytes: Uint8Array): Uint8Array {
  let end = bytes.byteLength;
  while (end > 0 && bytes[end - 1] === 0x20) end--;
  return bytes.subarray(0, end);
}

function parseHeaderText(bytes: Uint8Array, file: string): object {
  const what = 'The header is not valid JSON.';
  const maxValues = Math.max(MAX_JSON_VALUES, Math.floor(bytes.length / MIN_SAFETENSORS_BYTES_PER_VALUE));
  const { text, document } = parseJson(bytes, { file, tag: 'bad-safetensors', what, advice: ADVICE, maxValues });
  // JSON.parse keeps the last of two equal keys, and so does the reference library: then two readers may see two tensors.
  const twice = findDuplicateKey(text);
  if (twice !== null) throw bad(file, twice, 'The header has the same key twice.');
  return document as object;
}

function parseMetadata(entry: unknown, file: string): Map<string, string> {
  const valid = isObject(entry) && Object.values(entry).every((value) => typeof value === 'string');
  if (!valid) throw bad(file, METADATA_NAME, 'The header’s metadata may hold text only.');
  return new Map(Object.entries(entry as Record<string, string>));
}

function parseTensor(name: string, entry: unknown, file: string): HeaderTensor {
  if (name.length > MAX_NAME_LENGTH)
    throw bad(file, `${name.slice(0, 80)}…`, 'A name is too long.', undefined, undefined, 'over-limit');
  if (!isObject(entry)) throw bad(file, name, 'A tensor is not described by an object.');
  const { dtype, shape, data_offsets: offsets, ...others } = entry;
  const unknown = Object.keys(others);
  if (unknown.length > 0) throw bad(file, name, 'A tensor has an unknown field.', unknown.join(', '));
  if (typeof dtype !== 'string' || !isDType(dtype))
    throw bad(file, name, 'A tensor has an unknown dtype.', JSON.stringify(dtype));
  if (!Array.isArray(shape) || !isValidShape(shape)) {
    throw bad(file, name, 'A tensor has an impossible shape.', JSON.stringify(shape), 'whole numbers from 0 on');
  }
  const [begin, end] = Array.isArray(offsets) && offsets.length === 2 ? (offsets as unknown[]) : [];
  if (typeof begin !== 'number' || typeof end !== 'number' || !isInside(begin, end - begin, Number.MAX_SAFE_INTEGER)) {
    throw bad(
      file,
      name,
      'A tensor has impossible data_offsets.',
      JSON.stringify(offsets),
      '[begin, end] with begin <= end',
    );
  }
  return { name, dtype, shape, begin, end };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The error for the length in front of the header. */
export function badHeaderLength(file: string, length: bigint, fileSize: number): ShardloomError {
  return length > BigInt(MAX_SAFETENSORS_HEADER_BYTES)
    ? bad(
        file,
        undefined,
        'The header is too large.',
        formatBytes(Number(length)),
        `at most ${formatBytes(MAX_SAFETENSORS_HEADER_BYTES)}`,
        'over-limit',
      )
    : bad(
        file,
        undefined,
        'The file ends inside its header.',
        formatPlural(fileSize, 'byte'),
        `${formatPlural(Number(length), 'byte')} of header`,
        'cut-file',
      );
}

export function bad(
  file: string,
  tensor: string | undefined,
  what: string,
  found?: string,
  expected?: string,
  tag: ErrorTag = 'bad-safetensors',
): ShardloomError {
  return new ShardloomError({
    tag,
    what,
    file,
    ...(tensor !== undefined && { tensor }),
    ...(found !== undefined && { found }),
    ...(expected !== undefined && { expected }),
    advice: ADVICE,
  });
}
