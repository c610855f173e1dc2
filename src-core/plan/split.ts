import { ShardloomError } from '../errors.ts';

/** The order in which Python sorts names: by code point, which UTF-8 bytes keep and UTF-16 units do not. */
export function compareNames(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

export interface SplitFiles {
  /** Each weights file with the names of its tensors, in order. */
  readonly files: readonly { readonly path: string; readonly tensors: readonly string[] }[];
  readonly totalBytes: number;
}

/**
 * Which tensor goes into which file: huggingface_hub's `split_state_dict_into_shards_factory`. Greedy in the given order;
 * a tensor above the limit gets a file of its own, numbered before the file that is being filled. `{suffix}` in the pattern
 * becomes `-00001-of-0000N`, or nothing where one file is enough.
 */
export function splitIntoFiles(
  tensors: readonly { readonly name: string; readonly byteLength: number }[],
  maxShardBytes: number,
  pattern: string,
): SplitFiles {
  const groups: string[][] = [];
  let current: string[] = [];
  let bytes = 0;
  for (const { name, byteLength } of tensors) {
    if (byteLength > maxShardBytes) {
      groups.push([name]);
      continue;
    }
    if (bytes + byteLength > maxShardBytes) {
      groups.push(current);
      current = [];
      bytes = 0;
    }
    current.push(name);
    bytes += byteLength;
  }
  if (current.length > 0 || groups.length === 0) groups.push(current);
  const five = (value: number): string => String(value).padStart(5, '0');
  const suffix = (index: number): string =>
    groups.length === 1 ? '' : `-${five(index + 1)}-of-${five(groups.length)}`;
  return {
    files: groups.map((names, index) => ({ path: pattern.replace('{suffix}', suffix(index)), tensors: names })),
    totalBytes: tensors.reduce((sum, { byteLength }) => sum + byteLength, 0),
  };
}

/** The index beside several weights files, as Python's `json.dumps(…, indent=2, sort_keys=True)` writes it. */
export function indexJson({ files, totalBytes }: SplitFiles): string {
  const entries = files.flatMap(({ path, tensors }) => {
    // The index names its neighbours, wherever the folder stands.
    const file = path.slice(path.lastIndexOf('/') + 1);
    return tensors.map((name) => [name, file] as const);
  });
  entries.sort(([a], [b]) => compareNames(a, b));
  const lines = entries.map(([name, file]) => `    ${asciiJson(name)}: ${asciiJson(file)}`);
  return `{\n  "metadata": {\n    "total_size": ${totalBytes}\n  },\n  "weight_map": {\n${lines.join(',\n')}\n  }\n}\n`;
}

/** A JSON string with everything outside ASCII escaped, as Python does by default. */
function asciiJson(text: string): string {
  return JSON.stringify(text).replace(/[\u007f-\uffff]/g, (unit) => {
    return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}

const UNITS: Readonly<Record<string, number>> = { KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 };

/**
 * A size such as `5GB`, as huggingface_hub's `parse_size_to_int` reads it (decimal units), or plain bytes. Throws `usage`.
 */
export function parseSize(text: string): number {
  const match = /^\s*(\d+(?:\.\d+)?)\s*([kmgt]b)?\s*$/i.exec(text);
  const size = match ? Math.trunc(Number(match[1]) * (match[2] ? UNITS[match[2].toUpperCase()]! : 1)) : NaN;
  if (Number.isSafeInteger(size) && size > 0) return size;
  throw new ShardloomError({
    tag: 'usage',
    what: 'This is not a size.',
    found: text,
    expected: 'a number with KB, MB, GB or TB, such as 500MB or 5GB',
  });
}
