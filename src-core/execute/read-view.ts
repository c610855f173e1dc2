import { withFile } from '../bytes/file.ts';
import { ShardloomError } from '../errors.ts';
import type { PlanSourceFile } from '../plan/plan.ts';
import { dtypeBytes } from '../tensor/dtype.ts';
import { elementCount } from '../tensor/shape.ts';
import { sourcesOf, type View } from '../tensor/view.ts';
import { Assembler, piecesIn } from './assemble.ts';
import { createKernelMemory } from './kernels.ts';
import { SourceFiles } from './source-files.ts';

/** What a caller that holds a whole tensor in memory may ask for at once. */
const MAX_READ_BYTES = 64 * 1024 * 1024;

/**
 * The elements of views in C order, little endian: for looking at small parts. Views are read one after the other through
 * one set of buffers, sized for the largest.
 */
export function readViews(views: readonly View[]): Uint8Array[] {
  const sizes = views.map((view) => elementCount(view.shape) * dtypeBytes(view.dtype));
  const largest = Math.max(0, ...sizes);
  if (largest > MAX_READ_BYTES) {
    throw new ShardloomError({
      tag: 'over-limit',
      what: 'More was asked for at once than is read into memory.',
      found: `${largest} bytes`,
      expected: `at most ${MAX_READ_BYTES} bytes`,
    });
  }
  const stored = [...new Set(views.flatMap(sourcesOf))];
  const paths = [...new Set(stored.map((source) => source.file))];
  const planned = paths.map((path): PlanSourceFile => {
    return withFile(path, ({ size, mtimeMs }) => ({ path, size, mtimeMs }));
  });
  const sources = stored.map((source) => ({ ...source, file: paths.indexOf(source.file) }));
  const memory = createKernelMemory(2, Math.max(largest, 64));
  const files = new SourceFiles();
  const [target, scratch] = memory.addresses as [number, number];
  try {
    const assembler = new Assembler(memory, files, { sources, files: planned }, scratch, Math.max(largest, 64));
    return views.map((view, index) => {
      const regions = view.regions.map((region) => ({ ...region, source: stored.indexOf(region.source) }));
      const band = { at: view.shape.map(() => 0), size: view.shape };
      assembler.assemble(piecesIn(band, regions), view.shape, target);
      return memory.bytes.slice(target, target + sizes[index]!);
    });
  } finally {
    files.close();
  }
}
