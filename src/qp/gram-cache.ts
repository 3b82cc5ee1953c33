// Entries of the Gram matrix G = A A', computed when first asked for and kept while rows are appended.
//
// Rows are never changed, only appended, and rows.ts asks that an entry has the same bits whichever
// block it is computed in and that (r, s) equals (s, r) to the bit. So an entry kept, one mirrored
// from another column and one computed anew are interchangeable, and no result depends on what an
// earlier solve happened to need.
import { addScaled } from "../tensor/vector.ts";
import { type Rows, rowsFrom } from "./rows.ts";

/** G of some rows as the solver reads it, by their position among them. A column must not be written to. */
export interface GramColumns {
  /** Which rows these are, [n]. */
  readonly rows: Int32Array;
  /** G_ij for every i, float64 [n]. */
  column(j: number): Float64Array;
  /** G_ii for every i, float64 [n]. */
  diagonal(): Float64Array;
}

/** What is known of G; give the same cache to one solve after the other. */
export interface GramCache {
  /** G_ii for every row there is now, float64 [count]. */
  squares(): Float64Array;
  /** G of the chosen rows, in that order. */
  among(chosen: Int32Array): GramColumns;
}

/**
 * An empty cache. Only rows that were ever chosen, and of their columns only the entries that a solve
 * read, cost work and memory.
 */
export function gramCache(rows: Rows): GramCache {
  /** Chosen rows get a slot each, in the order of their first choice; NaN stands for an entry not known. */
  const slots = new Map<number, number>();
  const columns = new Map<number, Float64Array>();
  let squares: Float64Array = new Float64Array(0);

  const longer = (old: Float64Array, length: number, filler: number): Float64Array => {
    const copy = new Float64Array(length).fill(filler, old.length);
    copy.set(old);
    return copy;
  };
  const squaresOf = (wanted: Int32Array): Float64Array => {
    if (squares.length < rows.count()) squares = longer(squares, rows.count(), Number.NaN);
    return Float64Array.from(wanted, (i) => {
      if (Number.isNaN(squares[i])) squares[i] = rows.gram(Int32Array.of(i), Int32Array.of(i))[0];
      return squares[i];
    });
  };
  const slotOf = (row: number): number => {
    const slot = slots.get(row) ?? slots.size;
    slots.set(row, slot);
    return slot;
  };
  const columnAt = (slot: number): Float64Array => {
    const old = columns.get(slot) ?? new Float64Array(0);
    if (old.length >= slots.size) return old;
    const column = longer(old, 2 * slots.size, Number.NaN);
    columns.set(slot, column);
    return column;
  };

  const among = (chosen: Int32Array): GramColumns => {
    const at = Int32Array.from(chosen, slotOf);
    const gathered = new Map<number, Float64Array>();
    const gather = (j: number): Float64Array => {
      const known = columnAt(at[j]);
      known[at[j]] = squaresOf(chosen.subarray(j, j + 1))[0];
      const missing: number[] = [];
      for (let i = 0; i < at.length; i++) {
        const slot = at[i];
        if (!Number.isNaN(known[slot])) continue;
        known[slot] = columns.get(slot)?.[at[j]] ?? Number.NaN;
        if (Number.isNaN(known[slot])) missing.push(i);
      }
      const wanted = Int32Array.from(missing, (i) => chosen[i]);
      const entries = rows.gram(wanted, Int32Array.of(chosen[j]));
      for (const [k, i] of missing.entries()) known[at[i]] = entries[k];
      const column = new Float64Array(at.length);
      for (let i = 0; i < at.length; i++) column[i] = known[at[i]];
      gathered.set(j, column);
      return column;
    };
    return {
      rows: chosen,
      column: (j) => gathered.get(j) ?? gather(j),
      diagonal: () => squaresOf(chosen),
    };
  };

  return { squares: () => squaresOf(rowsFrom(0, rows.count())), among };
}

/** start + the sum of v_i G e_i over the chosen rows i, in that order, four columns a pass. */
export function plusColumns(
  start: Float64Array,
  gram: GramColumns,
  chosen: readonly number[],
  v: Float64Array,
): Float64Array {
  const sum = start.slice();
  const m = sum.length;
  const whole = chosen.length - (chosen.length % 4);
  for (let k = 0; k < whole; k += 4) {
    const [c0, c1, c2, c3] = [0, 1, 2, 3].map((t) => gram.column(chosen[k + t]));
    const [w0, w1, w2, w3] = [0, 1, 2, 3].map((t) => v[chosen[k + t]]);
    for (let i = 0; i < m; i++) sum[i] += w0 * c0[i] + w1 * c1[i] + (w2 * c2[i] + w3 * c3[i]);
  }
  for (const i of chosen.slice(whole)) addScaled(sum, v[i], gram.column(i));
  return sum;
}
