import { ShardloomError } from '../errors.ts';
import { MAX_OPERAND_BYTES } from '../limits.ts';
import type { PlanOperand, PlanTensor, PlanUpdate } from '../plan/plan.ts';
import { castBetween } from '../tensor/cast.ts';
import { dtypeBytes, type DType } from '../tensor/dtype.ts';
import type { Box } from './bands.ts';
import { conversionIn } from './convert.ts';
import { createProductMemory } from './kernels.ts';
import { formatBytes } from '../units.ts';

/** Reads all of an operand: elements in C order as they are stored. */
type ReadOperand = (operand: PlanOperand) => Uint8Array;

type Wide = 'F32' | 'F64';
type ProductMemory = ReturnType<typeof createProductMemory>;
type WideArray = Float32Array | Float64Array;

/** Rows that one step of the loops works on, and bytes of a panel's row. */
const ROWS = 4;
const PANEL_BYTES = 32;

/**
 * Adds products of thin matrices to one tensor, band by band: `W + sum of scale * B·A`. Sums are kept in float32 where the result
 * is a 16-bit type, in float64 where it is wider, and rounded to the result's type once. All products are one: their matrices are
 * joined along the rank.
 */
export class LowRankUpdate {
  readonly #from: DType;
  readonly #to: DType;
  readonly #wide: Wide;
  readonly #rank: number;
  /** [rank, columns] and [rows, rank], scaled. */
  readonly #a: WideArray;
  readonly #b: WideArray;
  readonly #columns: number;
  #memory: ProductMemory | null = null;
  #capacity = 0;
  /** The columns that are packed in memory. */
  #packed = '';

  constructor(tensor: PlanTensor, updates: readonly PlanUpdate[], read: ReadOperand) {
    const [rows = 0, columns = 0] = tensor.shape;
    this.#from = tensor.sourceDtype;
    this.#to = tensor.dtype;
    const isNarrow = dtypeBytes(this.#to) <= 2 && this.#from !== 'F64';
    this.#wide = isNarrow ? 'F32' : 'F64';
    this.#columns = columns;
    this.#rank = updates.reduce((sum, { a }) => sum + a.shape[0]!, 0);
    const bytes = (rows + columns) * this.#rank * dtypeBytes(this.#wide);
    if (bytes > MAX_OPERAND_BYTES) throw tooLarge(tensor, this.#rank, bytes);
    this.#a = this.#array(this.#rank * columns);
    this.#b = this.#array(rows * this.#rank);
    let at = 0;
    for (const update of updates) {
      this.#join(update, at, rows, read);
      at += update.a.shape[0]!;
    }
  }

  /** Takes the band at `source` in `bytes`, adds its part of the products and writes it to `target`, both in C order. */
  add(bytes: Uint8Array, source: number, target: number, band: Box): void {
    const [row = 0, column = 0] = band.at;
    const [rows = 0, columns = 0] = band.size;
    const memory = this.#prepared(rows, columns);
    const [input, acc, a, b, output] = memory.addresses as [number, number, number, number, number];
    this.#packColumns(memory, a, column, columns);
    this.#packRows(memory, b, row, rows);
    const stride = this.#panels(columns) * PANEL_BYTES;
    const from = dtypeBytes(this.#from);
    const to = dtypeBytes(this.#to);
    memory.bytes.set(bytes.subarray(source, source + rows * columns * from), input);
    const widen = conversionIn(memory, this.#from, this.#wide);
    for (let i = 0; i < rows; i++) widen(input + i * columns * from, acc + i * stride, columns);
    const { addProduct32, addProduct64 } = memory.kernels;
    const addProduct = this.#wide === 'F32' ? addProduct32 : addProduct64;
    addProduct(acc, stride, roundUp(rows, ROWS), this.#panels(columns), a, b, this.#rank);
    const round = conversionIn(memory, this.#wide, this.#to);
    for (let i = 0; i < rows; i++) round(acc + i * stride, output + i * columns * to, columns);
    bytes.set(memory.bytes.subarray(output, output + rows * columns * to), target);
  }

  #array(length: number): WideArray {
    return this.#wide === 'F32' ? new Float32Array(length) : new Float64Array(length);
  }

  /** Joins one product's matrices to those of the others, from rank `at` on. */
  #join({ scale, transposed, a, b }: PlanUpdate, at: number, rows: number, read: ReadOperand): void {
    const rank = a.shape[0]!;
    const [first, second] = [this.#read(a, read), this.#read(b, read)];
    // The transposed product is the product of the transposed matrices in the other order.
    if (transposed) {
      for (let k = 0; k < rank; k++) {
        for (let j = 0; j < this.#columns; j++) this.#a[(at + k) * this.#columns + j] = second[j * rank + k]!;
      }
    } else this.#a.set(first, at * this.#columns);
    for (let i = 0; i < rows; i++) {
      for (let k = 0; k < rank; k++) {
        this.#b[i * this.#rank + at + k] = scale * (transposed ? first[k * rows + i]! : second[i * rank + k]!);
      }
    }
  }

  #read(operand: PlanOperand, read: ReadOperand): WideArray {
    const bytes = read(operand);
    const values = this.#array(bytes.byteLength / dtypeBytes(operand.dtype));
    castBetween(operand.dtype, this.#wide)(
      new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength),
      new DataView(values.buffer),
      values.length,
    );
    return values;
  }

  #panels(columns: number): number {
    return Math.ceil((columns * dtypeBytes(this.#wide)) / PANEL_BYTES);
  }

  /** Memory for bands of this size: made for the first one, and again only for a larger one. */
  #prepared(rows: number, columns: number): ProductMemory {
    const stride = this.#panels(columns) * PANEL_BYTES;
    const padded = roundUp(rows, ROWS);
    const wide = dtypeBytes(this.#wide);
    const needed = padded * stride;
    if (this.#memory && needed <= this.#capacity) return this.#memory;
    const packedA = this.#panels(this.#columns) * PANEL_BYTES * this.#rank;
    this.#memory = createProductMemory([needed, needed, packedA, padded * this.#rank * wide, needed]);
    this.#capacity = needed;
    this.#packed = '';
    return this.#memory;
  }

  /** Columns of A in panels, one rank behind the other: the loops read them in this order. */
  #packColumns(memory: ProductMemory, address: number, column: number, columns: number): void {
    const key = `${column} ${columns}`;
    if (this.#packed === key) return;
    this.#packed = key;
    const width = PANEL_BYTES / dtypeBytes(this.#wide);
    const panels = this.#panels(columns);
    const packed = this.#at(memory, address, panels * this.#rank * width);
    for (let panel = 0; panel < panels; panel++) {
      for (let k = 0; k < this.#rank; k++) {
        for (let lane = 0; lane < width; lane++) {
          const j = panel * width + lane;
          const value = j < columns ? this.#a[k * this.#columns + column + j]! : 0;
          packed[(panel * this.#rank + k) * width + lane] = value;
        }
      }
    }
  }

  #packRows(memory: ProductMemory, address: number, row: number, rows: number): void {
    const groups = Math.ceil(rows / ROWS);
    const packed = this.#at(memory, address, groups * this.#rank * ROWS);
    for (let group = 0; group < groups; group++) {
      for (let k = 0; k < this.#rank; k++) {
        for (let lane = 0; lane < ROWS; lane++) {
          const i = group * ROWS + lane;
          packed[(group * this.#rank + k) * ROWS + lane] = i < rows ? this.#b[(row + i) * this.#rank + k]! : 0;
        }
      }
    }
  }

  #at(memory: ProductMemory, address: number, length: number): WideArray {
    const { buffer } = memory.bytes;
    return this.#wide === 'F32' ? new Float32Array(buffer, address, length) : new Float64Array(buffer, address, length);
  }
}

function roundUp(count: number, step: number): number {
  return Math.ceil(count / step) * step;
}

function tooLarge(tensor: PlanTensor, rank: number, bytes: number): ShardloomError {
  return new ShardloomError({
    tag: 'over-limit',
    what: 'The matrices that are added to a weight are larger than what is held in memory.',
    tensor: tensor.name,
    found: `rank ${rank}, ${formatBytes(bytes)}`,
    expected: `at most ${formatBytes(MAX_OPERAND_BYTES)}`,
  });
}
