// The nearest point for rows given as plain vectors, with the point itself.
import { TemperError } from "../errors.ts";
import { denseRows } from "./dense-rows.ts";
import { type NearestPointOptions, nearestPoint, type Solution } from "./nearest-point.ts";

/** min 1/2 ||d||^2 + u's subject to A d <= b + s, s >= 0, A given by its rows. */
export interface DenseProblem {
  /** The rows of A, at least one, all `[p]`. */
  readonly rows: readonly Float64Array[];
  /** b, `[m]`, finite. */
  readonly rhs: Float64Array;
  /** u, `[m]`: the price of one unit of slack in each row. Default: Infinity, no row is elastic. */
  readonly upper?: Float64Array | undefined;
}

/** A solution with its point. */
export interface DenseSolution extends Solution {
  /** d = -A' lambda, `[p]`: the nearest point where the status is `solved`. */
  readonly point: Float64Array;
}

/**
 * Solves as {@link nearestPoint} does, and gives the point itself.
 *
 * @throws TemperError `bad-option`, when there are no rows, lengths differ or numbers are not finite
 */
export function nearestPointDense(
  { rows, rhs, upper }: DenseProblem,
  options: NearestPointOptions = {},
): DenseSolution {
  if (rows.length === 0) {
    throw new TemperError("bad-option", "nearestPointDense: no rows given, so p is unknown");
  }
  const dense = denseRows(rows[0].length);
  for (const row of rows) dense.addRow(row);
  const solution = nearestPoint({ rows: dense, rhs, upper }, options);
  return { ...solution, point: dense.combine(solution.multipliers.map((v) => -v)) };
}
