// The subproblem (13): the point nearest to theta0 that satisfies every cut so far, by its dual.
//
//     min 1/2 ||d||^2   s.t.  A d <= b          d = theta - theta0 = -A' lambda
//
// Between two calls the rows grow by one anchor's cuts; Gram entries, products and the active set are kept.
import type { Residuals, SolveStatus } from "../qp/nearest-point.ts";
import { pricedRows } from "../qp/pricing.ts";
import type { ActiveSet } from "../qp/problem.ts";
import type { CutRows } from "../qp/rows.ts";
import { norm } from "../tensor/vector.ts";

/** An answer to (13), and the work it took. */
export interface SubproblemSolution {
  readonly status: SolveStatus;
  /** -A' lambda, [p]. Unless `status` is "solved" some cuts may be violated. */
  readonly d: Float64Array;
  /** ||d||_2 */
  readonly distance: number;
  readonly residuals: Residuals;
  /** Rows with a positive multiplier, and these: what the next solve starts from. */
  readonly active: ActiveSet;
  /** Linear systems solved. */
  readonly steps: number;
  /** The largest multiplier, and the largest that any row would need if it were the only one. */
  readonly largest: number;
  readonly alone: number;
  /** Present when the cuts contradict each other: the rows that do, ascending. */
  readonly conflict?: readonly number[];
}

export interface SubproblemOptions {
  /** The active set of an earlier solve over the first of these rows, where a run is taken up again. */
  readonly start?: ActiveSet | undefined;
  /**
   * A longer d is taken as a contradiction: with p >> m rows that cannot be met together are rarely
   * dependent to the last bit, so a conflict shows as an exploding ||d|| and not as infeasibility.
   *
   * @param farthest of the distances at which one row alone would be met: no answer is nearer
   */
  readonly longest: (farthest: number) => number;
  /** ||a_i||^2, by which violations are measured; default that of the rows themselves. */
  readonly squares?: (() => Float64Array) | undefined;
}

/** Of the terms lambda_i a_i of a d that is too long, those above this share of the longest are named. */
const MATTERS = 0.01;

/** A solve that stops at a violation above this share of ||d|| has not found a point that meets the cuts. */
const UNMET = 1e-4;

export interface Subproblem {
  /** ||a_i||^2 of every row there is now. */
  squares(): Float64Array;
  solve(rhs: Float64Array, upper?: Float64Array): SubproblemSolution;
}

/** (13) over rows that only ever grow; each `solve` takes b, and the bounds on lambda, of all rows there are. */
export function createSubproblem(
  rows: CutRows,
  { longest, start: first, squares: measured }: SubproblemOptions,
): Subproblem {
  const priced = pricedRows(rows, measured);
  let start = first;

  const solve = (rhs: Float64Array, upper?: Float64Array): SubproblemSolution => {
    const found = priced.solve(rhs, { upper, start }); // (13)
    const { status, d, active, iterations, residuals, conflict } = found;
    const distance = norm(d);
    const squares = priced.squares();
    const largest = (values: Float64Array): number => values.reduce((a, c) => Math.max(a, c), 0);
    const solution = {
      status,
      d,
      distance,
      residuals,
      active,
      steps: iterations,
      largest: largest(active.multipliers),
      alone: largest(rhs.map((b, i) => (squares[i] > 0 ? -b / squares[i] : 0))),
    };
    if (conflict !== undefined) return { ...solution, conflict };
    const unmet = status !== "solved" && !(residuals.primal <= UNMET);
    const farthest = largest(rhs.map((b, i) => (squares[i] > 0 ? -b / Math.sqrt(squares[i]) : 0)));
    if (distance <= longest(farthest) && !unmet) {
      start = active;
      return solution;
    }
    const lengths = active.multipliers.map((v, k) => v * Math.sqrt(squares[active.rows[k]]));
    const least = MATTERS * largest(lengths);
    return { ...solution, conflict: [...active.rows].filter((_, k) => lengths[k] >= least) };
  };
  return { solve, squares: priced.squares };
}
