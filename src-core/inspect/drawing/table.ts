/** Rows and columns of a tensor as a table: its last two axes; a vector is one row, a scalar one cell. */
export function tableSize(shape: readonly number[]): { readonly rows: number; readonly columns: number } {
  return { rows: shape.length > 1 ? shape.at(-2)! : 1, columns: shape.at(-1) ?? 1 };
}
