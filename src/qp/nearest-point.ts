// The nearest point of a polyhedron: a dual active-set method that only ever sees the Gram matrix.
//
//     min 1/2 ||d||^2 + u's   s.t.  A d <= b + s,  s >= 0        (u_i = Infinity: s_i = 0, a hard row)
//
// With d = -A' lambda its dual is a quadratic over a box, with G = A A':
//
//     min 1/2 lambda' G lambda + b' lambda   s.t.  0 <= lambda <= u.
//
// Its gradient r = b + G lambda = b - A d is the primal slack, so lambda is optimal exactly when
//     lambda_i = 0         and  r_i >= 0    the row holds
//     0 < lambda_i < u_i   and  r_i  = 0    the row is tight
//     lambda_i = u_i       and  r_i <= 0    the row is violated by s_i = -r_i.
// The loop keeps 0 <= lambda <= u and a working set W of rows with independent a_i. It goes to the
// stationary point of the dual on W, dropping the rows whose multipliers block the way; then it adds the
// row outside W whose condition fails by the largest distance. Each round lowers the dual, so none repeats.
// Only columns of rows that enter W are read.
//
// Goldfarb & Idnani, A numerically stable dual method for solving strictly convex quadratic programs,
// Math. Programming 27 (1983); Lawson & Hanson, Solving Least Squares Problems (1974), ch. 23; the order of
// the tests follows Arnstrom, Bemporad & Axehill, A dual active-set solver for embedded quadratic
// programming using recursive LDL' updates, IEEE TAC 67 (2022).
// Differs from the first: lambda on W is solved for anew in every step instead of being updated, at the
// same order of cost, so rounding does not pile up; and multipliers have upper bounds.
import { cycleGuard, dualValue, type Entering, mostViolated } from "./entering.ts";
import {
  type ActiveSet,
  activeSetOf,
  type NearestPointProblem,
  readProblem,
  startingSet,
} from "./problem.ts";
import { isCertificate, type Residuals, reach, residualsOf } from "./residuals.ts";
import { type Direction, firstBlock, move } from "./step.ts";

export type { ActiveSet, NearestPointProblem } from "./problem.ts";
export type { Residuals } from "./residuals.ts";

/** What `nearestPoint` takes beside the problem. */
export interface NearestPointOptions {
  /** The active set of an earlier solve, whose rows must still have the same indices. Default: empty. */
  readonly start?: ActiveSet | undefined;
  /** The largest violation of a row that counts as none, as a share of ||d|| (see `Residuals`). Default 1e-10. */
  readonly tolerance?: number | undefined;
  /** The largest number of linear systems to solve. Default 10 m + 100. */
  readonly maxIterations?: number | undefined;
  /** Asked for rows that were left out of the problem; default: none were. */
  readonly lacking?: Lacking | undefined;
}

/**
 * Asked where lambda meets the KKT conditions of the rows there are: the problem with further rows behind
 * them, or undefined where there is none to add. `settled` is true where nothing but the rows in W is left
 * in the bits of lambda; the solve does not end before it has been asked so.
 */
export type Lacking = (lambda: Float64Array, settled: boolean) => NearestPointProblem | undefined;

/** How a solve ended. */
export type SolveStatus =
  /** The multipliers meet the KKT conditions to the tolerance: d = -A' lambda is the nearest point. */
  | "solved"
  /** No d satisfies A d <= b, `certificate` shows it. The multipliers are a feasible point of the dual. */
  | "infeasible"
  /** Rounding allows no further progress: the multipliers are the best found, `residuals` say how good. */
  | "stalled"
  /** The solve was stopped early: the multipliers are a feasible point of the dual, and a good start. */
  | "iteration-limit";

/** What a solve has found: the multipliers lambda, from which d = -A' lambda follows. */
export interface Solution {
  /** How the solve ended: it says what the multipliers are. */
  readonly status: SolveStatus;
  /** lambda, [m]: within its bounds whatever the status. */
  readonly multipliers: Float64Array;
  /** The positive multipliers: the `start` of the next solve. */
  readonly active: ActiveSet;
  /** How many linear systems were solved. */
  readonly iterations: number;
  /** The residuals of `multipliers`, recomputed from G and b after the solve. */
  readonly residuals: Residuals;
  /** Present when infeasible: y >= 0, [m], with b' y < 0 and A' y = 0 as far as `isCertificate` says. */
  readonly certificate?: Float64Array;
}

/** Entries of a null vector below this share of the largest, in units of d, are rounding. */
const NEGLIGIBLE = 1e-10;

/**
 * Solves the problem from an active set, cold by default. Failure to solve is a status. The same problem
 * and the same start give the same bits, whatever was cached.
 *
 * @throws TemperError `bad-option` when lengths differ or numbers are not as the problem's comments ask
 */
export function nearestPoint(
  problem: NearestPointProblem,
  options: NearestPointOptions = {},
): Solution {
  let dual = readProblem(problem);
  const { tolerance = 1e-10, lacking } = options;
  const set = startingSet(dual, options.start);
  const guard = cycleGuard();
  let entering: Entering | undefined;

  const finish = (status: SolveStatus, certificate?: Float64Array): Solution => {
    const { multipliers: lambda } = set;
    const active = activeSetOf(lambda);
    const residuals = residualsOf(dual, lambda);
    const solution = { status, multipliers: lambda, active, iterations, residuals };
    return certificate === undefined ? solution : { ...solution, certificate };
  };

  const grew = (): boolean => {
    const longer = lacking?.(set.multipliers, set.settled);
    if (longer === undefined) return false;
    dual = readProblem(longer);
    set.grow(dual);
    return true;
  };

  let iterations = 0;
  for (; iterations < (options.maxIterations ?? 10 * dual.b.length + 100); iterations++) {
    const { squares, b, upper } = dual;
    const { multipliers: lambda } = set;
    if (entering !== undefined) {
      const projection = set.project(entering.row);
      if (projection.rank !== "independent") {
        // Singular case: along p, A' p = 0, so the dual falls at the constant rate |r_j| until a bound
        // blocks. If A' p may be small instead, its minimum lies at t = |r_j| / ||A' p||^2.
        const curved = projection.rank === "doubtful";
        const p = nullDirection(set.rows, projection.x, entering, squares);
        const limit = curved ? entering.excess / projection.distance : Infinity;
        const block = firstBlock(lambda, upper, squares, p, limit);
        if (block !== undefined) {
          move(lambda, upper, p, block.step);
          set.fix(block.row, block.bound);
          if (block.row === entering.row) entering = undefined;
          continue;
        }
        // Nothing blocks: the dual falls for ever if A' p = 0, and p is what Farkas asks for.
        const certificate = positivePart(p, b.length);
        if (isCertificate(dual, certificate, lambda)) return finish("infeasible", certificate);
        if (!curved) {
          entering = undefined;
          if (grew()) continue;
          return finish("stalled");
        }
      }
      set.append(entering.row, projection);
      entering = undefined;
    }

    // Stationarity on W: r_W = 0.
    const target = set.stationary();

    // Dual feasibility: 0 <= lambda_W <= u_W, or go as far as it lasts and drop the row that blocks.
    const direction = { rows: set.rows, delta: target.map((v, k) => v - lambda[set.rows[k]]) };
    const block = firstBlock(lambda, upper, squares, direction, 1);
    if (block !== undefined) {
      move(lambda, upper, direction, block.step);
      set.fix(block.row, block.bound);
      continue;
    }
    set.assign(target);

    // Primal feasibility and complementarity outside W: r_i >= 0 at lambda_i = 0, r_i <= 0 at lambda_i = u_i.
    const slack = set.slack();
    guard.watch(dualValue(b, lambda, slack));
    const threshold = tolerance * reach(dual, lambda, slack);
    entering = mostViolated(dual, set, slack, threshold, guard.exhausted);
    if (entering !== undefined) {
      guard.enter(entering.row);
      set.release(entering.row);
      continue;
    }

    // All KKT conditions hold for the rows there are. They are checked once more from a fresh factor if this one
    // was updated on the way.
    if (grew()) continue;
    if (!set.settled) {
      set.settle();
      continue;
    }
    iterations++;
    const solution = finish("solved");
    const { primal, complementarity } = solution.residuals;
    return Math.max(primal, complementarity) <= tolerance
      ? solution
      : { ...solution, status: "stalled" };
  }
  return finish("iteration-limit");
}

/** p = sign (e_j - x) with a_j = A_W' x, so that A' p = 0. */
function nullDirection(
  working: readonly number[],
  x: Float64Array,
  { row, sign }: Entering,
  squares: Float64Array,
): Direction {
  const rows = [...working, row];
  const delta = Float64Array.from([...x.map((v) => -sign * v), sign]);
  const size = (k: number): number => Math.abs(delta[k]) * Math.sqrt(squares[rows[k]]);
  const largest = rows.reduce((most, _, k) => Math.max(most, size(k)), 0);
  for (const k of rows.keys()) if (size(k) < NEGLIGIBLE * largest) delta[k] = 0;
  return { rows, delta };
}

/** max(0, p) as a vector over all rows. */
function positivePart({ rows, delta }: Direction, m: number): Float64Array {
  const positive = new Float64Array(m);
  for (const [k, row] of rows.entries()) positive[row] = Math.max(0, delta[k]);
  return positive;
}
