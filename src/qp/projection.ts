// A row seen from the working set W: a combination of W's rows, and a part that is orthogonal to them.
import { dot } from "../tensor/vector.ts";
import type { Cholesky } from "./cholesky.ts";
import type { DualProblem } from "./residuals.ts";

/**
 * Squared distances of a row from the span of W, as shares of the squared lengths involved. Rounding in
 * G leaves some 1e-15: up to the first a row is taken as dependent; up to the second its distance has
 * few digits, and entering it is worth a second look.
 */
const DEPENDENT = 1e-14;
const DOUBTFUL = 1e-12;

/** a_row = A_W' x + a part of squared length `distance` orthogonal to W. */
export interface Projection {
  readonly x: Float64Array;
  readonly distance: number;
  readonly rank: "independent" | "doubtful" | "dependent";
  /** L^-1 G_Wj, the row's part of the factor. */
  readonly l: Float64Array;
}

/**
 * A row as the first `factor.size` of the others see it, whose factor this is. The loops are plain: of a thousand
 * rows they are the work.
 */
export function projectOn(
  factor: Cholesky,
  others: readonly number[],
  { gram, squares }: DualProblem,
  row: number,
): Projection {
  const column = gram.column(row);
  const g = new Float64Array(factor.size);
  for (let k = 0; k < g.length; k++) g[k] = column[others[k]];
  const l = factor.forward(g);
  const x = factor.backward(l);
  const distance = squares[row] - dot(l, l);
  let lengths = squares[row];
  for (let k = 0; k < x.length; k++) lengths += x[k] * x[k] * squares[others[k]];
  const passes = (share: number): boolean => distance > share * lengths;
  const rank = passes(DOUBTFUL) ? "independent" : passes(DEPENDENT) ? "doubtful" : "dependent";
  return { l, x, distance, rank };
}
