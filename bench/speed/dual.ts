// The dual of (13) as any solver may be given it, and how good an answer is, judged from the rows alone.
//
//     min 1/2 lambda' G lambda + b' lambda   s.t.  lambda >= 0        G = A A',  d = -A' lambda
//
// The rows are scaled to length 1, so that lambda_i has the unit of d: the other solvers need that.
import { setImmediate } from "node:timers/promises";
import { throwIfAborted } from "../../src/errors.ts";
import type { CutRows } from "../../src/index.ts";
import { rowsFrom } from "../../src/qp/rows.ts";

export interface Dual {
  /** G, row-major [m x m]. */
  readonly gram: Float64Array;
  /** b, [m]. */
  readonly rhs: Float64Array;
}

/** ||a_i|| of every row. */
export const lengthsOf = (rows: CutRows): Float64Array =>
  Float64Array.from({ length: rows.count() }, (_, i) =>
    Math.sqrt(rows.gram(Int32Array.of(i), Int32Array.of(i))[0]),
  );

/** Forms all of G, with diagonal 1, which Temper itself never does. It stops between two columns when asked to. */
export async function dualOf(
  rows: CutRows,
  rhs: Float64Array,
  lengths: Float64Array,
  signal?: AbortSignal | undefined,
): Promise<Dual> {
  const m = rows.count();
  const gram = new Float64Array(m * m);
  for (let j = 0; j < m; j++) {
    await setImmediate();
    throwIfAborted(signal);
    const column = rows.gram(rowsFrom(j, m), Int32Array.of(j));
    for (const [k, entry] of column.entries()) {
      const i = j + k;
      gram[i * m + j] = gram[j * m + i] = entry / (lengths[i] * lengths[j]);
    }
  }
  return { gram, rhs: rhs.map((b, i) => b / lengths[i]) };
}

export interface Quality {
  /** 1/2 ||d||^2, where d = -A' lambda. */
  readonly objective: number;
  /**
   * The largest violation of the KKT conditions, as a share of ||d||. For each row the distance from d to the border
   * of its half-space and lambda_i ||a_i|| must both be >= 0, and the smaller of them must be 0.
   */
  readonly kkt: number;
}

/** Judges multipliers of the rows as they are, before any scaling. */
export function qualityOf(
  rows: CutRows,
  rhs: Float64Array,
  lengths: Float64Array,
  lambda: Float64Array,
): Quality {
  const d = rows.combine(lambda.map((v) => -v));
  const squared = d.reduce((sum, v) => sum + v * v, 0);
  const product = rows.times(d)(rowsFrom(0, rows.count()));
  let worst = 0;
  for (const [i, length] of lengths.entries()) {
    const distance = (rhs[i] - product[i]) / length;
    worst = Math.max(worst, Math.abs(Math.min(distance, lambda[i] * length)));
  }
  return { objective: squared / 2, kkt: worst / Math.sqrt(squared) };
}
