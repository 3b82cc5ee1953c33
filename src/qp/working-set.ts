// The multipliers and the working set W of a nearest-point solve: which are free, which sit at a bound.
//
// Every row is in one of three states: in W (0 <= lambda_i <= u_i, free to move), at the lower bound
// (lambda_i = 0) or at the upper bound (lambda_i = u_i). With the rows outside W held, the dual
//     1/2 lambda' G lambda + b' lambda
// is stationary in W where  G_WW lambda_W + fixed_W = 0,  fixed = b + sum over the upper bound of u_i G e_i.
import { addScaled, dot } from "../tensor/vector.ts";
import { type Cholesky, emptyCholesky } from "./cholesky.ts";
import { addColumns } from "./gram-cache.ts";
import type { DualProblem } from "./residuals.ts";

/**
 * Squared distances of a row from the span of W, as shares of the squared lengths involved. Rounding in
 * G leaves some 1e-15: up to the first a row is taken as dependent; up to the second its distance has
 * few digits, and entering it is worth a second look.
 */
const DEPENDENT = 1e-14;
const DOUBTFUL = 1e-12;

/** A row seen from W: a_row = A_W' x + a part of squared length `distance` orthogonal to W. */
export interface Projection {
  readonly x: Float64Array;
  readonly distance: number;
  readonly rank: "independent" | "doubtful" | "dependent";
  /** L^-1 G_Wj, the row's part of the factor. */
  readonly l: Float64Array;
}

export interface WorkingSet {
  /** lambda, [m]; always within its bounds. `grow` puts another array in its place. */
  readonly multipliers: Float64Array;
  /** W, in the order of the factor. */
  readonly rows: readonly number[];
  /** True when the factor and `fixed` were made afresh for exactly this set. */
  readonly settled: boolean;
  has(row: number): boolean;
  /** lambda*_W: the stationary point of the dual on W, in the order of `rows`. */
  stationary(): Float64Array;
  /** lambda_W = values. */
  assign(values: Float64Array): void;
  /** r = b + G lambda = b - A d over all rows, [m]. */
  slack(): Float64Array;
  /** Takes a row off its bound, without putting it into W yet. */
  release(row: number): void;
  /** The row as the present W sees it. */
  project(row: number): Projection;
  /** Puts a row into W that is off its bounds and not dependent. */
  append(row: number, projection: Projection): void;
  /** Fixes a row at its bound 0 or u_i and takes it out of W if it is there. */
  fix(row: number, bound: number): void;
  /** Goes on in a problem whose first rows are those there were; the others start at the bound 0. */
  grow(problem: DualProblem): void;
  /**
   * Factors G_WW afresh with the rows in the order of all rows and sums `fixed` afresh. What follows depends
   * on the set alone and not on the path to it.
   */
  settle(): void;
}

/** The working set with no row in W: each multiplier at 0, or at u_i where `atUpper` lists it. */
export function createWorkingSet(problem: DualProblem, atUpper: readonly number[]): WorkingSet {
  let { gram, squares, b } = problem;
  let multipliers = new Float64Array(b.length);
  let member = new Uint8Array(b.length);
  let rows: number[] = [];
  let factor = emptyCholesky();
  let settled = true;

  /** A row as the first `onto.size` of the others see it. The loops are plain: of a thousand rows they are the work. */
  const projectOn = (onto: Cholesky, others: readonly number[], row: number): Projection => {
    const column = gram.column(row);
    const g = new Float64Array(onto.size);
    for (let k = 0; k < g.length; k++) g[k] = column[others[k]];
    const l = onto.forward(g);
    const x = onto.backward(l);
    const distance = squares[row] - dot(l, l);
    let lengths = squares[row];
    for (let k = 0; k < x.length; k++) lengths += x[k] * x[k] * squares[others[k]];
    const passes = (share: number): boolean => distance > share * lengths;
    const rank = passes(DOUBTFUL) ? "independent" : passes(DEPENDENT) ? "doubtful" : "dependent";
    return { l, x, distance, rank };
  };

  const inOrder = (some: readonly number[]): number[] =>
    some.toSorted((i, j) => gram.rows[i] - gram.rows[j]);

  const sumFixed = (): Float64Array => {
    const sum = b.slice();
    const atBound = inOrder([...b.keys()].filter((i) => multipliers[i] > 0 && member[i] === 0));
    addColumns(
      sum,
      gram,
      atBound,
      atBound.map((i) => multipliers[i]),
    );
    return sum;
  };

  for (const i of atUpper) multipliers[i] = problem.upper[i];
  let fixed = sumFixed();

  return {
    get multipliers() {
      return multipliers;
    },
    get rows() {
      return rows;
    },
    get settled() {
      return settled;
    },
    has: (row) => member[row] === 1,
    stationary: () => factor.backward(factor.forward(Float64Array.from(rows, (i) => -fixed[i]))),
    assign: (values) => {
      for (const [k, i] of rows.entries()) multipliers[i] = values[k];
    },
    slack: () => {
      const r = fixed.slice();
      addColumns(
        r,
        gram,
        rows,
        rows.map((i) => multipliers[i]),
      );
      return r;
    },
    release: (row) => {
      settled = false;
      if (multipliers[row] > 0) addScaled(fixed, -multipliers[row], gram.column(row));
    },
    project: (row) => projectOn(factor, rows, row),
    append: (row, { l, distance }) => {
      factor.append(l, distance);
      rows.push(row);
      member[row] = 1;
    },
    fix: (row, bound) => {
      settled = false;
      if (member[row]) {
        const k = rows.indexOf(row);
        factor.remove(k);
        rows.splice(k, 1);
        member[row] = 0;
      }
      multipliers[row] = bound;
      if (bound > 0) addScaled(fixed, bound, gram.column(row));
    },
    grow: (longer) => {
      ({ gram, squares, b } = longer);
      const grown = <T extends Float64Array | Uint8Array>(empty: T, old: T): T => {
        empty.set(old);
        return empty;
      };
      multipliers = grown(new Float64Array(b.length), multipliers);
      member = grown(new Uint8Array(b.length), member);
      fixed = sumFixed();
    },
    settle: () => {
      settled = true;
      fixed = sumFixed();
      const ordered = inOrder(rows);
      const fresh = emptyCholesky();
      for (const row of ordered) {
        const { l, distance, rank } = projectOn(fresh, ordered, row);
        // On the edge of dependence another order may judge otherwise: the factor that works is kept.
        if (rank === "dependent") return;
        fresh.append(l, distance);
      }
      factor = fresh;
      rows = ordered;
    },
  };
}
