// Columns of the Gram matrix G = A A', computed when first asked for and kept while rows are appended.
//
// Rows are never changed, only appended, and rows.ts asks that an entry has the same bits whichever
// block it is computed in and that (r, s) equals (s, r) to the bit. So an entry kept, one mirrored
// from another column and one computed anew are interchangeable, and no result depends on what an
// earlier solve happened to need.
import type { Rows } from "./rows.ts";

/** G as the solver reads it. A column must not be written to. */
export interface GramColumns {
  /** m, the number of rows now. */
  readonly count: number;
  /** G_ij for every row i, float64 [m]. */
  column(j: number): Float64Array;
  /** G_ii for every row i, float64 [m]. */
  diagonal(): Float64Array;
  /** How many entries have been asked of the rows so far: the work, counted exactly. */
  readonly computed: number;
}

/** Keeps the columns of a growing set of rows; give the same cache to one solve after the other. */
export function gramCache(rows: Rows): GramColumns {
  const columns = new Map<number, Float64Array>();
  let diagonal: Float64Array = new Float64Array(0);
  let computed = 0;

  const compute = (wanted: Int32Array, j: number): Float64Array => {
    computed += wanted.length;
    return rows.gram(wanted, Int32Array.of(j));
  };
  const extend = (old: Float64Array): Float64Array => {
    const longer = new Float64Array(rows.count);
    longer.set(old);
    return longer;
  };
  const freshDiagonal = (): Float64Array => {
    const known = diagonal.length;
    if (known < rows.count) {
      diagonal = extend(diagonal);
      for (let i = known; i < rows.count; i++) diagonal[i] = compute(Int32Array.of(i), i)[0];
    }
    return diagonal;
  };

  return {
    get count() {
      return rows.count;
    },
    get computed() {
      return computed;
    },
    diagonal: freshDiagonal,
    column: (j) => {
      const old = columns.get(j) ?? new Float64Array(0);
      if (old.length === rows.count) return old;
      const column = extend(old);
      const missing: number[] = [];
      for (let i = old.length; i < rows.count; i++) {
        const mirror = columns.get(i);
        if (i === j) column[i] = freshDiagonal()[j];
        else if (mirror !== undefined && mirror.length > j) column[i] = mirror[j];
        else missing.push(i);
      }
      const entries = compute(Int32Array.from(missing), j);
      for (const [k, i] of missing.entries()) column[i] = entries[k];
      columns.set(j, column);
      return column;
    },
  };
}

/** target += sum of weights[k] G e_{chosen[k]}, in that order, four columns a pass over `target`. */
export function addColumns(
  target: Float64Array,
  gram: GramColumns,
  chosen: ArrayLike<number>,
  weights: ArrayLike<number>,
): void {
  const m = target.length;
  const whole = chosen.length - (chosen.length % 4);
  for (let k = 0; k < whole; k += 4) {
    const c0 = gram.column(chosen[k]);
    const c1 = gram.column(chosen[k + 1]);
    const c2 = gram.column(chosen[k + 2]);
    const c3 = gram.column(chosen[k + 3]);
    const w0 = weights[k];
    const w1 = weights[k + 1];
    const w2 = weights[k + 2];
    const w3 = weights[k + 3];
    for (let i = 0; i < m; i++) {
      target[i] += w0 * c0[i] + w1 * c1[i] + (w2 * c2[i] + w3 * c3[i]);
    }
  }
  for (let k = whole; k < chosen.length; k++) {
    const column = gram.column(chosen[k]);
    for (let i = 0; i < m; i++) target[i] += weights[k] * column[i];
  }
}
