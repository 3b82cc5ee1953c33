// How far multipliers are from optimal, measured afresh from G and b; and what a certificate must satisfy.
import { type GramColumns, plusColumns } from "./gram-cache.ts";

/** A nearest-point problem as the solver's parts share it. */
export interface DualProblem {
  readonly gram: GramColumns;
  /** ||a_i||^2 */
  readonly squares: Float64Array;
  readonly b: Float64Array;
  /** u, Infinity where a row is not elastic. */
  readonly upper: Float64Array;
}

/**
 * The KKT conditions, each as its largest violation over the rows. Violations of a_i d <= b_i are
 * distances to the half-space, |r_i| / ||a_i||, divided by ||d|| (see `reach`): 0.01 = one per cent of the
 * step. Infinity when d = 0 and a row is violated. Stationarity holds by construction, as d is -A' lambda.
 */
export interface Residuals {
  /** a_i d <= b_i where lambda_i < u_i (where lambda_i = u_i the row may be violated, that is the slack). */
  readonly primal: number;
  /** 0 <= lambda_i <= u_i, as |violation| of lambda_i times ||a_i||, divided by ||d||. */
  readonly dual: number;
  /** a_i d = b_i where 0 < lambda_i < u_i, and a_i d >= b_i where lambda_i = u_i. */
  readonly complementarity: number;
}

/**
 * The length that distances are compared with: ||d||, where ||d||^2 = lambda' (r - b). When the terms
 * lambda_i a_i of d cancel, float64 resolves no more than 1e-16 of their sum, so it counts for 1e-4 of
 * its size: a tolerance of 1e-10 then means 1e-14 of the sum, which rounding allows.
 */
export function reach(
  { squares, b }: Pick<DualProblem, "squares" | "b">,
  lambda: Float64Array,
  slack: Float64Array,
): number {
  let squared = 0;
  let sum = 0;
  for (let i = 0; i < lambda.length; i++) {
    if (lambda[i] === 0) continue;
    squared += lambda[i] * (slack[i] - b[i]);
    sum += lambda[i] * Math.sqrt(squares[i]);
  }
  return Math.max(Math.sqrt(Math.max(0, squared)), 1e-4 * sum);
}

const supportOf = (v: Float64Array): number[] => [...v.keys()].filter((i) => v[i] !== 0);

/** start + G v, [m]. */
const plusGram = (start: Float64Array, gram: GramColumns, v: Float64Array): Float64Array =>
  plusColumns(start, gram, supportOf(v), v);

/** The residuals of `lambda`, from G and b and nothing that a solve kept. */
export function residualsOf(problem: DualProblem, lambda: Float64Array): Residuals {
  return residualsAt(problem, lambda, plusGram(problem.b, problem.gram, lambda));
}

/** The residuals of `lambda` where the slack r = b - A d is known. */
export function residualsAt(
  problem: Omit<DualProblem, "gram">,
  lambda: Float64Array,
  slack: Float64Array,
): Residuals {
  const { squares, upper } = problem;
  let primal = 0;
  let dual = 0;
  let complementarity = 0;
  for (let i = 0; i < lambda.length; i++) {
    const length = Math.sqrt(squares[i]);
    const distance = slack[i] === 0 ? 0 : slack[i] / length;
    if (lambda[i] < upper[i]) primal = Math.max(primal, -distance);
    if (lambda[i] > 0) {
      const untight = lambda[i] < upper[i] ? Math.abs(distance) : distance;
      complementarity = Math.max(complementarity, untight);
    }
    dual = Math.max(dual, -lambda[i] * length, (lambda[i] - upper[i]) * length || 0);
  }
  const scale = reach(problem, lambda, slack);
  const relative = (v: number): number => (v === 0 ? 0 : v / scale);
  return {
    primal: relative(primal),
    dual: relative(dual),
    complementarity: relative(complementarity),
  };
}

/**
 * Farkas: y >= 0, A' y = 0, b' y < 0 leave no d with A d <= b. Of A' y and a feasible d it is known that
 * ||A' y|| ||d|| >= -b' y. In float64 A' y is hardly ever 0, and ||A' y||^2 = y' G y is known to some 1e-15
 * (sum y_i ||a_i||)^2. So a certificate is that ||A' y|| is below 1e-6 of that sum and that a feasible d,
 * if any, is 100 times longer than the d that `lambda` has led to, which is never longer than the nearest.
 */
export function isCertificate(
  problem: DualProblem,
  y: Float64Array,
  lambda: Float64Array,
): boolean {
  const { gram, squares, b } = problem;
  const product = plusGram(new Float64Array(y.length), gram, y);
  let quadratic = 0;
  let linear = 0;
  let sum = 0;
  for (const i of supportOf(y)) {
    quadratic += y[i] * product[i];
    linear += b[i] * y[i];
    sum += y[i] * Math.sqrt(squares[i]);
  }
  const rounding = 1e-15 * sum * sum;
  const shortest = -linear / Math.sqrt(Math.max(0, quadratic) + rounding);
  const present = reach(problem, lambda, plusGram(b, gram, lambda));
  return linear < 0 && quadratic <= 1e-12 * sum * sum && shortest >= 100 * present;
}
