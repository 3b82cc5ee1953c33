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
import { norm, subtract } from "../tensor/vector.ts";
import { gramCache } from "./gram-cache.ts";
import {
  type Lacking,
  type NearestPointProblem,
  nearestPoint,
  type SolveStatus,
} from "./nearest-point.ts";
import { type ActiveSet, activeSetOf } from "./problem.ts";
import { type Residuals, reach, residualsAt } from "./residuals.ts";
import { type CutRows, rowsFrom } from "./rows.ts";

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

export interface PricedOptions {
  /** u, [m]: the price of a unit of slack; default Infinity, a hard row. */
  readonly upper?: Float64Array | undefined;
  /** The active set of an earlier solve, whose rows must still have the same indices. Default: empty. */
  readonly start?: ActiveSet | undefined;
  /** The largest violation that counts as none, as `nearestPoint` measures it. Default 1e-10. */
  readonly tolerance?: number | undefined;
}

/** A growing set of rows, with what earlier solves computed of them. */
export interface PricedRows {
  /** min 1/2 ||d||^2 + u's, A d <= b + s over all rows there are now; b is [m]. */
  solve(rhs: Float64Array, options?: PricedOptions): PricedSolution;
  /** ||a_i||^2 of every row there is now. */
  squares(): Float64Array;
}

/**
 * Rows whose slack at the start is within this share of ||a_i|| ||d - d_start|| are priced first. All that
 * become violated are among them as a rule (measured on the cuts of CNNLight with 50 points: the largest
 * share was 0.043), so that the others, nine in ten, are priced once a solve.
 */
const NEAR = 0.05;

/**
 * The most rows that join P at once, the worst first. From a far start hundreds of rows are violated that
 * are near copies of each other, cuts of one point at neighbouring anchors, and few of them stay active.
 */
const JOINING = 128;

const NO_ROWS: ActiveSet = { rows: new Int32Array(0), multipliers: new Float64Array(0) };

/** An active set with its d = -A' lambda, and A d. */
interface Priced {
  readonly active: ActiveSet;
  readonly d: Float64Array;
  readonly along: Float64Array;
}

/**
 * Rows of which nothing is known yet.
 *
 * @param squares ||a_i||^2, by which violations are measured; default: those of the rows themselves
 */
export function pricedRows(rows: CutRows, squares?: () => Float64Array): PricedRows {
  const gram = gramCache(rows);
  const lengthsSquared = squares ?? gram.squares;
  let last: Priced | undefined;

  const spread = ({ rows: at, multipliers }: ActiveSet): Float64Array => {
    const lambda = new Float64Array(rows.count());
    for (const [k, i] of at.entries()) lambda[i] = multipliers[k];
    return lambda;
  };
  const pointOf = (active: ActiveSet): Float64Array => rows.combine(spread(active).map((v) => -v));

  /** Where the last solve ended at this start, only the rows added since are priced. */
  const priceStart = (active: ActiveSet): Priced => {
    const known = last?.active === active ? last : undefined;
    const d = known?.d ?? pointOf(active);
    const along = new Float64Array(rows.count());
    if (active.rows.length === 0) return { active, d, along };
    const old = known?.along ?? new Float64Array(0);
    along.set(old);
    along.set(rows.times(d)(rowsFrom(old.length, rows.count())), old.length);
    return { active, d, along };
  };

  const solve: PricedRows["solve"] = (rhs, options = {}) => {
    const { start = NO_ROWS, tolerance = 1e-10 } = options;
    const { upper = new Float64Array(rows.count()).fill(Infinity) } = options;
    const squares = lengthsSquared();
    const lengths = squares.map(Math.sqrt);
    const problem = { squares, b: rhs, upper };
    const every = rowsFrom(0, rows.count());
    const inP = new Uint8Array(rows.count());
    const from = priceStart(start);
    const slackAtStart = rhs.map((b, i) => b - from.along[i]);

    /** The worst of some rows that d violates and P lacks; the slack of P's rows must be there. */
    const missing = (some: Int32Array, lambda: Float64Array, slack: Float64Array): Int32Array => {
      const threshold = tolerance * reach(problem, lambda, slack);
      const isMissing = (i: number): boolean =>
        inP[i] === 0 && upper[i] > 0 && -slack[i] / lengths[i] > threshold;
      const worseFirst = (i: number, j: number): number =>
        slack[i] / lengths[i] - slack[j] / lengths[j] || i - j;
      return some.filter(isMissing).sort(worseFirst).slice(0, JOINING);
    };

    /** P, in the order in which its rows joined. */
    let chosen = new Int32Array(0);
    const withMore = (joining: Int32Array): NearestPointProblem => {
      for (const i of joining) inP[i] = 1;
      chosen = Int32Array.of(...chosen, ...joining);
      return {
        rows: gram.among(chosen),
        rhs: Float64Array.from(chosen, (i) => rhs[i]),
        upper: Float64Array.from(chosen, (i) => upper[i]),
      };
    };

    /** d = -A' lambda of multipliers over P, and A d and the slack of the rows that were priced. */
    const pointAt = (multipliers: Float64Array) => {
      const lambda = spread({ rows: chosen, multipliers });
      const d = rows.combine(lambda.map((v) => -v));
      const timesD = rows.times(d);
      const along = new Float64Array(rows.count());
      const slack = new Float64Array(rows.count());
      const price = (part: Int32Array): void => {
        for (const [k, value] of timesD(part).entries()) {
          along[part[k]] = value;
          slack[part[k]] = rhs[part[k]] - value;
        }
      };
      return { lambda, d, along, slack, price };
    };

    let point: ReturnType<typeof pointAt> | undefined;
    const lacking: Lacking = (multipliers, settled) => {
      point = pointAt(multipliers);
      const near = NEAR * norm(subtract(point.d, from.d));
      const isNear = (i: number): boolean => inP[i] === 1 || slackAtStart[i] <= near * lengths[i];
      const parts = [every.filter(isNear), ...(settled ? [every.filter((i) => !isNear(i))] : [])];
      for (const part of parts) {
        point.price(part);
        const joining = missing(part, point.lambda, point.slack);
        if (joining.length > 0) return withMore(joining);
      }
      return undefined;
    };

    withMore(start.rows);
    const violated = missing(every, spread(start), slackAtStart);
    const { status, iterations, certificate, multipliers } = nearestPoint(withMore(violated), {
      start: { rows: rowsFrom(0, start.rows.length), multipliers: start.multipliers },
      tolerance,
      lacking,
    });
    if (status !== "solved" || point === undefined) {
      point = pointAt(multipliers);
      point.price(every);
    }

    const { lambda, d, along, slack } = point;
    const active = activeSetOf(lambda);
    last = { active, d, along };
    const residuals = residualsAt(problem, lambda, slack);
    const { primal, complementarity } = residuals;
    const met = Math.max(primal, complementarity) <= tolerance;
    const conflict =
      certificate && [...chosen].filter((_, k) => certificate[k] > 0).toSorted((i, j) => i - j);
    return {
      status: status === "solved" && !met ? "stalled" : status,
      d,
      active,
      iterations,
      residuals,
      ...(conflict && { conflict }),
    };
  };
  return { squares: lengthsSquared, solve };
}
