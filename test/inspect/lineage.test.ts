import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { describe, expect, test } from 'vitest';
import { openCheckpoint } from '../../src-core/models/open-checkpoint.ts';
import { isShardloomError } from '../../src-core/errors.ts';
import { lineagePython } from '../../src-core/inspect/lineage-python.ts';
import { descendantsOf, lineageOf, storedElementAt } from '../../src-core/inspect/lineage.ts';
import { partsOf, type CheckpointPart } from '../../src-core/inspect/parts.ts';
import { byteRuns } from '../../src-core/tensor/byte-runs.ts';
import { dtypeBytes, type DType } from '../../src-core/tensor/dtype.ts';
import { contiguousStrides, elementCount } from '../../src-core/tensor/shape.ts';
import { fixtureNames, fixturePath } from '../support/folders.ts';
import { readFolder, type Weight } from '../support/weights.ts';

/** Some positions of a tensor: the corners, and others that a fixed sequence gives. */
function samplePositions(shape: readonly number[]): number[][] {
  const at = (share: (axis: number) => number): number[] => shape.map((size, axis) => Math.floor(share(axis) * size));
  const inner = Array.from({ length: 6 }, (_, i) => at((axis) => ((i + 1) * 0.618 + axis * 0.37) % 1));
  return [at(() => 0), shape.map((size) => size - 1), ...inner];
}

/** The bytes of an element as the fixture's expected result has them. */
function expectedBytes({ bytes, dtype, shape }: Weight, position: readonly number[]): string {
  const strides = contiguousStrides(shape);
  const index = position.reduce((sum, at, axis) => sum + at * strides[axis]!, 0);
  const step = dtypeBytes(dtype as DType);
  return bytes.subarray(index * step, (index + 1) * step).toString('hex');
}

function expectedOf(name: string, part: CheckpointPart): Map<string, Weight> {
  const { adapterName } = part.state;
  const folder = adapterName === undefined || adapterName === 'default' ? '.' : adapterName;
  return readFolder(fixturePath(name, 'expected', folder));
}

function bytesAt(file: string, offset: number, length: number): string {
  const bytes = Buffer.alloc(length);
  const fd = fs.openSync(file, 'r');
  fs.readSync(fd, bytes, 0, length, offset);
  fs.closeSync(fd);
  return bytes.toString('hex');
}

describe.each(fixtureNames())('%s', (fixture) => {
  const parts = partsOf(openCheckpoint(fixturePath(fixture, 'checkpoint')));

  test('each element is at the byte offsets that its lineage gives, and leads back', () => {
    for (const part of parts) {
      const expected = expectedOf(fixture, part);
      for (const [name, { view, copies }] of part.weights!) {
        for (const at of samplePositions(view.shape)) {
          const { pieces } = lineageOf(parts, part.name, name, { at, size: at.map(() => 1) });
          expect(pieces.map(({ copy }) => copy)).toEqual([0, ...copies.map((_, copy) => copy + 1)]);
          for (const { tensor, runs, from, copy } of pieces) {
            expect(runs).toHaveLength(1);
            const [{ offset, length }] = runs as [{ offset: number; length: number }];
            expect(bytesAt(tensor.file, offset, length), name).toBe(expectedBytes(expected.get(name)!, at));
            expect(storedElementAt(parts, tensor.file, offset)).toEqual({ tensor, index: from });
            const back = descendantsOf(parts, tensor, from);
            expect(back).toContainEqual(expect.objectContaining({ part: part.name, name, at, copy }));
          }
        }
      }
    }
  });

  test('the runs of rows and columns are their bytes', () => {
    for (const part of parts) {
      for (const [name, { view }] of part.weights!) {
        if (view.shape.length !== 2) continue;
        const [rows, columns] = view.shape as [number, number];
        const boxes = [
          { at: [Math.floor(rows / 2), 0], size: [1, columns] },
          { at: [0, Math.floor(columns / 2)], size: [rows, 1] },
        ];
        for (const box of boxes) {
          const taken = lineageOf(parts, part.name, name, box).pieces.filter(({ copy }) => copy === 0);
          expect(taken.reduce((sum, { size }) => sum + elementCount(size), 0)).toBe(elementCount(box.size));
          for (const { runs, runCount, size, tensor } of taken) {
            expect(runs).toHaveLength(runCount);
            const bytes = runs.reduce((sum, { length }) => sum + length, 0);
            expect(bytes).toBe(elementCount(size) * dtypeBytes(tensor.dtype));
          }
        }
      }
    }
  });
});

test('a strided tensor has a run for each row', () => {
  const tensor = { name: 't', file: 'f', byteOffset: 100, dtype: 'BF16' as const, shape: [4, 3], strides: [5, 1] };
  expect(byteRuns(tensor, [1, 1], [2, 2])).toEqual({
    runCount: 2,
    runs: [
      { offset: 100 + 12, length: 4 },
      { offset: 100 + 22, length: 4 },
    ],
  });
});

test('an index outside the parameter is refused', () => {
  const parts = partsOf(openCheckpoint(fixturePath('llama-tp8-kv4', 'checkpoint')));
  for (const at of [[0], [-1, 0], [0, 1e9], [0.5, 0]]) {
    try {
      lineageOf(parts, 'model', 'lm_head.weight', { at, size: at.map(() => 1) });
      expect.unreachable(String(at));
    } catch (error) {
      expect(isShardloomError(error, 'usage'), String(error)).toBe(true);
    }
  }
});

/** Python with numpy, if there is one: the code that is offered must run as it is. */
function pythonWithNumpy(): string | null {
  for (const python of ['python3', '/usr/bin/python3']) {
    try {
      execFileSync(python, ['-c', 'import numpy'], { stdio: 'ignore' });
      return python;
    } catch {
      // Not this one.
    }
  }
  return null;
}

const python = pythonWithNumpy();
test.skipIf(python === null)('the Python that is offered reads just these bytes', () => {
  const parts = partsOf(openCheckpoint(fixturePath('llama-tp8-kv4', 'checkpoint')));
  const name = 'model.layers.0.self_attn.o_proj.weight';
  const [part] = parts as [CheckpointPart];
  const { shape } = part.weights!.get(name)!.view;
  const box = { at: [1, 0], size: [2, shape[1]!] };
  for (const piece of lineageOf(parts, 'model', name, box).pieces) {
    // numpy alone shows the bytes; torch would only give them their type.
    const code = lineagePython(name, piece)
      .replace('import torch\n', '')
      .replace(/values = .*\n/, '');
    const shown = execFileSync(python!, ['-c', `${code}\nprint(np.array(data).tobytes().hex(), data.shape)`], {
      encoding: 'utf8',
    });
    const expected = piece.runs.map(({ offset, length }) => bytesAt(piece.tensor.file, offset, length)).join('');
    expect(shown.trim()).toBe(`${expected} (${piece.size.join(', ')})`);
  }
});
