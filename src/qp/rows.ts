// The rows of A d <= b as the solver and the algorithm see them: by index, never as a matrix.

/** What the solver asks of the constraints of min 1/2 ||d||^2, A d <= b. m = count(). */
export interface Rows {
  /** m, the number of rows there are now. */
  count(): number;
  /**
   * Entries of the Gram matrix A A' for chosen pairs, float64, row-major
   * [rows.length x columns.length]. Must be symmetric to the bit, (r, s) equals (s, r), and an entry
   * must have the same bits whichever block it is asked for in. Rows are only ever appended.
   */
  gram(rows: Int32Array, columns: Int32Array): Float64Array;
}

/** Rows that also multiply: what Algorithm 1 needs to build b and to get d back from lambda. */
export interface CutRows extends Rows {
  /**
   * A v, by parts: the function returned gives a_i . v for the chosen rows, in their order, float64. v is
   * [p]; a value has the same bits whichever rows it is asked with.
   */
  times(v: Float64Array): (chosen: Int32Array) => Float64Array;
  /** A' lambda, float64 [p]; lambda is [count()]. Rows with lambda = 0 cost nothing. */
  combine(lambda: Float64Array): Float64Array;
  /** ||v - w|| of two answers of `combine`, w by default 0; present where these are not plain vectors. */
  distance?(v: Float64Array, w?: Float64Array): number;
}

/** A block of Gram entries, each of which `entry` gives. */
export function blockOf(
  rows: Int32Array,
  columns: Int32Array,
  entry: (r: number, s: number) => number,
): Float64Array {
  const block = new Float64Array(rows.length * columns.length);
  let at = 0;
  for (const r of rows) for (const s of columns) block[at++] = entry(r, s);
  return block;
}

/** The indices of the rows from `first` up to `end`. */
export const rowsFrom = (first: number, end: number): Int32Array =>
  Int32Array.from({ length: end - first }, (_, i) => first + i);
