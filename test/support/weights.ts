import fs from 'node:fs';
import path from 'node:path';
import { withFile } from '../../src-core/bytes/file.ts';
import { readSafetensors } from '../../src-core/formats/safetensors/index.ts';
import { readTorchFile, stateDictOf } from '../../src-core/formats/torch/index.ts';
import { dtypeBytes } from '../../src-core/tensor/dtype.ts';
import { elementCount } from '../../src-core/tensor/shape.ts';

/** A tensor as a test compares it: what it is, and its bytes. */
export interface Weight {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: Buffer;
}

interface Place {
  readonly name: string;
  readonly dtype: Parameters<typeof dtypeBytes>[0];
  readonly shape: readonly number[];
  readonly byteOffset: number;
}

function placesIn(file: string): Place[] {
  return withFile(file, (source) => {
    if (file.endsWith('.safetensors')) return [...readSafetensors(source).tensors];
    return [...stateDictOf(readTorchFile(source), file)].map(([name, tensor]) => {
      if (tensor.kind !== 'tensor') throw new Error(`${name} is a reference`);
      return { ...tensor, name };
    });
  });
}

/** The tensors of one weights file, whole. Contiguous ones only, which is what is written. */
export function readWeights(file: string): Map<string, Weight> {
  const content = fs.readFileSync(file);
  return new Map(
    placesIn(file).map(({ name, dtype, shape, byteOffset }) => {
      const length = elementCount(shape) * dtypeBytes(dtype);
      return [name, { dtype, shape, bytes: content.subarray(byteOffset, byteOffset + length) }];
    }),
  );
}

/** The tensors of all weights files in a folder, which must not share names. */
export function readFolder(folder: string): Map<string, Weight> {
  const all = new Map<string, Weight>();
  for (const name of fs.readdirSync(folder).sort()) {
    if (!/\.(safetensors|bin)$/.test(name)) continue;
    for (const [tensor, weight] of readWeights(path.join(folder, name))) {
      if (all.has(tensor)) throw new Error(`${tensor} is in two files`);
      all.set(tensor, weight);
    }
  }
  return all;
}

/** What differs between two sets of weights, in words; empty where they are equal byte for byte. */
export function differences(found: ReadonlyMap<string, Weight>, expected: ReadonlyMap<string, Weight>): string[] {
  const names = new Set([...found.keys(), ...expected.keys()]);
  return [...names].sort().flatMap((name) => {
    const [a, b] = [found.get(name), expected.get(name)];
    if (!a) return [`${name} is missing`];
    if (!b) return [`${name} is not expected`];
    if (a.dtype !== b.dtype) return [`${name} is ${a.dtype}, not ${b.dtype}`];
    if (a.shape.join() !== b.shape.join()) return [`${name} is [${a.shape.join()}], not [${b.shape.join()}]`];
    return a.bytes.equals(b.bytes) ? [] : [`${name} has other bytes`];
  });
}
