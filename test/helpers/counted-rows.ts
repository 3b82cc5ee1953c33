// Rows that count the Gram entries they are asked for: the work of a solve, exactly.
import type { Rows } from "../../src/qp/rows.ts";

/** The same rows; `asked` is how many entries they have been asked for so far. */
export function countedRows(rows: Rows): Rows & { readonly asked: number } {
  let asked = 0;
  return {
    count: () => rows.count(),
    gram: (wanted, columns) => {
      asked += wanted.length * columns.length;
      return rows.gram(wanted, columns);
    },
    get asked() {
      return asked;
    },
  };
}
