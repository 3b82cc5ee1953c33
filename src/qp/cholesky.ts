// The Cholesky factor of a Gram matrix whose rows come and go one at a time.
//
// G_WW = L L' with L lower triangular, kept by rows. Appending a row costs one forward substitution;
// deleting row k leaves the rows below one entry too long, and Givens rotations of neighbouring columns
// make them triangular again (Gill, Golub, Murray & Saunders 1974; Lawson & Hanson 1974, ch. 24). Both
// are backward stable: deletion adds a rank-one matrix to the trailing block, it never subtracts one.
import { addScaled, dot } from "../tensor/vector.ts";

/** L L' = G_WW, n = size. */
export interface Cholesky {
  readonly size: number;
  /** L^-1 g, [n]. */
  forward(g: Float64Array): Float64Array;
  /** L'^-1 l, [n]. */
  backward(l: Float64Array): Float64Array;
  /** Appends the row [l, sqrt(pivot)]: l = forward(G_Wj), pivot = G_jj - l'l > 0. */
  append(l: Float64Array, pivot: number): void;
  /** Deletes row and column k of G_WW. */
  remove(k: number): void;
}

/** The factor of the empty matrix. */
export function emptyCholesky(): Cholesky {
  // Row i holds at least i + 1 entries; what lies beyond them is no longer used.
  const rows: Float64Array[] = [];
  return {
    get size() {
      return rows.length;
    },
    forward: (g) => {
      const l = g.slice();
      for (const [i, row] of rows.entries()) l[i] = (l[i] - dot(row, l, i)) / row[i];
      return l;
    },
    backward: (l) => {
      const x = l.slice();
      for (let i = rows.length - 1; i >= 0; i--) {
        x[i] /= rows[i][i];
        addScaled(x, -x[i], rows[i], i);
      }
      return x;
    },
    append: (l, pivot) => {
      const row = new Float64Array(rows.length + 1);
      row.set(l);
      row[rows.length] = Math.sqrt(pivot);
      rows.push(row);
    },
    remove: (k) => {
      rows.splice(k, 1);
      const cosines: number[] = [];
      const sines: number[] = [];
      for (let i = k; i < rows.length; i++) {
        const row = rows[i];
        for (let c = k; c < i; c++) {
          const left = row[c];
          const right = row[c + 1];
          row[c] = cosines[c - k] * left + sines[c - k] * right;
          row[c + 1] = cosines[c - k] * right - sines[c - k] * left;
        }
        const length = Math.sqrt(row[i] * row[i] + row[i + 1] * row[i + 1]);
        cosines.push(row[i] / length);
        sines.push(row[i + 1] / length);
        row[i] = length;
      }
    },
  };
}
