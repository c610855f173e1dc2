import { ViewReader, type ReadBand } from '../execute/view-reader.ts';
import { DEFAULT_BAND_BYTES } from '../limits.ts';
import { elementReader } from '../tensor/decode.ts';
import { dtypeBytes, type DType } from '../tensor/dtype.ts';
import { contiguousStrides } from '../tensor/shape.ts';
import type { View } from '../tensor/view.ts';
import { walkPicture, type Picture, type PictureOptions } from './picture-walk.ts';
import { boxOfSlice, type Slice } from './slice.ts';

/** A slice drawn on fewer cells than it has elements. */
export interface Heatmap {
  readonly slice: Slice;
  readonly width: number;
  readonly height: number;
  /** Per cell, row by row: of the values read so far the one of largest magnitude, with its sign. NaN where one is not finite. */
  readonly values: Float32Array;
  /** True once every element of the slice has been read; before that rows stand for their neighbours. */
  readonly complete: boolean;
}

/**
 * The heatmap of a slice on at most `width` × `height` cells. Throws `cancelled` when the signal says so.
 */
export async function heatmapOf(
  name: string,
  view: View,
  slice: Slice,
  { width, height }: { readonly width: number; readonly height: number },
  options: PictureOptions<Heatmap> = {},
): Promise<Heatmap> {
  const box = boxOfSlice(name, view.shape, slice);
  const reader = new ViewReader([view], DEFAULT_BAND_BYTES);
  const cells = new Cells(view.dtype, slice, Math.min(width, slice.columns), Math.min(height, slice.rows));
  const picture: Picture<Heatmap> = {
    height: cells.height,
    add: (part) => cells.add(reader, reader.read(view, part), box.at),
    result: (complete) => cells.heatmap(complete),
  };
  try {
    return await walkPicture(picture, box, Math.floor(DEFAULT_BAND_BYTES / dtypeBytes(view.dtype)), options);
  } finally {
    reader.close();
  }
}

/** How the bits of a floating point type order by magnitude: without the sign, larger bits are larger numbers. */
const MAGNITUDES: Partial<Record<DType, { readonly mask: number; readonly infinity: number }>> = {
  BF16: { mask: 0x7fff, infinity: 0x7f80 },
  F16: { mask: 0x7fff, infinity: 0x7c00 },
};

/** The cells of a heatmap, filled band by band. */
class Cells {
  readonly width: number;
  readonly height: number;
  readonly #dtype: DType;
  readonly #slice: Slice;
  readonly #values: Float32Array;
  /** For 16-bit types: the bits of each cell's value, which compare faster than numbers. */
  readonly #bits: Uint16Array;
  readonly #read: ReturnType<typeof elementReader>;

  constructor(dtype: DType, slice: Slice, width: number, height: number) {
    this.#dtype = dtype;
    this.#slice = slice;
    this.width = width;
    this.height = height;
    this.#values = new Float32Array(width * height);
    this.#bits = new Uint16Array(width * height);
    this.#read = elementReader(dtype);
  }

  add(reader: ViewReader, band: ReadBand, origin: readonly number[]): void {
    const columns = band.size.at(-1) ?? 1;
    const rows = band.size.at(-2) ?? 1;
    const strides = contiguousStrides(band.size);
    const firstRow = band.at.length > 1 ? band.at.at(-2)! - origin.at(-2)! : 0;
    const firstColumn = band.at.length > 0 ? band.at.at(-1)! - origin.at(-1)! : 0;
    const magnitude = MAGNITUDES[this.#dtype];
    for (let row = 0; row < rows; row++) {
      const cellRow = Math.floor(((firstRow + row) * this.height) / this.#slice.rows) * this.width;
      const at = band.address + row * (strides.at(-2) ?? 0) * dtypeBytes(this.#dtype);
      if (magnitude) this.#addBits(reader, at, columns, firstColumn, cellRow, magnitude.mask);
      else this.#addValues(reader, at, columns, firstColumn, cellRow);
    }
  }

  #addBits(reader: ViewReader, at: number, columns: number, first: number, cellRow: number, mask: number): void {
    const bits = new Uint16Array(reader.memory.bytes.buffer as ArrayBuffer, at, columns);
    const perCell = this.width / this.#slice.columns;
    for (let column = 0; column < columns; column++) {
      const cell = cellRow + Math.floor((first + column) * perCell);
      const value = bits[column]!;
      if ((value & mask) > (this.#bits[cell]! & mask)) this.#bits[cell] = value;
    }
  }

  #addValues(reader: ViewReader, at: number, columns: number, first: number, cellRow: number): void {
    const step = dtypeBytes(this.#dtype);
    const perCell = this.width / this.#slice.columns;
    for (let column = 0; column < columns; column++) {
      const cell = cellRow + Math.floor((first + column) * perCell);
      const value = this.#read(reader.memory.view, at + column * step);
      const before = this.#values[cell]!;
      if (!Number.isFinite(value)) this.#values[cell] = NaN;
      else if (Math.abs(value) > Math.abs(before)) this.#values[cell] = value;
    }
  }

  heatmap(complete: boolean): Heatmap {
    const magnitude = MAGNITUDES[this.#dtype];
    const values = Float32Array.from(this.#values);
    if (magnitude) {
      const pattern = new DataView(new ArrayBuffer(2));
      this.#bits.forEach((bits, cell) => {
        pattern.setUint16(0, bits, true);
        values[cell] = (bits & magnitude.mask) >= magnitude.infinity ? NaN : this.#read(pattern, 0);
      });
    }
    return { slice: this.#slice, width: this.width, height: this.height, values, complete };
  }
}
