// The subproblem (13): the point nearest to theta0 that satisfies every cut so far, by its dual.
//
//     min 1/2 ||d||^2   s.t.  A d <= b          d = theta - theta0 = -A' lambda
//
// Between two calls the rows grow by one anchor's cuts; Gram entries, products and the active set are kept.
import { type PricedSolution, pricedRows } from "../qp/pricing.ts";
import type { ActiveSet } from "../qp/problem.ts";
import type { CutRows } from "../qp/rows.ts";
import { norm } from "../tensor/vector.ts";

/**
 * An answer to (13), and the work it took. Unless `status` is "solved" some cuts may be violated; `conflict` is
 * present when the cuts contradict each other, and names the rows that do, ascending.
 */
export interface SubproblemSolution extends PricedSolution {
  /** ||d||_2 */
  readonly distance: number;
  /** The largest multiplier. */
  readonly largest: number;
  /** The largest multiplier that any row would need if it were the only one. */
  readonly alone: number;
}

export interface SubproblemOptions {
  /** The active set of an earlier solve over the first of these rows, where a run is taken up again. */
  readonly start?: ActiveSet | undefined;
  /**
   * A d longer than this is taken as a contradiction: with p >> m, rows that cannot be met together are rarely
   * dependent to the last bit, so a conflict shows as an exploding ||d|| and not as infeasibility.
   *
   * @param farthest the largest distance at which a row alone would be met: no answer is nearer
   */
  readonly longest: (farthest: number) => number;
  /** ||a_i||^2, by which violations are measured; default: those of the rows themselves. */
  readonly squares?: (() => Float64Array) | undefined;
}

/** Where d is too long, the rows are named whose terms lambda_i a_i in d are above this share of the longest. */
const MATTERS = 0.01;

/** A solve that stops early has not met the cuts where its largest violation is above this share of ||d||. */
const UNMET = 1e-4;

export interface Subproblem {
  /** ||a_i||^2 of every row there is now. */
  squares(): Float64Array;
  /** Solves (13) with b and the bounds on lambda of every row there is now. */
  solve(rhs: Float64Array, upper?: Float64Array): SubproblemSolution;
}

/** (13) over a set of rows that only ever grows. */
export function createSubproblem(
  rows: CutRows,
  { longest, start: first, squares: measured }: SubproblemOptions,
): Subproblem {
  const priced = pricedRows(rows, measured);
  let start = first;

  const solve = (rhs: Float64Array, upper?: Float64Array): SubproblemSolution => {
    const found = priced.solve(rhs, { upper, start }); // (13)
    const { status, d, active, residuals } = found;
    const distance = rows.distance?.(d) ?? norm(d);
    const squares = priced.squares();
    const largest = (values: Float64Array): number => values.reduce((a, c) => Math.max(a, c), 0);
    const solution = {
      ...found,
      distance,
      largest: largest(active.multipliers),
      alone: largest(rhs.map((b, i) => (squares[i] > 0 ? -b / squares[i] : 0))),
    };
    if (found.conflict !== undefined) return solution;
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
