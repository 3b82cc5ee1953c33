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
import { type CycleGuard, cycleGuard, dualValue, type Entering, mostViolated } from "./entering.ts";
import {
  type ActiveSet,
  activeSetOf,
  type NearestPointProblem,
  readProblem,
  startingSet,
} from "./problem.ts";
import {
  type DualProblem,
  isCertificate,
  type Residuals,
  reach,
  residualsOf,
} from "./residuals.ts";
import { type Direction, firstBlock, move } from "./step.ts";
import {
  append,
  assign,
  fix,
  grow,
  project,
  release,
  settle,
  slackOf,
  stationary,
  type WorkingSet,
} from "./working-set.ts";

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
  const solve = begin(problem, options);
  const { set, guard, tolerance } = solve;
  for (; solve.iterations < mostIterations(solve, options); solve.iterations++) {
    const entry = enter(solve);
    if (entry === "later") continue;
    if (entry !== "done") return entry;

    // Stationarity on W: r_W = 0.
    const target = stationary(set);

    // Dual feasibility: 0 <= lambda_W <= u_W, or go as far as it lasts and drop the row that blocks.
    const { rows, multipliers: lambda } = set;
    const direction = { rows, delta: target.map((v, k) => v - lambda[rows[k]]) };
    if (dropFirstBlock(solve, direction, 1) !== undefined) continue;
    assign(set, target);

    // Primal feasibility and complementarity outside W: r_i >= 0 at lambda_i = 0, r_i <= 0 at lambda_i = u_i.
    const slack = slackOf(set);
    guard.watch(dualValue(solve.dual.b, lambda, slack));
    const threshold = tolerance * reach(solve.dual, lambda, slack);
    solve.entering = mostViolated(solve.dual, set, slack, threshold, guard.exhausted);
    if (solve.entering !== undefined) {
      guard.enter(solve.entering.row);
      release(set, solve.entering.row);
      continue;
    }

    // All KKT conditions hold for the rows there are. They are checked once more from a fresh factor if this one
    // was updated on the way.
    if (grew(solve)) continue;
    if (set.settled) return finishSolved(solve);
    settle(set);
  }
  return finish(solve, "iteration-limit");
}

/** A solve under way. */
interface Solve {
  dual: DualProblem;
  readonly set: WorkingSet;
  readonly guard: CycleGuard;
  readonly tolerance: number;
  readonly lacking: Lacking | undefined;
  /** The row that is to enter W. */
  entering: Entering | undefined;
  iterations: number;
}

function begin(problem: NearestPointProblem, options: NearestPointOptions): Solve {
  const { tolerance = 1e-10, lacking, start } = options;
  const dual = readProblem(problem);
  const set = startingSet(dual, start);
  return { dual, set, guard: cycleGuard(), tolerance, lacking, entering: undefined, iterations: 0 };
}

const mostIterations = ({ dual }: Solve, { maxIterations }: NearestPointOptions): number =>
  maxIterations ?? 10 * dual.b.length + 100;

/**
 * Puts the entering row into W, if there is one. It answers "later" where another row had to move first, and with
 * the solution where the solve is over.
 */
function enter(solve: Solve): "done" | "later" | Solution {
  const { dual, set, entering } = solve;
  if (entering === undefined) return "done";
  const projection = project(set, entering.row);
  if (projection.rank !== "independent") {
    // Singular case: along p, A' p = 0, so the dual falls at the constant rate |r_j| until a bound
    // blocks. If A' p may be small instead, its minimum lies at t = |r_j| / ||A' p||^2.
    const curved = projection.rank === "doubtful";
    const p = nullDirection(set.rows, projection.x, entering, dual.squares);
    const dropped = dropFirstBlock(
      solve,
      p,
      curved ? entering.excess / projection.distance : Infinity,
    );
    if (dropped !== undefined) {
      if (dropped === entering.row) solve.entering = undefined;
      return "later";
    }
    // Nothing blocks: the dual falls for ever if A' p = 0, and p is what Farkas asks for.
    const certificate = positivePart(p, dual.b.length);
    if (isCertificate(dual, certificate, set.multipliers)) {
      return finish(solve, "infeasible", certificate);
    }
    if (!curved) {
      solve.entering = undefined;
      return grew(solve) ? "later" : finish(solve, "stalled");
    }
  }
  append(set, entering.row, projection);
  solve.entering = undefined;
  return "done";
}

/** Goes along a direction to the first multiplier that reaches a bound before `limit`, and fixes that row there. */
function dropFirstBlock(
  { dual, set }: Solve,
  direction: Direction,
  limit: number,
): number | undefined {
  const { upper, squares } = dual;
  const block = firstBlock(set.multipliers, upper, squares, direction, limit);
  if (block === undefined) return undefined;
  move(set.multipliers, upper, direction, block.step);
  fix(set, block.row, block.bound);
  return block.row;
}

/** Takes in rows that were left out of the problem, where there are some to add. */
function grew(solve: Solve): boolean {
  const { set, lacking } = solve;
  const longer = lacking?.(set.multipliers, set.settled);
  if (longer === undefined) return false;
  solve.dual = readProblem(longer);
  grow(set, solve.dual);
  return true;
}

function finish(
  { dual, set, iterations }: Solve,
  status: SolveStatus,
  certificate?: Float64Array,
): Solution {
  const { multipliers } = set;
  const residuals = residualsOf(dual, multipliers);
  const active = activeSetOf(multipliers);
  return {
    status,
    multipliers,
    active,
    iterations,
    residuals,
    ...(certificate && { certificate }),
  };
}

/** The end where all conditions hold as the solve sees them: what it kept may have gathered rounding. */
function finishSolved(solve: Solve): Solution {
  solve.iterations++;
  const solution = finish(solve, "solved");
  const { primal, complementarity } = solution.residuals;
  const holds = Math.max(primal, complementarity) <= solve.tolerance;
  return holds ? solution : { ...solution, status: "stalled" };
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
