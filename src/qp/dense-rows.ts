// Rows kept as plain float64 vectors: for dense input and for problems small enough to write down.
import { TemperError } from "../errors.ts";
import { addScaled, dot } from "../tensor/vector.ts";
import { blockOf, type CutRows } from "./rows.ts";

/** A growing set of plain rows. */
export interface DenseRows extends CutRows {
  /** Appends a copy of `row`, [p]. Throws `bad-option` when its length is not p. */
  addRow(row: Float64Array): void;
}

/** An empty set of rows of length `p`. */
export function denseRows(p: number): DenseRows {
  const rows: Float64Array[] = [];
  return {
    count: () => rows.length,
    addRow: (row) => {
      if (row.length !== p) {
        throw new TemperError(
          "bad-option",
          `row ${rows.length}: ${row.length} entries given, ${p} expected`,
        );
      }
      rows.push(row.slice());
    },
    // dot(a, b) and dot(b, a) add the same products in the same order: symmetric to the bit.
    gram: (wanted, columns) => blockOf(wanted, columns, (r, s) => dot(rows[r], rows[s])),
    times: (v) => (chosen) => Float64Array.from(chosen, (r) => dot(rows[r], v)),
    combine: (lambda) => {
      const total = new Float64Array(p);
      for (const [i, row] of rows.entries()) {
        if (lambda[i] !== 0) addScaled(total, lambda[i], row);
      }
      return total;
    },
  };
}
