import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect } from '@playwright/test';

/** Real checkpoints with expected results. */
export const FIXTURES = resolve('test/fixtures');

/** Two safetensors files must hold the same tensors, byte for byte. Reads them without the engine. */
export function expectSameTensors(found: string, expected: string): void {
  const [a, b] = [tensorsOf(found), tensorsOf(expected)];
  expect([...a.keys()].sort()).toEqual([...b.keys()].sort());
  for (const [name, tensor] of a) {
    const other = b.get(name)!;
    expect(tensor.what).toBe(other.what);
    expect(tensor.bytes.equals(other.bytes), name).toBe(true);
  }
}

/** One element of a matrix of bfloat16, read without the engine: the upper half of a float32. */
export function bfloat16At(file: string, name: string, row: number, column: number): number {
  const { what, bytes } = tensorsOf(file).get(name)!;
  const columns = Number(what.split('x').at(-1));
  const wide = Buffer.alloc(4);
  wide.writeUInt16LE(bytes.readUInt16LE((row * columns + column) * 2), 2);
  return wide.readFloatLE(0);
}

function tensorsOf(file: string): Map<string, { readonly what: string; readonly bytes: Buffer }> {
  const content = readFileSync(file);
  const headerEnd = 8 + Number(content.readBigUInt64LE(0));
  type Entry = { readonly dtype: string; readonly shape: number[]; readonly data_offsets: [number, number] };
  const header = JSON.parse(content.toString('utf8', 8, headerEnd)) as Record<string, Entry>;
  const entries = Object.entries(header).filter(([name]) => name !== '__metadata__');
  return new Map(
    entries.map(
      ([
        name,
        {
          dtype,
          shape,
          data_offsets: [from, to],
        },
      ]) => {
        const bytes = content.subarray(headerEnd + from, headerEnd + to);
        return [name, { what: `${name} ${dtype} ${shape.join('x')}`, bytes }];
      },
    ),
  );
}
