// The nearest point by pricing: Gram entries among the few rows that matter, one product A d for all others.
//
// With m rows of length p a column of the Gram matrix costs as much as a product A d, and a solve reads
// hundreds of columns. So (as column generation does in a dual) the problem is solved over a subset P of
// the rows; A d then prices every other row, those that d violates join P, and the solve goes on with the
// factor it has, until there are none. P only grows, and a point that is nearest for P and violates no row
// is nearest for all rows.
//
// P begins with the active rows of the start and the rows that the start violates. Nothing else is in it,
// so the answer depends on the problem and the start alone, and not on what earlier solves met.
import { gramCache } from "./gram-cache.ts";
import { type NearestPointOptions, nearestPoint, type SolveStatus } from "./nearest-point.ts";
import { type ActiveSet, activeSetOf } from "./problem.ts";
import { type Residuals, residualsAt } from "./residuals.ts";
import { type CutRows, rowsFrom } from "./rows.ts";
import {
  beginSubset,
  joinMissing,
  type Point,
  type Priced,
  pointAt,
  price,
  pricedAt,
  problemOf,
} from "./subset.ts";

/** The nearest point itself, and the few rows that hold it. */
export interface PricedSolution {
  readonly status: SolveStatus;
  /** -A' lambda, [p]. */
  readonly d: Float64Array;
  /** The positive multipliers: the `start` of the next solve. */
  readonly active: ActiveSet;
  /** How many linear systems were solved. */
  readonly iterations: number;
  /** The residuals over all rows, from A d. */
  readonly residuals: Residuals;
  /** Present when infeasible: the rows of the certificate, ascending. */
  readonly conflict?: readonly number[];
}

/** `start` and `tolerance` are those of `nearestPoint`. */
export interface PricedOptions extends Pick<NearestPointOptions, "start" | "tolerance"> {
  /** u, [m]: the price of a unit of slack; default Infinity, a hard row. */
  readonly upper?: Float64Array | undefined;
}

/** A growing set of rows, with what earlier solves computed of them. */
export interface PricedRows {
  /** min 1/2 ||d||^2 + u's, A d <= b + s over all rows there are now; b is [m]. */
  solve(rhs: Float64Array, options?: PricedOptions): PricedSolution;
  /** ||a_i||^2 of every row there is now. */
  squares(): Float64Array;
}

const NO_ROWS: ActiveSet = { rows: new Int32Array(0), multipliers: new Float64Array(0) };

/**
 * Rows of which nothing is known yet.
 *
 * @param squares ||a_i||^2, by which violations are measured; default: those of the rows themselves
 */
export function pricedRows(rows: CutRows, squares?: () => Float64Array): PricedRows {
  const gram = gramCache(rows);
  const lengthsSquared = squares ?? gram.squares;
  let last: Priced | undefined;

  const solve: PricedRows["solve"] = (rhs, options = {}) => {
    const { start = NO_ROWS, tolerance = 1e-10 } = options;
    const { upper = new Float64Array(rows.count()).fill(Infinity) } = options;
    const problem = { squares: lengthsSquared(), b: rhs, upper };
    const from = pricedAt(rows, start, last);
    const subset = beginSubset({ rows, gram, problem, tolerance, from });

    let point: Point | undefined;
    const { status, iterations, certificate, multipliers } = nearestPoint(problemOf(subset), {
      start: { rows: rowsFrom(0, start.rows.length), multipliers: start.multipliers },
      tolerance,
      lacking: (lambda, settled) => {
        point = pointAt(subset, lambda);
        return joinMissing(subset, point, settled) ? problemOf(subset) : undefined;
      },
    });
    if (status !== "solved" || point === undefined) {
      point = pointAt(subset, multipliers);
      price(subset, point, rowsFrom(0, rows.count()));
    }

    const { lambda, d, along, slack } = point;
    const active = activeSetOf(lambda);
    last = { active, d, along };
    const residuals = residualsAt(problem, lambda, slack);
    const met = Math.max(residuals.primal, residuals.complementarity) <= tolerance;
    const conflict = certificate && [...subset.chosen].filter((_, k) => certificate[k] > 0);
    return {
      status: status === "solved" && !met ? "stalled" : status,
      d,
      active,
      iterations,
      residuals,
      ...(conflict && { conflict: conflict.toSorted((i, j) => i - j) }),
    };
  };
  return { squares: lengthsSquared, solve };
}
