// The nearest point for rows given as plain vectors, with the point itself.
import { TemperError } from "../errors.ts";
import { denseRows } from "./dense-rows.ts";
import { type NearestPointOptions, nearestPoint, type Solution } from "./nearest-point.ts";

/** min 1/2 ||d||^2 + u's subject to A d <= b + s, s >= 0, A given by its rows. */
export interface DenseProblem {
  /** At least one row; all [p]. */
  readonly rows: readonly Float64Array[];
  /** b, [m]. */
  readonly rhs: Float64Array;
  /** u, [m]; default: no row is elastic. */
  readonly upper?: Float64Array | undefined;
}

/** As `nearestPoint`, with `point` = d = -A' lambda, [p], which means what the status says of lambda. */
export function nearestPointDense(
  { rows, rhs, upper }: DenseProblem,
  options: NearestPointOptions = {},
): Solution & { readonly point: Float64Array } {
  if (rows.length === 0) {
    throw new TemperError("bad-option", "nearestPointDense: no rows given, so p is unknown");
  }
  const dense = denseRows(rows[0].length);
  for (const row of rows) dense.addRow(row);
  const solution = nearestPoint({ rows: dense, rhs, upper }, options);
  return { ...solution, point: dense.combine(solution.multipliers.map((v) => -v)) };
}
